/** The memory that a model's activations take, by its graph. */
import { assert, describe, it } from "@effect/vitest"
import { Tensor } from "@igm/tensor"
import { Effect, FileSystem } from "effect"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Activations, Builder, Model } from "../src/index.ts"

const zeros = (...shape: ReadonlyArray<number>) => Tensor.float32(shape, new Float32Array(Tensor.sizeOf(shape)))

type Make = (builder: Builder.Builder) => Builder.Value

/** Bytes of the busiest node of a graph for inputs of these shapes. */
const bytes = Effect.fnUntraced(function* (make: Make, inputs: { readonly [name: string]: ReadonlyArray<number> }) {
  const fs = yield* FileSystem.FileSystem
  const builder = Builder.make("graph")
  const y = make(builder)
  builder.output("y", y, "float32", ["batch", "width"])
  const file = `${yield* fs.makeTempDirectoryScoped()}/model.onnx`
  yield* fs.writeFile(file, Model.encode({ graph: builder.graph(), opset: 17, metadata: {} }))
  return yield* Activations.bytes(file, inputs)
}, Effect.scoped)

const network: Make = (builder) => {
  const x = builder.input("x", "float32", ["batch", 1, 8, 8])
  // [1, 2, 4, 4], [1, 2, 2, 2] and [1, 8].
  const attributes = { strides: [2, 2], pads: [1, 1, 1, 1], kernel_shape: [3, 3] }
  const maps = builder.node("Conv", [x, builder.constant(zeros(2, 1, 3, 3))], attributes)
  const pooled = builder.node("MaxPool", [maps], { kernel_shape: [2, 2], strides: [2, 2] })
  return builder.node("Flatten", [builder.node("Relu", [pooled])])
}

const words: Make = (builder) => {
  const ids = builder.input("ids", "int64", ["batch", "length"])
  const x = builder.node("Gather", [builder.constant(zeros(10, 6)), ids])
  const wide = builder.node("MatMul", [x, builder.constant(zeros(6, 24))])
  return builder.node("Relu", [wide])
}

const attention: Make = (builder) => {
  const x = builder.input("x", "float32", ["batch", "length", 4])
  const keys = builder.node("Transpose", [x], { perm: [0, 2, 1] })
  return builder.node("MatMul", [x, keys])
}

describe("Activations", () => {
  it.effect("are followed through convolutions, pools, look-ups, products and transpositions", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* bytes(network, { x: [1, 1, 8, 8] }), 4 * (64 + 32))
      assert.strictEqual(yield* bytes(network, { x: [3, 1, 8, 8] }), 3 * 4 * (64 + 32))
      assert.strictEqual(yield* bytes(words, { ids: [1, 5] }), 4 * (120 + 120))
      // The product, and the copy of it that is the output.
      assert.strictEqual(yield* bytes(attention, { x: [1, 100, 4] }), 4 * (10_000 + 10_000))
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("of what is no model are an error", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Activations.bytes("/nowhere.onnx", {}))
      assert.match(error.message, /^\/nowhere.onnx: its graph cannot be read: .*ENOENT/)
    })
  )
})
