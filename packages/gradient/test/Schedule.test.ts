import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Schedule } from "../src/index.ts"

const factors = (schedule: Schedule.Schedule, losses: ReadonlyArray<number>) => {
  const out: Array<number> = []
  losses.reduce((memory, loss) => {
    out.push(memory.factor)
    return Schedule.next(schedule, memory, loss)
  }, Schedule.start(schedule))
  return out
}

describe("Schedule", () => {
  it("as released, the rate falls from 0-based epoch 39 on, one epoch before StepLR(40) would let it", () => {
    const found = factors(
      Schedule.stepAsReleased,
      Array.from({ length: 81 }, () => 1)
    )
    assert.strictEqual(found[38], 1)
    assert.strictEqual(found[39], 0.1)
    assert.strictEqual(found[78], 0.1)
    assert.closeTo(found[79]!, 0.01, 1e-15)
  })

  it("without the early step it is PyTorch's StepLR, and the released warm-up is 2/3, then 1", () => {
    const late = { kind: "step", size: 2, factor: 0.5, early: false } as const
    assert.deepStrictEqual(factors(late, [1, 1, 1, 1, 1]), [1, 1, 0.5, 0.5, 0.25])
    const [first, ...rest] = factors(Schedule.warmUpAsReleased, [1, 1, 1])
    assert.closeTo(first!, 2 / 3, 1e-15)
    assert.deepStrictEqual(rest, [1, 1])
  })

  it("divides by ten after the loss has stood still for the patience", () => {
    assert.deepStrictEqual(factors(Schedule.divideOnPlateau, [1, 0.5, 0.5, 0.5, 0.5, 0.5]), [1, 1, 1, 1, 1, 0.1])
  })

  it.prop(
    "the factor of a plateau never rises, and never falls while the loss does",
    { losses: Schema.Array(Schema.Finite.check(Schema.isBetween({ minimum: 0.1, maximum: 10 }))) },
    ({ losses }) => {
      const found = factors(Schedule.divideOnPlateau, losses)
      found.forEach((factor, i) => assert.isTrue(i === 0 || factor <= found[i - 1]!))
      const falling = losses.map((_, i) => 1 / (i + 1))
      assert.isTrue(factors(Schedule.divideOnPlateau, falling).every((factor) => factor === 1))
    }
  )
})
