import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Digest, Keyed, Safetensors, Tensor } from "../src/index.ts"

const Shape = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4 }))).check(Schema.isMaxLength(3))
const Entry = Schema.Struct({
  name: Schema.NonEmptyString,
  shape: Shape,
  dtype: Schema.Literals(["float32", "float64", "int32", "uint8"])
})

const tensorsOf = (entries: ReadonlyArray<typeof Entry.Type>) =>
  Object.fromEntries(
    entries
      .filter(({ name }) => name !== "__metadata__")
      .map(({ name, shape, dtype }) => {
        const stream = Keyed.stream([name])
        const raw = Uint8Array.from({ length: Tensor.sizeOf(shape) * Tensor.bytesPerElement(dtype) }, () =>
          stream.uint32()
        )
        return [name, Tensor.fromBytes(dtype, shape, raw)]
      })
  )

describe("Safetensors", () => {
  it.prop("what is written is read", { entries: Schema.Array(Entry) }, ({ entries }) => {
    const tensors = tensorsOf(entries)
    const file = Safetensors.encode(tensors, { made: "here" })
    const read = Safetensors.decode(file)
    assert.deepStrictEqual(read.metadata, { made: "here" })
    assert.deepStrictEqual(Digest.ofTensors(read.tensors), Digest.ofTensors(tensors))
    const reversed = Object.fromEntries(Object.entries(tensors).toReversed())
    assert.deepStrictEqual(Safetensors.encode(reversed, { made: "here" }), file)
  })

  it("a tensor may have any name", () => {
    const tensors = Object.fromEntries(["__proto__", "toString"].map((name) => [name, Tensor.int32([1], [7])]))
    assert.deepStrictEqual(Safetensors.decode(Safetensors.encode(tensors)).tensors, tensors)
  })

  it("a file cut off anywhere is refused", () => {
    const file = Safetensors.encode({ a: Tensor.float32([2, 2], [1, 2, 3, 4]), b: Tensor.int32([1], [7]) })
    for (let length = 0; length < file.length; length++) {
      assert.throws(() => Safetensors.decode(file.subarray(0, length)), Safetensors.MalformedSafetensors)
    }
  })

  it("reads from the middle of a larger buffer, as Node's file reads may give", () => {
    const file = Safetensors.encode({ a: Tensor.float64([2], [1.5, -2]) })
    const inside = Buffer.concat([Buffer.from([1, 2, 3]), file]).subarray(3)
    assert.deepStrictEqual(Array.from(Safetensors.decode(inside).tensors["a"]!.data as Float64Array), [1.5, -2])
  })

  it("refuses tensors that overlap or leave bytes between them or behind them", () => {
    const offsets = (...pairs: ReadonlyArray<readonly [number, number]>) =>
      new TextEncoder().encode(
        JSON.stringify(
          Object.fromEntries(pairs.map((data_offsets, i) => [i, { dtype: "U8", shape: [2], data_offsets }]))
        )
      )
    assert.strictEqual(Safetensors.header(offsets([2, 4], [0, 2]), 4).tensors.size, 2)
    assert.throws(
      () => Safetensors.header(offsets([0, 2], [1, 3]), 3),
      "1: starts at byte 1, where the tensors before it end at 2"
    )
    assert.throws(() => Safetensors.header(offsets([0, 2], [3, 5]), 5), "1: starts at byte 3")
    assert.throws(() => Safetensors.header(offsets([0, 2]), 3), "the tensors end at byte 2 of 3")
  })

  it("names the tensor whose shape and bytes disagree", () => {
    const header = JSON.stringify({ x: { dtype: "F32", shape: [3], data_offsets: [0, 8] } })
    const file = new Uint8Array(8 + header.length + 8)
    new DataView(file.buffer).setBigUint64(0, BigInt(header.length), true)
    file.set(new TextEncoder().encode(header), 8)
    assert.throws(() => Safetensors.decode(file), "x: shape and bytes disagree")
  })
})

describe("Digest", () => {
  it("is SHA-256, of JSON with sorted keys", () => {
    const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert.strictEqual(Digest.ofBytes(new Uint8Array()), empty)
    assert.strictEqual(
      Digest.canonicalJson({ b: [1, "x", null], a: { d: true, c: undefined } }),
      '{"a":{"d":true},"b":[1,"x",null]}'
    )
    assert.strictEqual(Digest.ofJson({ a: 1, b: 2 }), Digest.ofJson({ b: 2, a: 1 }))
    assert.throws(() => Digest.canonicalJson({ a: NaN }), TypeError)
  })

  it("tells tensors of equal bytes and other shapes apart", () => {
    const data = [1, 2, 3, 4]
    assert.notStrictEqual(Digest.ofTensor(Tensor.float32([4], data)), Digest.ofTensor(Tensor.float32([2, 2], data)))
  })
})

describe("Tensor", () => {
  it("refuses data that do not fill the shape, and rows that are not there", () => {
    assert.throws(() => Tensor.float32([2, 2], [1, 2, 3]), RangeError)
    assert.throws(() => Tensor.takeRows(Tensor.float32([2, 1], [1, 2]), [2]), RangeError)
  })

  it("takes rows and stacks", () => {
    const a = Tensor.float32([3, 2], [1, 2, 3, 4, 5, 6])
    assert.deepStrictEqual(Array.from(Tensor.takeRows(a, [2, 0]).data), [5, 6, 1, 2])
    assert.deepStrictEqual(Tensor.stack([a, a]).shape, [2, 3, 2])
  })
})
