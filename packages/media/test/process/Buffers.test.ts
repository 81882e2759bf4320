import { afterAll, assert, describe, it } from "@effect/vitest"
import { Memory, Tensor } from "@igm/tensor"
import { Arbitrary, Schema } from "effect"
import type { Tensors } from "../../src/Preprocess.ts"
import * as Buffers from "../../src/process/Buffers.ts"

/** What `Buffers.shared` makes of tensors where a thread was lent these buffers. */
const shared = (tensors: Tensors, lent: ReadonlyArray<SharedArrayBuffer>): Tensors => {
  Memory.lend(lent)
  const out = Buffers.shared(tensors)
  Memory.takeBack(lent.length)
  return out
}

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** Samples that are asked for one after another, of such lengths; so many are in use at a time, and some are lost. */
const Case = Schema.Struct({
  lengths: Schema.Array(between(0, 6)),
  others: Schema.Array(between(1, 3)),
  together: between(1, 5),
  lost: Schema.Array(Schema.Boolean)
})

/** Sample i, of one or two tensors. */
const sample = (i: number, length: number, other?: number): Tensors => {
  const first = Tensor.float32(
    [length],
    Float32Array.from({ length }, (_, k) => 10 * i + k)
  )
  if (other === undefined) return first
  const second = BigInt64Array.from({ length: other }, () => BigInt(i))
  return { first, second: Tensor.make("int64", [other], second) }
}

const dataOf = (tensors: Tensors) => (Tensor.isTensor(tensors) ? [tensors] : Object.values(tensors))
const buffersOf = (tensors: Tensors) => dataOf(tensors).map(({ data }) => data.buffer as SharedArrayBuffer)

describe("Buffers", () => {
  // Files of tests share a thread.
  afterAll(() => Memory.releaseByHand(false))

  it.prop(
    "a sample's numbers are its own as long as it is in use, in no more buffers than the samples in use need",
    [Arbitrary.schema(Case)],
    ([{ lengths, others, together, lost }]) => {
      const buffers = Buffers.make()
      const used: Array<readonly [i: number, tensors: Tensors]> = []
      const expected = (i: number) => sample(i, lengths[i]!, others[i])
      /** Buffers that are in use or will be used again. */
      const alive = new Set<SharedArrayBuffer>()
      const back = () => {
        const [i, tensors] = used.shift()!
        assert.deepStrictEqual(tensors, expected(i))
        buffers.give(tensors)
      }
      lengths.forEach((_, i) => {
        if (used.length === together) back()
        const given = buffers.take()
        given.forEach((buffer) => alive.delete(buffer))
        if (lost[i] === true) return
        const tensors = shared(expected(i), given)
        const others = new Set(used.flatMap(([, one]) => buffersOf(one)))
        assert.isFalse(buffersOf(tensors).some((buffer) => others.has(buffer)))
        buffersOf(tensors).forEach((buffer) => alive.add(buffer))
        assert.isAtMost(alive.size, 2 * together)
        used.push([i, tensors])
      })
      while (used.length > 0) back()
    }
  )

  it("samples of one size use the same memory again", () => {
    const buffers = Buffers.make()
    assert.deepStrictEqual(buffers.take(), [])
    const decoded = sample(1, 8) as Tensor.Tensor<"float32">
    const first = shared(decoded, []) as Tensor.Tensor<"float32">
    assert.deepStrictEqual(first, sample(1, 8) as Tensor.Tensor<"float32">)
    buffers.give(first)
    const again = buffers.take()
    assert.strictEqual(again[0], first.data.buffer)
    assert.strictEqual(buffersOf(shared(sample(2, 7), again))[0], again[0])
    assert.deepStrictEqual([...first.data.subarray(0, 7)], [20, 21, 22, 23, 24, 25, 26])
    // A larger one does not fit, and has a new buffer.
    assert.notStrictEqual(buffersOf(shared(sample(3, 9), again))[0], again[0])
  })

  it("in a thread that lets go of memory by hand, what samples were copied from is free at once", () => {
    Memory.releaseByHand()
    const decoded = sample(1, 8) as Tensor.Tensor<"float32">
    assert.deepStrictEqual(shared(decoded, []), sample(1, 8))
    assert.lengthOf(decoded.data, 0)
  })

  it("tensors over one array are two tensors, and a part of an array leaves the rest of it", () => {
    const whole = Float32Array.of(1, 2, 3, 4)
    const part = shared(Tensor.float32([2], whole.subarray(1, 3)), []) as Tensor.Tensor<"float32">
    assert.deepStrictEqual([...part.data], [2, 3])
    assert.deepStrictEqual([...whole], [1, 2, 3, 4])
    const both = { a: Tensor.float32([4], whole), b: Tensor.float32([4], whole) }
    const { a, b } = shared(both, []) as { a: Tensor.Tensor; b: Tensor.Tensor }
    assert.deepStrictEqual(a.data, Float32Array.of(1, 2, 3, 4))
    assert.deepStrictEqual(b.data, a.data)
    assert.notStrictEqual(a.data.buffer, b.data.buffer)
  })
})
