/**
 * Sessions of onnxruntime as scoped resources. A session declares its inputs and outputs when it is opened, runs named
 * tensors, and is released with its scope. Programs run with one intra-op thread, so that their bits do not depend on
 * how many cores a machine has. A run blocks its thread until it is done.
 *
 * A provider is tried as its layer is built: a product that may run nowhere else has to come out right. Of a larger model
 * onnxruntime leaves to the processor whatever the provider has no kernel for, on cuda and webgpu the control flow, shapes
 * and counters of a program: it says which nodes in its log alone (`logSeverityLevel: 0`, "Node placements"), since
 * profiling a webgpu session aborts the process.
 */
import { Tensor } from "@igm/tensor"
import { Context, Effect, Layer, type Scope } from "effect"
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node"
import { createRequire } from "node:module"
import * as Builder from "./Builder.ts"
import * as Model from "./Model.ts"
import { OnnxError, wordsOf } from "./OnnxError.ts"
import * as Provider from "./Provider.ts"

/** The declaration of an input or output; a dimension without a fixed size is a name, or empty. */
export interface Port {
  readonly name: string
  readonly type: string
  readonly shape: ReadonlyArray<number | string>
}

/** An open model. */
export interface Session {
  readonly inputs: ReadonlyArray<Port>
  readonly outputs: ReadonlyArray<Port>
  readonly run: (inputs: {
    readonly [name: string]: Tensor.Tensor
  }) => Effect.Effect<{ readonly [name: string]: Tensor.Tensor }, OnnxError>
}

type Named = { readonly [name: string]: Tensor.Tensor }

/** Opens models. */
export class OnnxRuntime extends Context.Service<
  OnnxRuntime,
  {
    /** The execution provider and the runtime's version, for manifests and keys. */
    readonly provider: Provider.Provider
    readonly version: string
    /** The name of the processor or graphics card. */
    readonly device: string
    /** Opens the model in `bytes`; `name` is what errors call it. */
    readonly open: (name: string, bytes: Uint8Array) => Effect.Effect<Session, OnnxError, Scope.Scope>
  }
>()("@igm/onnx/OnnxRuntime") {
  /** Runs models on a provider, and on no other: where it cannot be had, the error says why and what to do. */
  static readonly layer = (provider: Provider.Provider) => Layer.effect(OnnxRuntime, make(provider))

  /** Runs models on the CPU. */
  static readonly layerCpu = Layer.effect(
    OnnxRuntime,
    Effect.suspend(() => Effect.orDie(make("cpu")))
  )
}

/** [1, 2] times a matrix, [4, 6]. */
const product = (): Uint8Array => {
  const builder = Builder.make("product")
  const a = builder.input("a", "float32", [1, 2])
  const b = builder.input("b", "float32", [2, 2])
  builder.output("y", builder.node("MatMul", [a, b]), "float32", [1, 2])
  return Model.encode({ graph: builder.graph(), opset: 17, metadata: {} })
}

/** Has a provider compute a product that it may not leave to the processor. */
const trial = async (provider: Provider.Provider): Promise<ReadonlyArray<number>> => {
  const session = await InferenceSession.create(product(), {
    ...optionsOf(provider),
    extra: { session: { disable_cpu_ep_fallback: "1" } }
  })
  try {
    const a = new OrtTensor("float32", Float32Array.of(1, 2), [1, 2])
    const b = new OrtTensor("float32", Float32Array.of(2, 0, 1, 3), [2, 2])
    const { y } = await session.run({ a, b })
    return Array.from(y!.data as Float32Array)
  } finally {
    await session.release()
  }
}

const make = Effect.fn("OnnxRuntime.make")(function* (provider: Provider.Provider) {
  const unable = (problem: string, cause?: unknown) =>
    new OnnxError({ model: provider, problem, ...(cause === undefined ? {} : { cause }) })
  const missing = Provider.missing(provider)
  if (missing !== undefined) return yield* unable(missing)
  if (provider === "cpu") return runtimeOf(provider, yield* Provider.deviceName(provider))
  // NVIDIA's libraries would round the operands of products to ten bits (TF32), and read this as they start.
  if (provider === "cuda") process.env["NVIDIA_TF32_OVERRIDE"] ??= "0"
  const y = yield* Effect.tryPromise({ try: () => trial(provider), catch: (cause) => cause }).pipe(
    Effect.catch((cause) =>
      Effect.flatMap(Provider.explained(provider, cause), (problem) => Effect.fail(unable(problem, cause)))
    )
  )
  if (y.join() !== "4,6") {
    return yield* unable(`the device is faulty: it says that [1, 2] times [[2, 0], [1, 3]] is [${y.join(", ")}]`)
  }
  return runtimeOf(provider, yield* Provider.deviceName(provider))
})

const optionsOf = (provider: Provider.Provider): InferenceSession.SessionOptions => ({
  executionProviders: [provider],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  logSeverityLevel: 3
})

const runtimeOf = (provider: Provider.Provider, device: string): OnnxRuntime["Service"] => {
  const open = Effect.fn("OnnxRuntime.open")(function* (name: string, bytes: Uint8Array) {
    const session = yield* Effect.acquireRelease(
      Effect.tryPromise({
        try: () => InferenceSession.create(bytes, optionsOf(provider)),
        catch: (cause) =>
          new OnnxError({
            model: name,
            problem:
              provider === "cpu"
                ? "this is not a model that onnxruntime can open"
                : `onnxruntime cannot open it on ${provider}: ${wordsOf(cause)}`,
            cause
          })
      }),
      (session) => Effect.ignore(Effect.tryPromise(() => session.release()))
    )
    const run = Effect.fn("OnnxRuntime.run")(function* (inputs: Named) {
      const results = yield* Effect.tryPromise({
        try: () => session.run(Object.fromEntries(Object.entries(inputs).map(([key, t]) => [key, toOrt(t)]))),
        catch: (cause) => new OnnxError({ model: name, problem: `running it failed: ${wordsOf(cause)}`, cause })
      })
      return Object.fromEntries(Object.entries(results).map(([key, value]) => [key, fromOrt(value as OrtTensor)]))
    })
    return { inputs: session.inputMetadata.map(port), outputs: session.outputMetadata.map(port), run }
  })
  return OnnxRuntime.of({ provider, version: runtimeVersion(), device, open })
}

const runtimeVersion = (): string =>
  (createRequire(import.meta.url)("onnxruntime-node/package.json") as { version: string }).version

const port = (metadata: InferenceSession.ValueMetadata): Port =>
  metadata.isTensor
    ? { name: metadata.name, type: metadata.type, shape: metadata.shape }
    : { name: metadata.name, type: "not a tensor", shape: [] }

const toOrt = ({ dtype, data, shape }: Tensor.Tensor): OrtTensor =>
  new OrtTensor(dtype, data as Float32Array, shape as Array<number>)

const fromOrt = (value: OrtTensor): Tensor.Tensor =>
  // The runtime owns its output buffers: copy before they go.
  Tensor.make(value.type as Tensor.DType, value.dims, (value.data as Float32Array).slice() as never)
