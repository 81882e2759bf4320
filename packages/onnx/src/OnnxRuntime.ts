/**
 * Sessions of onnxruntime as scoped resources. A session declares its inputs and outputs when it is opened, runs named
 * tensors, and is released with its scope. Programs run with one intra-op thread, so that their bits do not depend on
 * how many cores a machine has. A run blocks its thread until it is done.
 */
import { Tensor } from "@igm/tensor"
import { Context, Effect, Layer, Schema, type Scope } from "effect"
import { InferenceSession, Tensor as OrtTensor, listSupportedBackends } from "onnxruntime-node"
import { createRequire } from "node:module"
import { cpus } from "node:os"

/** A model that could not be opened or run: which one, what went wrong, and the runtime's own words as the cause. */
export class OnnxError extends Schema.TaggedError<OnnxError>()("OnnxError", {
  model: Schema.String,
  problem: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `${this.model}: ${this.problem}`
  }
}

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

/** An execution provider. */
export type Provider = "cpu" | "cuda" | "webgpu"

/** Opens models. */
export class OnnxRuntime extends Context.Service<
  OnnxRuntime,
  {
    /** The execution provider and the runtime's version, for manifests and keys. */
    readonly provider: Provider
    readonly version: string
    /** The name of the processor or graphics card. */
    readonly device: string
    /** Opens the model in `bytes`; `name` is what errors call it. */
    readonly open: (name: string, bytes: Uint8Array) => Effect.Effect<Session, OnnxError, Scope.Scope>
  }
>()("@igm/onnx/OnnxRuntime") {
  /** Runs models on a provider, and on no other: where it cannot be had, the error says why. */
  static readonly layer = (provider: Provider) => Layer.effect(OnnxRuntime, make(provider))

  /** Runs models on the CPU. */
  static readonly layerCpu = Layer.sync(OnnxRuntime, () => runtimeOf("cpu"))
}

const make = Effect.fn("OnnxRuntime.make")(function* (provider: Provider) {
  const isSupported = listSupportedBackends().some(({ name }) => name === provider)
  if (!isSupported) {
    const problem = `this build of onnxruntime has no ${provider} provider: ${adviceOf(provider)}`
    return yield* new OnnxError({ model: provider, problem })
  }
  return runtimeOf(provider)
})

const adviceOf = (provider: Provider): string =>
  provider === "cuda"
    ? "install its CUDA files with `node node_modules/onnxruntime-node/script/install --onnxruntime-node-install=cuda12`"
    : "it runs on Linux, Windows and macOS on common processors"

const runtimeOf = (provider: Provider): OnnxRuntime["Service"] => {
  const open = Effect.fn("OnnxRuntime.open")(function* (name: string, bytes: Uint8Array) {
    const session = yield* Effect.acquireRelease(
      Effect.tryPromise({
        try: () =>
          InferenceSession.create(bytes, {
            executionProviders: [provider],
            intraOpNumThreads: 1,
            interOpNumThreads: 1,
            logSeverityLevel: 3
          }),
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
  return OnnxRuntime.of({ provider, version: runtimeVersion(), device: cpus()[0]?.model ?? "unknown", open })
}

const wordsOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause)).split("\n")[0]!

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
