import { assert, describe, it } from "@effect/vitest"
import { Memory, Tensor } from "@igm/tensor"
import { Arbitrary, Effect, Fiber, Ref, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  Builder,
  Model,
  ModelFile,
  OnnxError,
  OnnxRuntime,
  Placement,
  hasEndedProcess,
  isOutOfMemory
} from "../src/index.ts"
import { wordsOf } from "../src/OnnxError.ts"

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
      assert.match(damaged.message, /^broken.onnx: onnxruntime cannot open it: .*protobuf/i)
      const session = yield* runtime.open("twice.onnx", twice())
      const wrong = yield* Effect.flip(session.run({ x: Tensor.float32([1, 3], [1, 2, 3]) }))
      assert.match(wrong.message, /^twice.onnx: running it failed: /)
      assert.isDefined(wrong.cause)
    }).pipe(Effect.provide(OnnxRuntime.layerCpu))
  )
})

/** The path of a file with these bytes, which is removed with the scope. */
const fileOf = (bytes: Uint8Array) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const folder = mkdtempSync(join(tmpdir(), "igm-onnx-"))
      writeFileSync(join(folder, "model.onnx"), bytes)
      return join(folder, "model.onnx")
    }),
    (file) => Effect.sync(() => rmSync(join(file, ".."), { recursive: true }))
  )

/** Counts far in a Loop, so that a run takes its time. */
const slow = () => {
  const outer = Builder.make("slow")
  const steps = outer.input("steps", "int64", [])
  const start = outer.input("start", "float32", [1])
  const body = outer.nested("body")
  body.input("iteration", "int64", [])
  const goOn = body.input("goOn", "bool", [])
  const total = body.input("total", "float32", [1])
  body.output("goesOn", goOn, "bool", [])
  body.output("next", body.node("Add", [total, total]), "float32", [1])
  const [end] = outer.nodes("Loop", [steps, { name: "" }, start], 1, { body: { graph: body.graph() } })
  outer.output("end", end!, "float32", [1])
  return Model.encode({ graph: outer.graph(), opset: 17, metadata: {} })
}

describe("OnnxRuntime, apart", () => {
  it.effect(
    "runs the model of a path in another thread, with the same results and errors, while this one goes on",
    () =>
      Effect.gen(function* () {
        const runtime = yield* OnnxRuntime
        const file = yield* fileOf(twice())
        const session = yield* runtime.open("twice.onnx", file, { apart: true, threads: 2 })
        assert.deepStrictEqual(session.inputs, [{ name: "x", type: "float32", shape: ["batch", 2] }])
        const x = Tensor.float32([1, 2], [3, 4])
        const results = yield* Effect.all([session.run({ x }), session.run({ x })], { concurrency: "unbounded" })
        for (const { y } of results) assert.deepStrictEqual(y, Tensor.float32([1, 2], [6, 8]))
        assert.deepStrictEqual(x, Tensor.float32([1, 2], [3, 4]))
        const wrong = yield* Effect.flip(session.run({ x: Tensor.float32([1, 3], [1, 2, 3]) }))
        assert.match(wrong.message, /^twice.onnx: running it failed: /)
        const damaged = yield* Effect.flip(runtime.open("broken.onnx", twice().slice(0, 40), { apart: true }))
        assert.match(damaged.message, /^broken.onnx: onnxruntime cannot open it: .*protobuf/i)

        const long = yield* runtime.open("slow", slow(), { apart: true })
        const steps = Tensor.make("int64", [], BigInt64Array.of(100_000n))
        let ticks = 0
        const timer = setInterval(() => ticks++, 1)
        yield* long.run({ steps, start: Tensor.float32([1], [0]) })
        clearInterval(timer)
        assert.isAbove(ticks, 2)
      }).pipe(Effect.scoped, Effect.provide(OnnxRuntime.layerCpu))
  )

  it.live("who stops waiting for a run is free at once, and the next run comes out right", () =>
    Effect.gen(function* () {
      const runtime = yield* OnnxRuntime
      const session = yield* runtime.open("slow", slow(), { apart: true })
      const start = Tensor.float32([1], [1])
      const run = (n: bigint) => session.run({ steps: Tensor.make("int64", [], BigInt64Array.of(n)), start })
      const fiber = yield* Effect.forkChild(run(300_000n), { startImmediately: true })
      yield* Effect.sleep("20 millis")
      const began = performance.now()
      yield* Fiber.interrupt(fiber)
      const took = performance.now() - began
      const { end } = yield* run(3n)
      assert.deepStrictEqual(Array.from(end!.data as Float32Array), [8])
      assert.isBelow(took, performance.now() - began)
    }).pipe(Effect.scoped, Effect.provide(OnnxRuntime.layerCpu))
  )

  it.live(
    "runs at a time, in memory that is used again, do not see each other's numbers, nor do errors and interruptions",
    () =>
      Effect.gen(function* () {
        const runtime = yield* OnnxRuntime
        const builder = Builder.make("both")
        const x = builder.input("x", "float32", ["batch", 2])
        builder.output("y", builder.node("Mul", [x, builder.constant(Tensor.float32([1], [2]))]), "float32", [
          "batch",
          2
        ])
        // An output that is its input, in the input's own memory.
        builder.output("same", builder.node("Identity", [x]), "float32", ["batch", 2])
        const model = Model.encode({ graph: builder.graph(), opset: 17, metadata: {} })
        const session = yield* runtime.open("both", model, { apart: true })
        const kept = yield* Effect.forEach(
          Array.from({ length: 60 }, (_, i) => i),
          Effect.fnUntraced(function* (i) {
            const rows = 1 + (i % 3)
            const numbers = Array.from({ length: 2 * rows }, (_, k) => 100 * i + k)
            if (i % 5 === 0)
              yield* Effect.flip(session.run({ x: Tensor.float32([rows, 3], new Float32Array(3 * rows)) }))
            if (i % 7 === 0) {
              const other = yield* Effect.forkChild(
                session.run({ x: Tensor.float32([rows, 2], new Float32Array(2 * rows)) })
              )
              yield* Fiber.interrupt(other)
            }
            // A part of a larger array, as a part of a batch is.
            const data = Float32Array.of(-1, ...numbers, -1).subarray(1, 1 + numbers.length)
            if (i % 2 === 0) return [numbers, yield* session.run({ x: Tensor.float32([rows, 2], data) })] as const
            const shared = Memory.copy(data, session.memory.take(data.byteLength))
            const results = yield* session.run({ x: Tensor.float32([rows, 2], shared) })
            assert.deepStrictEqual([...shared], numbers)
            session.memory.give(shared.buffer)
            return [numbers, results] as const
          }),
          { concurrency: 6 }
        )
        for (const [numbers, { y, same }] of kept) {
          assert.deepStrictEqual([...(same!.data as Float32Array)], numbers)
          assert.deepStrictEqual(
            [...(y!.data as Float32Array)],
            numbers.map((n) => 2 * n)
          )
        }
      }).pipe(Effect.scoped, Effect.provide(OnnxRuntime.layerCpu))
  )

  it.effect("a session that outlives its runtime is an error, and not a wait without end", () =>
    Effect.gen(function* () {
      const session = yield* OnnxRuntime.use((runtime) => runtime.open("twice", twice(), { apart: true })).pipe(
        Effect.provide(OnnxRuntime.layerCpu)
      )
      const error = yield* Effect.flip(session.run({ x: Tensor.float32([1, 2], [3, 4]) }))
      assert.include(error.message, "its thread has ended")
    })
  )
})

/** Steps of `slow` that no machine comes to the end of. */
const endless = { steps: Tensor.make("int64", [], BigInt64Array.of(2n ** 62n)), start: Tensor.float32([1], [0]) }

describe("OnnxRuntime, in a process", () => {
  it.live("runs a model with the same results and errors", () =>
    Effect.gen(function* () {
      const runtime = yield* OnnxRuntime
      const session = yield* runtime.open("sums", sums(), { apart: "process" })
      assert.deepStrictEqual(session.outputs, (yield* runtime.open("sums", sums())).outputs)
      const inputs = { steps: Tensor.make("int64", [], BigInt64Array.of(4n)), start: Tensor.float32([1], [0]) }
      for (const { end } of yield* Effect.all([session.run(inputs), session.run(inputs)], { concurrency: 2 })) {
        assert.deepStrictEqual(end, Tensor.float32([1], [10]))
      }
      const wrong = yield* Effect.flip(session.run({ start: inputs.start }))
      assert.match(wrong.message, /^sums: running it failed: input 'steps' is missing/)
      const damaged = yield* Effect.flip(runtime.open("broken", twice().slice(0, 40), { apart: "process" }))
      assert.match(damaged.message, /^broken: onnxruntime cannot open it: .*protobuf/i)
    }).pipe(Effect.scoped, Effect.provide(OnnxRuntime.layerCpu))
  )

  it.live("a run that never ends does so with who waits for it, and its process with it", () =>
    Effect.gen(function* () {
      const runtime = yield* OnnxRuntime
      const session = yield* runtime.open("endless", slow(), { apart: "process" })
      const fiber = yield* Effect.forkChild(session.run(endless), { startImmediately: true })
      yield* Effect.sleep("50 millis")
      yield* Fiber.interrupt(fiber)
      const after = yield* Effect.flip(
        session.run({ ...endless, steps: Tensor.make("int64", [], BigInt64Array.of(1n)) })
      )
      assert.strictEqual(after.message, "endless: running it failed: its process was ended by SIGKILL")
      assert.isTrue(hasEndedProcess(after))
    }).pipe(Effect.scoped, Effect.provide(OnnxRuntime.layerCpu))
  )

  it.effect("a run that takes too long is an error", () =>
    Effect.gen(function* () {
      const runtime = yield* OnnxRuntime
      const session = yield* runtime.open("endless", slow(), { apart: "process" })
      const fiber = yield* Effect.forkChild(Effect.flip(session.run(endless)), { startImmediately: true })
      yield* TestClock.adjust("10 minutes")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error.message, "endless: running it failed: it did not come to an end within 10 minutes")
      assert.isTrue(hasEndedProcess(error))
    }).pipe(Effect.scoped, Effect.provide(OnnxRuntime.layerCpu))
  )
})

describe("OnnxError", () => {
  it.effect("says why onnxruntime cannot open a model, in its words", () =>
    Effect.gen(function* () {
      const runtime = yield* OnnxRuntime
      const reason = (op: string, opset: number) => {
        const builder = Builder.make("strange")
        const x = builder.input("x", "float32", ["batch", 2])
        builder.output("y", builder.node(op, [x]), "float32", ["batch", 2])
        const bytes = Model.encode({ graph: builder.graph(), opset, metadata: {} })
        return Effect.map(Effect.flip(runtime.open("strange", bytes)), ({ message }) => message)
      }
      assert.match(yield* reason("Unheard", 17), /^strange: onnxruntime cannot open it: .*Unheard/)
      assert.match(yield* reason("Relu", 99), /^strange: onnxruntime cannot open it: ONNX Runtime .*Opset 99 is under/)
      // The version of the format is the first number of the file.
      const later = Uint8Array.from(twice())
      later[1] = 99
      const { message } = yield* Effect.flip(runtime.open("later", later))
      assert.match(message, /^later: onnxruntime cannot open it: Unsupported model IR version: 99, max/)
    }).pipe(Effect.scoped, Effect.provide(OnnxRuntime.layerCpu))
  )

  it("leaves out places in onnxruntime's source, and the file that was to be loaded", () => {
    const source = "/onnxruntime_src/onnxruntime/core"
    for (const [thrown, words] of [
      [
        `Load model from a b.onnx failed:${source}/graph/model.cc:192 onnxruntime::Model::Model(onnx::ModelProto&&, ` +
          "const onnxruntime::PathString&, const onnxruntime::logging::Logger&) Unsupported model IR version: 99\n",
        "Unsupported model IR version: 99"
      ],
      [
        "Deserialize tensor W failed.tensorprotoutils.cc:584 GetExternalDataInfo TensorProto: W external data size",
        "Deserialize tensor W failed. TensorProto: W external data size"
      ],
      [
        `running Gather node. Name:'' Status Message: ${source}/common/safeint.h:17 static void ` +
          "SafeIntExceptionHandler<onnxruntime::OnnxRuntimeException>::SafeIntOnOverflow() Integer overflow",
        "running Gather node. Name:'' Status Message: Integer overflow"
      ],
      ["No Op registered for \u001b[2JEvil\nand more", "No Op registered for ?[2JEvil"],
      ["Load model from m.onnx failed:", "Load model from m.onnx failed:"],
      ["2.5 of f(x) at a.b:3", "2.5 of f(x) at a.b:3"]
    ] as const) {
      assert.strictEqual(wordsOf(new Error(thrown)), words)
    }
  })
})

describe("Placement", () => {
  it.effect("tells that the processor has all nodes where it is the provider", () =>
    Effect.gen(function* () {
      const { placements } = yield* OnnxRuntime
      const placed = yield* placements(yield* fileOf(twice()))
      assert.deepStrictEqual(
        placed.map(({ provider }) => provider),
        ["CPUExecutionProvider"]
      )
      assert.isAtLeast(placed[0]!.count, 1)
      const none = yield* Effect.flip(placements("/nowhere/model.onnx"))
      assert.include(none.message, "/nowhere/model.onnx: onnxruntime does not say")
    }).pipe(Effect.scoped, Effect.provide(OnnxRuntime.layerCpu))
  )

  it("reads which nodes the processor has of another provider's model", () => {
    const place = "2026-11-25 03:33:35.87 [V:onnxruntime:, session_state.cc:1381 VerifyEachNodeIsAssignedToAnEp] "
    const [cpu, cuda] = Placement.parse(
      [
        " Node(s) placed on [CPUExecutionProvider]. Number of nodes: 3",
        "  Shape (/bert/Shape)",
        "  Gather (/bert/Gather (1))",
        "  Shape ()",
        " Node(s) placed on [CUDAExecutionProvider]. Number of nodes: 1",
        "  Conv (conv1)"
      ].map((text) => `${place}${text}`)
    )
    assert.strictEqual(Placement.inWords(cpu!), "3 nodes (2 Shape, Gather)")
    assert.deepStrictEqual(cpu!.nodes[1], { operator: "Gather", name: "/bert/Gather (1)" })
    assert.deepStrictEqual([cuda!.provider, cuda!.count, cuda!.nodes.length], ["CUDAExecutionProvider", 1, 1])
  })
})

describe("ModelFile", () => {
  const read = (bytes: Uint8Array) => (start: number, length: number) => bytes.subarray(start, start + length)

  it.effect("declares what onnxruntime says that it declares", () =>
    Effect.gen(function* () {
      const runtime = yield* OnnxRuntime
      for (const bytes of [twice(), sums()]) {
        const { inputs, outputs } = yield* runtime.open("model", bytes)
        assert.deepStrictEqual(ModelFile.declared(read(bytes), bytes.length), { inputs, outputs, external: [] })
      }
    }).pipe(Effect.scoped, Effect.provide(OnnxRuntime.layerCpu))
  )

  it.prop(
    "any bytes, and any change of a model's, are read to an end or are an error",
    [
      Arbitrary.schema(
        Schema.Struct({
          cut: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 300 })),
          at: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 299 })),
          byte: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))
        })
      )
    ],
    ([{ cut, at, byte }]) => {
      const bytes = Uint8Array.from(sums())
      bytes[at % bytes.length] = byte
      const part = bytes.subarray(0, cut === 0 ? bytes.length : cut)
      try {
        assert.isArray(ModelFile.declared(read(part), part.length).inputs)
      } catch (error) {
        assert.match((error as Error).message, /^(byte|it |the |its )/)
      }
    }
  )

  it.effect("a file that is none is an error that says where it ends being one", () =>
    Effect.gen(function* () {
      const bytes = twice()
      const cut = yield* Effect.flip(ModelFile.read(yield* fileOf(bytes.subarray(0, 40))))
      assert.match(cut.message, /model.onnx: this is not an ONNX model: the field at byte \d+ would end at byte \d+/)
      const empty = yield* Effect.flip(ModelFile.read(yield* fileOf(new Uint8Array(0))))
      assert.include(empty.message, "this is not an ONNX model: it has no graph")
      const missing = yield* Effect.flip(ModelFile.read("/nowhere/model.onnx"))
      assert.include(missing.message, "/nowhere/model.onnx: this is not an ONNX model: ENOENT")
    }).pipe(Effect.scoped)
  )

  it("names the files that hold weights, also those of graphs in nodes", () => {
    const encode = (field: number, ...parts: ReadonlyArray<Uint8Array | string>) => {
      const body = Buffer.concat(parts.map((part) => Buffer.from(part)))
      return Buffer.concat([Buffer.from([8 * field + 2, body.length]), body])
    }
    const tensor = (location: string) => [
      encode(8, "weights"),
      encode(13, encode(1, "offset"), encode(2, "0")),
      encode(13, encode(1, "location"), encode(2, location))
    ]
    const nested = encode(1, encode(5, encode(6, encode(5, ...tensor("nested.data")))))
    const model = encode(7, nested, encode(5, ...tensor("model.data")))
    assert.deepStrictEqual(ModelFile.declared(read(model), model.length).external, ["model.data", "nested.data"])
  })
})

describe("isOutOfMemory", () => {
  it("knows the words of the runtimes, however deep, and no others", () => {
    for (const words of [
      "Failed to allocate memory for requested buffer of size 52776558133248",
      "CUDA failure 2: out of memory ; GPU=0",
      "Available memory of 1 is smaller than requested bytes of 2",
      "std::bad_alloc",
      "Array buffer allocation failed"
    ]) {
      assert.isTrue(isOutOfMemory({ cause: new Error(words) }))
    }
    assert.isFalse(isOutOfMemory(new Error("Got invalid dimensions for input: x", { cause: "shape" })))
    assert.isFalse(isOutOfMemory(undefined))
  })
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
