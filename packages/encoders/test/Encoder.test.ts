import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Progress } from "@igm/io"
import { Builder, Model } from "@igm/onnx"
import { Digest, Tensor } from "@igm/tensor"
import { Effect, FileSystem, Layer, Path } from "effect"
import { DigitEncoders } from "@igm/av-digits"
import { Encoder, EncoderRuntime } from "../src/index.ts"
import { sample } from "./samples.ts"

const layers = Layer.mergeAll(NodeServices.layer, EncoderRuntime.layerCpu, Progress.layerSilent)

const MAX_BYTES = 3_000_000

describe("DigitEncoders", () => {
  it.effect("are the files that their digests say, small, and give 128 features a sample whatever the batch", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      for (const encoder of [DigitEncoders.audio, DigitEncoders.image]) {
        assert.isAtMost((yield* fs.readFile(encoder.file)).length, MAX_BYTES)
        const { encode } = yield* Encoder.open(encoder)
        const [a, b] = [sample(encoder, 1), sample(encoder, 2)]
        const both = yield* encode(Tensor.stack([a, b]))
        assert.deepStrictEqual(both.shape, [2, 128])
        const alone = yield* encode(Tensor.stack([b]))
        alone.data.forEach((x, i) => assert.closeTo(x, both.data[128 + i]!, 1e-4))
      }
    }).pipe(Effect.provide(layers))
  )
})

/** A file with a model that takes word numbers and a mask of any length and gives three features: made by `change`d ports. */
const words = Effect.fnUntraced(function* (
  change: { readonly batch?: number | string; readonly mask?: string; readonly width?: number | string } = {}
) {
  const { batch = "batch", mask = "mask", width = 3 } = change
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const builder = Builder.make("words")
  const [ids, given] = ["ids", mask].map((name) => builder.input(name, "int64", [batch, "length"]))
  const numbers = builder.node("Cast", [builder.node("Mul", [ids!, given!])], { to: 1 })
  const axes = builder.constant(Tensor.make("int64", [1], BigInt64Array.of(1n)))
  const sums = builder.node("ReduceSum", [numbers, axes], { keepdims: 1 })
  const weights = builder.constant(Tensor.float32([1, 3], [1, 2, 3]))
  builder.output("features", builder.node("MatMul", [sums, weights]), "float32", [batch, width])
  const bytes = Model.encode({ graph: builder.graph(), opset: 17, metadata: {} })
  const file = path.join(yield* fs.makeTempDirectoryScoped(), "words.onnx")
  yield* fs.writeFile(file, bytes)
  return Encoder.make({
    name: "words",
    file,
    digest: Digest.ofBytes(bytes),
    inputs: { ids: { dtype: "int64", shape: ["length"] }, mask: { dtype: "int64", shape: ["length"] } },
    width: 3
  })
})

const int64 = (rows: ReadonlyArray<ReadonlyArray<number>>) =>
  Tensor.make("int64", [rows.length, rows[0]!.length], BigInt64Array.from(rows.flat(), BigInt))

const problemOf = (encoder: Encoder.Encoder) => Effect.map(Effect.flip(Encoder.open(encoder)), ({ message }) => message)

describe("Encoder", () => {
  it.effect("a damaged, missing or unfitting file is an error that names it", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const file = path.join(yield* fs.makeTempDirectoryScoped(), "encoder.onnx")
      const bytes = yield* fs.readFile(DigitEncoders.image.file)
      const { image } = DigitEncoders
      assert.include(yield* problemOf({ ...image, file }), `${file}: the encoder digit-image cannot be read`)
      const short = bytes.slice(0, 100_000)
      yield* fs.writeFile(file, short)
      assert.include(yield* problemOf({ ...image, file }), `${file}: the file of encoder digit-image is damaged`)
      assert.include(
        yield* problemOf({ ...image, file, digest: Digest.ofBytes(short) }),
        `${file}: the encoder digit-image is not an ONNX model`
      )
      yield* fs.writeFile(file, bytes)
      assert.include(
        yield* problemOf({ ...image, file, width: 512 }),
        "its output feature should be float32 [batch, 512], and is float32 [batch, 128]"
      )
      assert.match(
        yield* problemOf({ name: image.name, digest: image.digest, width: image.width, file, input: [3, 28, 28] }),
        /its input \w+ should be float32 \[batch, 3, 28, 28\], and is float32 \[batch, 1, 28, 28\]/
      )
    }).pipe(Effect.provide(layers))
  )

  it.effect("takes named inputs of several types and of free length, and tells what of them differs", () =>
    Effect.gen(function* () {
      const encoder = yield* words()
      const { encode } = yield* Encoder.open(encoder)
      for (const length of [1, 4]) {
        const ids = int64([Array.from({ length }, (_, i) => i + 1), Array.from({ length }, () => 7)])
        const mask = int64([Array.from({ length }, () => 1), Array.from({ length }, (_, i) => (i === 0 ? 1 : 0))])
        const sum = (length * (length + 1)) / 2
        assert.deepStrictEqual([...(yield* encode({ ids, mask })).data], [sum, 2 * sum, 3 * sum, 7, 14, 21])
      }
      const lacking = yield* Effect.flip(encode({ ids: int64([[1]]) }))
      assert.include(lacking.message, "there is no tensor for the input mask")
      const wrong = yield* Effect.flip(encode({ ids: int64([[1]]), mask: Tensor.float32([1, 1], [1]) }))
      assert.include(wrong.message, "the input mask takes int64 [length], not float32 [1]")

      const renamed = yield* words({ mask: "attention" })
      const problem = yield* problemOf(renamed)
      assert.include(problem, "it has no input mask (its inputs: ids, attention)")
      assert.include(problem, "it also wants an input attention, int64 [batch, length]")
      assert.include(
        yield* problemOf(yield* words({ batch: 1 })),
        "its batch axis is fixed at 1, export it with a free one"
      )
      assert.include(
        yield* problemOf({ ...encoder, output: "pooled" }),
        "it has no output pooled (its outputs: features)"
      )
    }).pipe(Effect.provide(layers))
  )

  it.effect("features of another shape than the model declares are an error, not features", () =>
    Effect.gen(function* () {
      const encoder = yield* words({ width: "width" })
      const { encode } = yield* Encoder.open({ ...encoder, width: 4 })
      const error = yield* Effect.flip(encode({ ids: int64([[1]]), mask: int64([[1]]) }))
      assert.include(error.message, "should give float32 [1, 4], and gave float32 [1, 3]")
    }).pipe(Effect.provide(layers))
  )

  it.effect("a batch that there is no memory for is an error that names its size", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const builder = Builder.make("huge")
      const x = builder.input("x", "float32", ["batch", 1])
      const size = builder.constant(Tensor.make("int64", [2], BigInt64Array.of(1n, 2n ** 42n)))
      const axes = builder.constant(Tensor.make("int64", [1], BigInt64Array.of(1n)))
      const sum = builder.node("ReduceSum", [builder.node("Expand", [x, size]), axes], { keepdims: 1 })
      builder.output("y", sum, "float32", ["batch", 1])
      const bytes = Model.encode({ graph: builder.graph(), opset: 17, metadata: {} })
      const file = path.join(yield* fs.makeTempDirectoryScoped(), "huge.onnx")
      yield* fs.writeFile(file, bytes)
      const { encode } = yield* Encoder.open(
        Encoder.make({ name: "huge", file, digest: Digest.ofBytes(bytes), input: [1], width: 1 })
      )
      const error = yield* Effect.flip(encode(Tensor.float32([3, 1], [1, 2, 3])))
      assert.strictEqual(error._tag, "BatchTooLarge")
      assert.strictEqual(
        error.message,
        `${file}: there is not enough memory for a batch of 3 samples: lower the batch size`
      )
    }).pipe(Effect.provide(layers))
  )

  it.effect(
    "the processor gives the same bits for any batch, in any place of it, by any number of threads, and apart",
    () =>
      Effect.gen(function* () {
        for (const encoder of [DigitEncoders.audio, DigitEncoders.image]) {
          const all = Array.from({ length: 33 }, (_, i) => sample(encoder, i))
          const { encode } = yield* Encoder.open(encoder)
          const alone = yield* Effect.forEach(all, (one) => encode(Tensor.stack([one])))
          for (const threads of [1, 2, 3]) {
            const { encode } = yield* Encoder.open(encoder, { threads, apart: threads === 2 })
            for (const size of [2, 7, 33]) {
              const rows = all.slice(33 - size) as [Tensor.Tensor<"float32">]
              const { data } = yield* encode(Tensor.stack(rows))
              rows.forEach((_, i) =>
                assert.deepStrictEqual(data.slice(128 * i, 128 * i + 128), alone[33 - size + i]!.data)
              )
            }
          }
        }
      }).pipe(Effect.provide(layers))
  )
})
