import { assert, describe, it } from "@effect/vitest"
import { Tensor } from "@igm/tensor"
import { Effect, Schema } from "effect"
import * as TensorCache from "../src/worker/TensorCache.ts"

const tensors = Array.from({ length: 6 }, (_, i) => Tensor.float32([i + 1, 8], new Float32Array(8 * (i + 1))))

const bytesOf = (i: number): number => 4 * 8 * (i + 1)

const BUDGET = 300

/** Makes calls that use these tensors; gives what the thread holds after each, as the cache tells it. */
const held = (calls: ReadonlyArray<ReadonlyArray<number>>) => {
  const cache = TensorCache.make(BUDGET)
  const holds = new Map<number, number>()
  let next = 0
  return calls.map((used) => {
    cache.begin()
    for (const i of used) {
      const found = cache.find(tensors[i]!)
      assert.strictEqual(found, holds.get(i))
      if (found !== undefined) continue
      cache.add(tensors[i]!, next)
      holds.set(i, next++)
    }
    for (const id of cache.trim()) {
      const i = [...holds].find(([, of]) => of === id)![0]
      holds.delete(i)
    }
    return { used, holds: [...holds.keys()] }
  })
}

describe("TensorCache", () => {
  const Calls = Schema.Array(Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 5 }))))

  it.effect.prop("holds what a call uses, and besides that no more than the budget", { calls: Calls }, ({ calls }) =>
    Effect.sync(() => {
      for (const { used, holds } of held(calls)) {
        for (const i of used) assert.include(holds, i)
        const all = holds.reduce((sum, i) => sum + bytesOf(i), 0)
        if (all > BUDGET) assert.sameMembers(holds, [...new Set(used)])
      }
    })
  )

  it("drops what many calls have not used, though it is within the budget, and keeps what some use now and then", () => {
    const calls = Array.from({ length: 200 }, (_, i) => (i === 0 ? [0, 1, 2] : i % 20 === 0 ? [1] : [2]))
    const found = held(calls)
    assert.sameMembers(found[10]!.holds as Array<number>, [0, 1, 2])
    assert.sameMembers(found[199]!.holds as Array<number>, [1, 2])
  })
})
