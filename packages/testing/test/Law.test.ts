import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Law } from "../src/index.ts"

const Natural = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1000 }))
const small = (tolerance: number, name = "numbers are small") =>
  Law.make({ name, cases: Natural, tolerance, deviation: (n) => n })

describe("Law", () => {
  it.effect("a law that holds tells how many cases were tried and the largest deviation", () =>
    Effect.gen(function* () {
      const verdict = yield* Law.holds(small(1000), { runs: 50 })
      assert.strictEqual(verdict.cases, 50)
      assert.isAbove(verdict.largest, 0)
      assert.match(Law.line(verdict), /^holds {3}numbers are small: 50 cases, largest deviation/)
    })
  )

  it.effect("a law that does not hold ends in the smallest case, and its replay finds that again", () =>
    Effect.gen(function* () {
      const { verdict, message } = yield* Effect.flip(Law.holds(small(10), { runs: 100 }))
      assert.strictEqual(verdict.counterExample!.shrunk, "11")
      assert.include(message, "BROKEN  numbers are small: 1.1e+1 instead of at most 1e+1 for 11")
      const again = yield* small(10).check({ runs: 1, replay: verdict.counterExample!.replay })
      assert.strictEqual(again.counterExample!.shrunk, "11")
    })
  )

  it.effect("a deviation that is no number breaks a law", () =>
    Effect.gen(function* () {
      const law = Law.make({ name: "NaN", cases: Natural, tolerance: 1, deviation: () => Number.NaN })
      assert.isNotNull((yield* law.check({ runs: 5 })).counterExample)
    })
  )
})
