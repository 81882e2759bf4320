/**
 * Sessions of onnxruntime as scoped resources. A session declares its inputs and outputs when it is opened, runs on
 * named tensors, and is released with its scope. Programs run with one intra-op thread, so that their bits do not
 * depend on the number of cores. A run blocks its thread until it is done, unless the session was opened `apart`, in a
 * thread or process of its own.
 *
 * A provider is tested when its layer is built, by a matrix product that may run on no other provider. Larger models
 * fall back to the CPU for nodes without a kernel of the provider: `placements` lists them.
 */
import { Memory, Tensor } from "@igm/tensor"
import { Context, Effect, Layer, type Scope } from "effect"
import { InferenceSession } from "onnxruntime-node"
import { createRequire } from "node:module"
import * as Builder from "./Builder.ts"
import * as Model from "./Model.ts"
import { OnnxError, wordsOf } from "./OnnxError.ts"
import { fromOrt, toOrt } from "./OrtTensors.ts"
import * as Placement from "./Placement.ts"
import * as Provider from "./Provider.ts"
import * as SessionProcess from "./SessionProcess.ts"
import * as SessionThread from "./SessionThread.ts"

/** The declaration of an input or output; a dimension without a fixed size is a name, or empty. */
export interface Port {
  readonly name: string
  readonly type: string
  readonly shape: ReadonlyArray<number | string>
}

/** An open session of a model. */
export interface Session {
  readonly inputs: ReadonlyArray<Port>
  readonly outputs: ReadonlyArray<Port>
  /**
   * Memory for inputs that are passed without copying; they must not change until the run is over. Other inputs may be
   * copied.
   */
  readonly memory: Memory.Pool
  readonly run: (inputs: {
    readonly [name: string]: Tensor.Tensor
  }) => Effect.Effect<{ readonly [name: string]: Tensor.Tensor }, OnnxError>
}

type Named = { readonly [name: string]: Tensor.Tensor }

/** Options of opening a model. */
export interface Opening {
  /** The number of intra-op threads on the CPU; 1 by default. */
  readonly threads?: number
  /**
   * True to run in a worker thread, so that the calling thread is not blocked; on WebGPU, which one thread of a process
   * can have, in a child process. `"process"` runs in a child process, so that an untested model cannot block or crash
   * this one.
   */
  readonly apart?: boolean | "process"
}

/** The service that opens models. */
export class OnnxRuntime extends Context.Service<
  OnnxRuntime,
  {
    /** The execution provider and the runtime's version, for manifests and keys. */
    readonly provider: Provider.Provider
    readonly version: string
    /** The name of the processor or graphics card. */
    readonly device: string
    /**
     * Opens a model from its bytes, or from the path of its file, which onnxruntime itself reads; `name` appears in
     * errors.
     */
    readonly open: (
      name: string,
      model: Uint8Array | string,
      options?: Opening
    ) => Effect.Effect<Session, OnnxError, Scope.Scope>
    /** Lists the providers on which the nodes of a model file run; takes about as long as opening it. */
    readonly placements: (path: string) => Effect.Effect<ReadonlyArray<Placement.Placement>, OnnxError>
  }
>()("@igm/onnx/OnnxRuntime") {
  /**
   * Runs models on the given provider only. If it is not available, the error says why and what to do. The provider is
   * tested in this thread, or apart if its models will all be opened `apart`.
   */
  static readonly layer = (provider: Provider.Provider, options: Pick<Opening, "apart"> = {}) =>
    Layer.effect(OnnxRuntime, make(provider, options))

  /** Runs models on the CPU. */
  static readonly layerCpu = Layer.effect(
    OnnxRuntime,
    Effect.suspend(() => Effect.orDie(make("cpu", {})))
  )
}

/** A model that multiplies [1, 2] by a matrix, with the result [4, 6]. */
const product = (): Uint8Array => {
  const builder = Builder.make("product")
  const a = builder.input("a", "float32", [1, 2])
  const b = builder.input("b", "float32", [2, 2])
  builder.output("y", builder.node("MatMul", [a, b]), "float32", [1, 2])
  return Model.encode({ graph: builder.graph(), opset: 17, metadata: {} })
}

/** Opens a model in this thread or apart. */
type Open = (
  model: string | Uint8Array,
  settings: InferenceSession.SessionOptions,
  apart: Opening["apart"]
) => Effect.Effect<Opened, unknown, Scope.Scope>

/** Tests a provider on a product that it may not leave to the CPU. */
const trial = Effect.fnUntraced(function* (provider: Provider.Provider, open: Open, apart: Opening["apart"]) {
  const settings = { ...optionsOf(provider), extra: { session: { disable_cpu_ep_fallback: "1" } } }
  const { run } = yield* open(product(), settings, apart)
  const { y } = yield* run({ a: Tensor.float32([1, 2], [1, 2]), b: Tensor.float32([2, 2], [2, 0, 1, 3]) })
  return Array.from(y!.data as Float32Array)
}, Effect.scoped)

const make = Effect.fn("OnnxRuntime.make")(function* (provider: Provider.Provider, { apart }: Pick<Opening, "apart">) {
  const unable = (problem: string, cause?: unknown) =>
    new OnnxError({ model: provider, problem, ...(cause === undefined ? {} : { cause }) })
  const missing = Provider.missing(provider)
  if (missing !== undefined) return yield* unable(missing)
  // Nothing that a run does is reported, and no warning comes where a home cannot be written to; read as onnxruntime starts.
  process.env["ORT_DISABLE_TELEMETRY"] ??= "1"
  const open = yield* opener(provider)
  if (provider === "cpu") return runtimeOf(provider, yield* Provider.deviceName(provider), open)
  // NVIDIA's libraries would round the operands of products to ten bits (TF32), and read this as they start.
  if (provider === "cuda") process.env["NVIDIA_TF32_OVERRIDE"] ??= "0"
  const y = yield* trial(provider, open, apart).pipe(
    Effect.catch((cause) =>
      Effect.flatMap(Provider.explained(provider, cause), (problem) => Effect.fail(unable(problem, cause)))
    )
  )
  if (y.join() !== "4,6") {
    return yield* unable(`the device is faulty: it says that [1, 2] times [[2, 0], [1, 3]] is [${y.join(", ")}]`)
  }
  return runtimeOf(provider, yield* Provider.deviceName(provider), open)
})

const optionsOf = (provider: Provider.Provider, threads = 1): InferenceSession.SessionOptions => ({
  executionProviders: [provider],
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  logSeverityLevel: 3
})

const here = (model: Uint8Array | string, options: InferenceSession.SessionOptions) =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: () =>
        typeof model === "string" ? InferenceSession.create(model, options) : InferenceSession.create(model, options),
      catch: (cause) => cause
    }),
    (session) => Effect.ignore(Effect.tryPromise(() => session.release()))
  ).pipe(
    Effect.map((session) => ({
      inputs: session.inputMetadata,
      outputs: session.outputMetadata,
      memory: Memory.pool(),
      run: (inputs: Named) =>
        Effect.tryPromise({ try: () => session.run(toOrt(inputs)).then(fromOrt), catch: (cause) => cause })
    }))
  )

/** Opens models here, in a thread that starts with the first one that wants it, or each in a process of its own. */
const opener = Effect.fnUntraced(function* (provider: Provider.Provider) {
  const inThread = yield* SessionThread.make
  const open: Open = (model, settings, apart) => {
    if (apart === undefined || apart === false) return here(model, settings)
    return apart === "process" || provider === "webgpu"
      ? SessionProcess.open(model, settings)
      : inThread(model, settings)
  }
  return open
})

const runtimeOf = (provider: Provider.Provider, device: string, opening: Open) => {
  const open = Effect.fn("OnnxRuntime.open")(function* (
    name: string,
    model: Uint8Array | string,
    options: Opening = {}
  ) {
    const session = yield* opening(model, optionsOf(provider, options.threads), options.apart).pipe(
      Effect.mapError(
        (cause) =>
          new OnnxError({
            model: name,
            problem: `onnxruntime cannot open it${provider === "cpu" ? "" : ` on ${provider}`}: ${wordsOf(cause)}`,
            cause
          })
      )
    )
    const run = Effect.fn("OnnxRuntime.run")((inputs: Named) =>
      session
        .run(inputs)
        .pipe(
          Effect.mapError(
            (cause) => new OnnxError({ model: name, problem: `running it failed: ${wordsOf(cause)}`, cause })
          )
        )
    )
    return { inputs: session.inputs.map(port), outputs: session.outputs.map(port), memory: session.memory, run }
  })
  const placements = (path: string) => Placement.of(provider, path)
  return OnnxRuntime.of({ provider, version: runtimeVersion(), device, open, placements })
}

/** An open session, in this thread or apart. */
interface Opened {
  readonly inputs: ReadonlyArray<InferenceSession.ValueMetadata>
  readonly outputs: ReadonlyArray<InferenceSession.ValueMetadata>
  readonly memory: Memory.Pool
  readonly run: (inputs: Named) => Effect.Effect<Named, unknown>
}

const runtimeVersion = (): string =>
  (createRequire(import.meta.url)("onnxruntime-node/package.json") as { version: string }).version

const port = (metadata: InferenceSession.ValueMetadata): Port =>
  metadata.isTensor
    ? { name: metadata.name, type: metadata.type, shape: metadata.shape }
    : { name: metadata.name, type: "not a tensor", shape: [] }
