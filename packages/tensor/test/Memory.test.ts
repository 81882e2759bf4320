import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { Memory } from "../src/index.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

describe("Memory", () => {
  it.prop(
    "a pool's buffers are large enough, no two in use are the same, and there are no more than were in use at a time",
    [Arbitrary.schema(Schema.Struct({ sizes: Schema.Array(between(0, 9)), together: between(1, 4) }))],
    ([{ sizes, together }]) => {
      const pool = Memory.pool()
      const used: Array<ArrayBufferLike> = []
      const all = new Set<ArrayBuffer>()
      for (const size of sizes) {
        if (used.length === together) pool.give(used.shift()!)
        const buffer = pool.take(size) as ArrayBuffer
        assert.isAtLeast(buffer.byteLength, size)
        assert.isFalse(buffer.detached)
        assert.notInclude(used, buffer)
        used.push(buffer)
        all.add(buffer)
        assert.isAtMost([...all].filter(({ detached }) => !detached).length, together)
      }
      used.forEach(pool.give)
      pool.clear()
      assert.isTrue([...all].every(({ detached }) => detached))
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
    assert.isTrue((small as ArrayBuffer).detached)
  })

  it("lets go of an array that has its buffer alone, and leaves one that shares it", () => {
    const [alone, whole] = [Float32Array.of(1, 2), Float32Array.of(1, 2, 3)]
    Memory.release(alone)
    assert.lengthOf(alone, 0)
    Memory.release(whole.subarray(1))
    assert.deepStrictEqual([...whole], [1, 2, 3])
  })
})
