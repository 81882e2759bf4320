/**
 * Sessions of onnxruntime as scoped resources. A session declares its inputs and outputs when it is opened, runs named
 * tensors, and is released with its scope. Programs run with one intra-op thread, so that their bits do not depend on
 * how many cores a machine has. A run blocks its thread until it is done: a session that is opened `apart` has a thread
 * of its own for it.
 *
 * A provider is tried as its layer is built: a product that may run nowhere else has to come out right. Of a larger model
 * onnxruntime leaves to the processor whatever the provider has no kernel for: `placements` says which nodes.
 */
import { Memory, type Tensor } from "@igm/tensor"
import { Context, Effect, Layer, type Scope } from "effect"
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node"
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

/** An open model. */
export interface Session {
  readonly inputs: ReadonlyArray<Port>
  readonly outputs: ReadonlyArray<Port>
  /** Memory for inputs, which are read where they lie until the run is over; others may be copied. */
  readonly memory: Memory.Pool
  readonly run: (inputs: {
    readonly [name: string]: Tensor.Tensor
  }) => Effect.Effect<{ readonly [name: string]: Tensor.Tensor }, OnnxError>
}

type Named = { readonly [name: string]: Tensor.Tensor }

/** How a model is opened. */
export interface Opening {
  /** Threads that the processor's operators share among them; 1 by default. */
  readonly threads?: number
  /**
   * Whether it runs in a thread of its own, and the thread that asks goes on meanwhile; not on webgpu, which one thread has.
   * In a process of its own nothing that a model does can hold or break this one: for models that nobody has tried.
   */
  readonly apart?: boolean | "process"
}

/** Opens models. */
export class OnnxRuntime extends Context.Service<
  OnnxRuntime,
  {
    /** The execution provider and the runtime's version, for manifests and keys. */
    readonly provider: Provider.Provider
    readonly version: string
    /** The name of the processor or graphics card. */
    readonly device: string
    /** Opens a model, its bytes or the path of its file, which onnxruntime itself reads; `name` is what errors call it. */
    readonly open: (
      name: string,
      model: Uint8Array | string,
      options?: Opening
    ) => Effect.Effect<Session, OnnxError, Scope.Scope>
    /** Where the nodes of the model in a file run; costs about as much as opening it. */
    readonly placements: (path: string) => Effect.Effect<ReadonlyArray<Placement.Placement>, OnnxError>
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
  if (provider === "cpu") return yield* runtimeOf(provider, yield* Provider.deviceName(provider))
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
  return yield* runtimeOf(provider, yield* Provider.deviceName(provider))
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

const runtimeOf = Effect.fnUntraced(function* (provider: Provider.Provider, device: string) {
  const apart = yield* SessionThread.make
  const open = Effect.fn("OnnxRuntime.open")(function* (
    name: string,
    model: Uint8Array | string,
    options: Opening = {}
  ) {
    const settings = optionsOf(provider, options.threads)
    const isApart = options.apart === true && provider !== "webgpu"
    const opening: Effect.Effect<Opened, unknown, Scope.Scope> =
      options.apart === "process"
        ? SessionProcess.open(model, settings)
        : isApart
          ? apart(model, settings)
          : here(model, settings)
    const session = yield* opening.pipe(
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
})

/** An open session, here or apart. */
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
