import { afterEach, assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { Memory } from "../src/index.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

describe("Memory", () => {
  // Files of tests share a thread.
  afterEach(() => Memory.releaseByHand(false))

  it.prop(
    "a pool's buffers are large enough, no two in use are the same, and there are no more than were in use at a time",
    [Arbitrary.schema(Schema.Struct({ sizes: Schema.Array(between(0, 9)), together: between(1, 4) }))],
    ([{ sizes, together }]) => {
      const pool = Memory.pool()
      const used: Array<ArrayBufferLike> = []
      const seen = new Set<ArrayBufferLike>()
      for (const size of sizes) {
        if (used.length === together) pool.give(used.shift()!)
        const buffer = pool.take(size)
        assert.isAtLeast(buffer.byteLength, size)
        assert.notInclude(used, buffer)
        used.push(buffer)
        seen.add(buffer)
      }
      used.forEach(pool.give)
      let kept = 0
      while (seen.has(pool.take(0))) kept++
      assert.strictEqual(kept, Math.min(together, sizes.length))
    }
  )

  it("takes the smallest that fits, and a larger one in the place of what is too small", () => {
    const pool = Memory.pool()
    const [small, large] = [pool.take(4), pool.take(16)]
    pool.give(large)
    pool.give(small)
    assert.strictEqual(pool.take(3), small)
    pool.give(small)
    assert.strictEqual(pool.take(5), large)
    assert.strictEqual(pool.take(5).byteLength, 5)
    assert.notStrictEqual(pool.take(1), small)
  })

  it("lets go of an array that has its buffer alone, and leaves one that shares it", () => {
    const [alone, whole] = [Float32Array.of(1, 2), Float32Array.of(1, 2, 3)]
    Memory.release(alone)
    assert.lengthOf(alone, 2, "a thread that does not say so lets go of nothing")
    Memory.releaseByHand()
    Memory.release(alone)
    Memory.release(alone)
    assert.lengthOf(alone, 0)
    Memory.release(whole.subarray(1))
    assert.deepStrictEqual([...whole], [1, 2, 3])
  })
})
