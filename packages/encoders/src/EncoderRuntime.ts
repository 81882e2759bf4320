/**
 * The runtime that encoders run on, and its provider: the processor, CUDA or WebGPU. It is a service of its own, so that
 * encoders may run on another device than heads train on. A provider that is named is taken or refused; only `auto` looks
 * around, and keeps what it refused.
 *
 * On other providers than the processor a model always runs apart from the thread that asks: on CUDA in a thread of its own,
 * on WebGPU in a process of its own, because no two threads of a process can have onnxruntime's WebGPU, and heads may want
 * it.
 */
import { FirstAvailable, OnnxError, OnnxRuntime, type Provider } from "@igm/onnx"
import { Context, Effect, Layer } from "effect"

/** A provider, or the first that can be had. */
export type Choice = Provider | "auto"

/** The providers that `auto` tries, in this order. */
const ORDER: ReadonlyArray<Provider> = ["cuda", "webgpu", "cpu"]

/** The description of the encoders' runtime in a manifest. */
export interface Info {
  readonly provider: Provider
  /** The name of the processor or graphics card. */
  readonly device: string
  /** onnxruntime's version. */
  readonly version: string
  /** The providers that `auto` could not have. */
  readonly refused: ReadonlyArray<FirstAvailable.Refused>
}

/** Opens encoders. */
export class EncoderRuntime extends Context.Service<
  EncoderRuntime,
  Pick<OnnxRuntime["Service"], "open" | "placements"> & { readonly info: Info }
>()("@igm/encoders/EncoderRuntime") {
  /** The providers by name, and a choice left open. */
  static readonly choices = ["cpu", "cuda", "webgpu", "auto"] as const satisfies ReadonlyArray<Choice>

  /** Runs encoders on the provider of a choice; where it cannot be had, the error says what is missing. */
  static readonly layer = (choice: Choice): Layer.Layer<EncoderRuntime, OnnxError> =>
    Layer.effect(
      EncoderRuntime,
      Effect.gen(function* () {
        const { choice: provider, refused } = yield* choose(choice)
        return of(yield* opened(provider), refused)
      })
    )

  /** Runs encoders on the processor. */
  static readonly layerCpu: Layer.Layer<EncoderRuntime> = Layer.effect(
    EncoderRuntime,
    Effect.map(OnnxRuntime, (runtime) => of(runtime, []))
  ).pipe(Layer.provide(OnnxRuntime.layerCpu))

  /** Tells what `auto` took and why it took nothing before, a line each. */
  static readonly account = ({ refused, provider, device }: Info): ReadonlyArray<string> =>
    FirstAvailable.account(refused, labelOf(provider), device)
}

const of = (
  { provider, device, version, open, placements }: OnnxRuntime["Service"],
  refused: Info["refused"]
): EncoderRuntime["Service"] =>
  EncoderRuntime.of({
    info: { provider, device, version, refused },
    open: (name, model, options) => open(name, model, provider === "cpu" ? options : { apart: true, ...options }),
    placements
  })

const labelOf = (choice: Choice): string => `encoders on ${choice}`

/** The runtime of a provider, which ends with the scope. */
const opened = Effect.fn("EncoderRuntime.opened")(function* (provider: Provider) {
  const layer = OnnxRuntime.layer(provider, { apart: provider !== "cpu" })
  const context = yield* Layer.build(layer).pipe(
    Effect.mapError(({ problem, cause }) => new OnnxError({ model: labelOf(provider), problem, cause }))
  )
  return Context.get(context, OnnxRuntime)
})

/** Fails where a runtime's device is slower than the processor. */
const tryOut = ({ provider, device }: OnnxRuntime["Service"]) => {
  const problem = FirstAvailable.softwareProblem(device)
  return problem === undefined ? Effect.void : Effect.fail(new OnnxError({ model: labelOf(provider), problem }))
}

const choose = (choice: Choice): Effect.Effect<FirstAvailable.Taken<Provider>, OnnxError> =>
  choice === "auto"
    ? FirstAvailable.take(ORDER, labelOf, (provider) => Effect.scoped(Effect.flatMap(opened(provider), tryOut))).pipe(
        Effect.mapError((problem) => new OnnxError({ model: labelOf(choice), problem }))
      )
    : Effect.succeed({ choice, refused: [] })
