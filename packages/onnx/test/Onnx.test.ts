import { assert, describe, it } from "@effect/vitest"
import { Tensor } from "@igm/tensor"
import { Effect, Ref, Stream } from "effect"
import { Builder, Model, OnnxError, OnnxRuntime } from "../src/index.ts"

/** y = 2 x, with metadata. */
const twice = () => {
  const builder = Builder.make("twice")
  const x = builder.input("x", "float32", ["batch", 2])
  builder.output("y", builder.node("Mul", [x, builder.constant(Tensor.float32([1], [2]))]), "float32", ["batch", 2])
  return Model.encode({ graph: builder.graph(), opset: 17, metadata: { made: "here", about: "doubling" } })
}

/** Adds up 1 … n in a Loop and hands out every partial sum. */
const sums = () => {
  const outer = Builder.make("sums")
  const steps = outer.input("steps", "int64", [])
  const start = outer.input("start", "float32", [1])
  const one = outer.constant(Tensor.float32([1], [1]))
  const body = outer.nested("body")
  const iteration = body.input("iteration", "int64", [])
  const goOn = body.input("goOn", "bool", [])
  const total = body.input("total", "float32", [1])
  const counted = body.node("Add", [body.node("Cast", [iteration], { to: 1 }), one])
  const next = body.node("Add", [total, counted])
  body.output("goesOn", goOn, "bool", [])
  body.output("next", next, "float32", [1])
  body.output("partial", next, "float32", [1])
  const [end, partial] = outer.nodes("Loop", [steps, { name: "" }, start], 2, { body: { graph: body.graph() } })
  outer.output("end", end!, "float32", [1])
  outer.output("partials", partial!, "float32", ["steps", 1])
  return Model.encode({ graph: outer.graph(), opset: 17, metadata: {} })
}

describe("OnnxRuntime", () => {
  it.effect("runs a graph that the builder made, for any batch, and declares its ports", () =>
    Effect.gen(function* () {
      const runtime = yield* OnnxRuntime
      const session = yield* runtime.open("twice", twice())
      assert.deepStrictEqual(session.inputs, [{ name: "x", type: "float32", shape: ["batch", 2] }])
      for (const rows of [1, 3]) {
        const x = Tensor.float32(
          [rows, 2],
          Array.from({ length: 2 * rows }, (_, i) => i)
        )
        const { y } = yield* session.run({ x })
        assert.deepStrictEqual(
          y,
          Tensor.float32(
            [rows, 2],
            x.data.map((value) => 2 * value)
          )
        )
      }
    }).pipe(Effect.provide(OnnxRuntime.layerCpu))
  )

  it.effect("a Loop carries its state and scans its traces; its body sees the graph around it", () =>
    Effect.gen(function* () {
      const runtime = yield* OnnxRuntime
      const session = yield* runtime.open("sums", sums())
      const steps = Tensor.make("int64", [], BigInt64Array.of(4n))
      const { end, partials } = yield* session.run({ steps, start: Tensor.float32([1], [0]) })
      assert.deepStrictEqual(Array.from(end!.data as Float32Array), [10])
      assert.deepStrictEqual(Array.from(partials!.data as Float32Array), [1, 3, 6, 10])
    }).pipe(Effect.provide(OnnxRuntime.layerCpu))
  )

  it.effect("a damaged model and a wrong input are typed errors that name the model", () =>
    Effect.gen(function* () {
      const runtime = yield* OnnxRuntime
      const damaged = yield* Effect.flip(runtime.open("broken.onnx", twice().slice(0, 40)))
      assert.strictEqual(damaged.message, "broken.onnx: this is not a model that onnxruntime can open")
      const session = yield* runtime.open("twice.onnx", twice())
      const wrong = yield* Effect.flip(session.run({ x: Tensor.float32([1, 3], [1, 2, 3]) }))
      assert.match(wrong.message, /^twice.onnx: running it failed: /)
      assert.isDefined(wrong.cause)
    }).pipe(Effect.provide(OnnxRuntime.layerCpu))
  )
})

describe("OnnxRuntime on a provider", () => {
  for (const provider of ["cuda", "webgpu"] as const) {
    it.live(`${provider} runs on a device that has a name, or the error says what to install`, () =>
      Effect.gen(function* () {
        const runtime = yield* OnnxRuntime
        assert.strictEqual(runtime.provider, provider)
        assert.isNotEmpty(runtime.device)
        const session = yield* runtime.open("twice", twice())
        const { y } = yield* session.run({ x: Tensor.float32([1, 2], [3, 4]) })
        assert.deepStrictEqual(y, Tensor.float32([1, 2], [6, 8]))
      }).pipe(
        Effect.provide(OnnxRuntime.layer(provider)),
        Effect.catch((error) =>
          Effect.sync(() => {
            assert.strictEqual(error._tag, "OnnxError")
            assert.match(
              error.message,
              /^(cuda: .*(install it with|LD_LIBRARY_PATH)|webgpu: .*install a graphics driver)/
            )
          })
        )
      )
    )
  }
})

describe("Model", () => {
  it("gives the same bytes for the same graph, and its metadata back", () => {
    assert.deepStrictEqual(twice(), twice())
    assert.deepStrictEqual(Model.metadataOf(twice()), { made: "here", about: "doubling" })
  })

  const promised = (shape: ReadonlyArray<number>, tensor: Effect.Effect<Tensor.Tensor, OnnxError>) => {
    const builder = Builder.make<Tensor.Tensor | Model.Promised<OnnxError>>("promised")
    const x = builder.input("x", "float32", ["batch", 2])
    const two = builder.constant(Tensor.float32([1], [2]))
    const late = builder.constant({ dtype: "float32", shape, tensor })
    builder.output("y", builder.node("Mul", [builder.node("Mul", [x, two]), late]), "float32", ["batch", 2])
    return { graph: builder.graph(), opset: 17, metadata: { made: "here" } }
  }

  it.effect("in parts it is the same file, and each promised tensor is made once, when its turn comes", () =>
    Effect.gen(function* () {
      const made = yield* Ref.make(0)
      const three = Tensor.float32([2], [3, 4])
      const model = promised([2], Ref.update(made, (n) => n + 1).pipe(Effect.as(three)))
      const parts = Model.parts(model)
      assert.strictEqual(yield* Ref.get(made), 0)
      const bytes = Buffer.concat(yield* Stream.runCollect(parts))
      assert.strictEqual(yield* Ref.get(made), 1)
      const initializers = Object.fromEntries(
        Object.entries(model.graph.initializers).map(([name, of]) => [name, "tensor" in of ? three : of])
      )
      assert.deepStrictEqual(new Uint8Array(bytes), Model.encode({ ...model, graph: { ...model.graph, initializers } }))
      const session = yield* (yield* OnnxRuntime).open("promised", bytes)
      const { y } = yield* session.run({ x: Tensor.float32([1, 2], [5, 6]) })
      assert.deepStrictEqual(y, Tensor.float32([1, 2], [30, 48]))
    }).pipe(Effect.scoped, Effect.provide(OnnxRuntime.layerCpu))
  )

  it.effect("a promise that is not kept, fails, or makes the file too large for the format is an error", () =>
    Effect.gen(function* () {
      const problem = (shape: ReadonlyArray<number>, tensor: Effect.Effect<Tensor.Tensor, OnnxError>) =>
        Effect.flip(Stream.runDrain(Model.parts(promised(shape, tensor)))).pipe(Effect.map(({ message }) => message))
      const three = Tensor.float32([3], [3, 4, 5])
      assert.strictEqual(yield* problem([2], Effect.succeed(three)), "promised: float32 [3] came for float32 [2]")
      const gone = new OnnxError({ model: "weights", problem: "gone" })
      assert.strictEqual(yield* problem([2], Effect.fail(gone)), "weights: gone")
      assert.match(
        yield* problem([2 ** 29], Effect.die("not to be made")),
        /^promised: the file would have 21474\d+ bytes; an ONNX file holds at most 2147483647$/
      )
    })
  )
})
