import { assert, describe, it } from "@effect/vitest"
import { Tensor } from "@igm/tensor"
import { Arbitrary, Schema } from "effect"
import * as Buffers from "../src/Buffers.ts"
import type { Tensors } from "../src/Dataset.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** Samples that are asked for one after another, of such lengths; so many are in use at a time, and some are lost. */
const Case = Schema.Struct({
  lengths: Schema.Array(between(0, 6)),
  others: Schema.Array(between(1, 3)),
  together: between(1, 5),
  lost: Schema.Array(Schema.Boolean)
})

/** Sample i, of one or two tensors. */
const sample = (i: number, length: number, other: number | undefined): Tensors => {
  const first = Tensor.float32(
    [length],
    Float32Array.from({ length }, (_, k) => 10 * i + k)
  )
  if (other === undefined) return first
  return {
    first,
    second: Tensor.make(
      "int64",
      [other],
      BigInt64Array.from({ length: other }, () => BigInt(i))
    )
  }
}

/** What crosses to another thread. */
const sent = <A>(value: A, buffers: Array<ArrayBuffer>): A => structuredClone(value, { transfer: buffers })

describe("Buffers", () => {
  it.prop(
    "a sample's numbers are its own as long as they are lent, in no more buffers than samples at a time need",
    [Arbitrary.schema(Case)],
    ([{ lengths, others, together, lost }]) => {
      const buffers = Buffers.make()
      const lent: Array<readonly [i: number, tensors: Tensors]> = []
      const expected = (i: number) => sample(i, lengths[i]!, others[i])
      const back = () => {
        const [i, tensors] = lent.shift()!
        assert.deepStrictEqual(tensors, expected(i))
        buffers.give(tensors)
      }
      let alive = 0
      lengths.forEach((_, i) => {
        if (lent.length === together) back()
        const taken = buffers.take()
        const given = sent(taken, taken)
        if (lost[i] === true) {
          alive -= given.length
          buffers.give()
          return
        }
        const tensors = Buffers.handed(expected(i), given)
        const own = Buffers.of(tensors)
        alive += own.length - given.length
        lent.push([i, sent(tensors, own)])
        if (lent.length === 1) alive = Math.min(alive, own.length)
        assert.isAtMost(alive, 2 * together)
      })
      while (lent.length > 0) back()
      assert.deepStrictEqual(buffers.take(), [])
    }
  )

  it("samples of one size use the same memory again, and memory that is used again leaves its old tensor without numbers", () => {
    const buffers = Buffers.make()
    const first = buffers.take()
    assert.deepStrictEqual(first, [])
    buffers.take()
    const one = Buffers.handed(sample(1, 8, undefined), first) as Tensor.Tensor<"float32">
    const [own] = Buffers.of(one)
    buffers.give(one)
    const again = buffers.take()
    assert.strictEqual(again[0], own)
    const given = sent(again, again)
    assert.strictEqual(one.data.length, 0)
    const next = sample(2, 8, undefined) as Tensor.Tensor<"float32">
    const handed = Buffers.handed(next, given) as Tensor.Tensor<"float32">
    assert.strictEqual(handed.data.buffer, given[0])
    assert.deepStrictEqual([...handed.data], [20, 21, 22, 23, 24, 25, 26, 27])
    // What it was copied from is let go at once.
    assert.strictEqual(next.data.length, 0)
  })

  it("a tensor that has a part of a buffer, or shares it, is handed over whole, and what others read stays", () => {
    const whole = Float32Array.of(1, 2, 3, 4)
    const part = Tensor.float32([2], whole.subarray(1, 3))
    const handed = Buffers.handed(part, []) as Tensor.Tensor<"float32">
    assert.deepStrictEqual([...handed.data], [2, 3])
    Buffers.release(part.data)
    assert.deepStrictEqual([...whole], [1, 2, 3, 4])
    const both = { a: Tensor.float32([4], whole), b: Tensor.float32([4], whole) }
    const tensors = Buffers.handed(both, [new ArrayBuffer(16)])
    const [a, b] = Object.values(sent(tensors, Buffers.of(tensors)))
    assert.deepStrictEqual([...a.data, ...b.data], [1, 2, 3, 4, 1, 2, 3, 4])
  })
})
