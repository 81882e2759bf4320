/**
 * The flags `--encoders`, `--heads` and `--device`, which choose where encoders and heads run. `--device` applies to
 * both, and each of the other two overrides it. A named device is used, or the command fails; there is no fallback.
 * `auto` prints the device that it chose and the reasons against the others.
 */
import { type EncoderChoice, EncoderRuntime } from "@igm/encoders"
import type { Manifest } from "@igm/experiment"
import { Devices, HeadTrainer } from "@igm/training"
import { Console, Effect, Layer, Option } from "effect"
import { CliError, Flag } from "effect/cli"
import { ProgramError } from "./ProgramError.ts"

/** The engine for heads, and its device if one is named. */
interface Heads {
  readonly engine: Devices.Wanted["engine"]
  readonly device?: Devices.Wanted["device"]
}

const isOneOf = <const A extends string>(names: ReadonlyArray<A>, name: string): name is A =>
  (names as ReadonlyArray<string>).includes(name)

/** Parses `ENGINE[:DEVICE]`; undefined if it is invalid. */
const headsOf = (text: string): Heads | undefined => {
  const [engine, device, ...rest] = text.split(":") as [string, ...ReadonlyArray<string>]
  if (!isOneOf(Devices.engines, engine) || rest.length > 0) return undefined
  if (device === undefined) return { engine }
  const isPair = isOneOf(Devices.devices, device) && Devices.meant({ engine, device }).length > 0
  return isPair ? { engine, device } : undefined
}

const encoders = Flag.Literals("encoders", EncoderRuntime.choices).pipe(
  Flag.withDescription("Where encoders run, on the processor by default; auto tries cuda, webgpu and cpu"),
  Flag.optional
)

const heads = Flag.String("heads").pipe(
  Flag.withMetavar("ENGINE[:DEVICE]"),
  Flag.withDescription(`What trains the heads, onnx:cpu by default: ${Devices.listed()}; auto takes what can be had`),
  Flag.mapEffect((value) => {
    const found = headsOf(value)
    if (found !== undefined) return Effect.succeed(found)
    const expected = `ENGINE or ENGINE:DEVICE (${Devices.listed()}; or auto)`
    return Effect.fail(new CliError.InvalidValue({ option: "heads", value, expected, kind: "flag" }))
  }),
  Flag.optional
)

const device = Flag.Literals("device", Devices.devices).pipe(
  Flag.withDescription("Where both run, unless --encoders or --heads says otherwise"),
  Flag.optional
)

/** The flags of commands that encode and train. */
export const flags = { encoders, heads, device }

/** The flags of commands that only encode. */
export const encoderFlags = { encoders, device }

/** The flags of commands that only train. */
export const headFlags = { heads, device }

/** The given values of the flags. */
export interface Given {
  readonly encoders: Option.Option<EncoderChoice>
  readonly heads: Option.Option<Heads>
  readonly device: Option.Option<Devices.Wanted["device"]>
}

/** The requested provider for encoders and engine for heads. */
export interface Wanted {
  readonly encoders: EncoderChoice
  readonly heads: Devices.Wanted
}

/** The default: encoders and heads on the CPU. */
const processor: Wanted = { encoders: "cpu", heads: { engine: "auto", device: "cpu" } }

/** The provider and the engine that a run was made with. */
export const ofRun = ({ encoders, heads }: Pick<Manifest.Any, "encoders" | "heads">): Wanted => ({
  encoders: encoders?.provider ?? processor.encoders,
  heads: heads === null ? processor.heads : { engine: heads.engine, device: heads.device as Devices.Wanted["device"] }
})

/** The provider for encoders that the flags request; `--device` may name a device that only heads support. */
export const encodersWanted = Effect.fnUntraced(function* (
  { encoders, device }: Pick<Given, "encoders" | "device">,
  otherwise: EncoderChoice = processor.encoders
) {
  const wanted = Option.getOrUndefined(Option.orElse(encoders, () => device)) ?? otherwise
  if (isOneOf(EncoderRuntime.choices, wanted)) return wanted
  const problem = `encoders do not run on ${wanted}, but on cpu, cuda or webgpu: use --heads for the heads alone`
  return yield* new ProgramError({ path: "--device", problem })
})

/** The engine and the device for heads that the flags request. */
export const headsWanted = (
  { heads, device }: Pick<Given, "heads" | "device">,
  otherwise: Devices.Wanted = processor.heads
): Devices.Wanted => {
  const given = Option.getOrUndefined(heads)
  const both = Option.getOrUndefined(device)
  if (given === undefined) return both === undefined ? otherwise : { engine: "auto", device: both }
  // `--heads auto` alone leaves both open.
  const open = given.engine === "auto" ? "auto" : "cpu"
  return { engine: given.engine, device: given.device ?? both ?? open }
}

/** Reads the flags; `otherwise` is the default. */
export const wanted = Effect.fn("DeviceFlags.wanted")(function* (given: Given, otherwise: Wanted = processor) {
  const found: Wanted = {
    encoders: yield* encodersWanted(given, otherwise.encoders),
    heads: headsWanted(given, otherwise.heads)
  }
  return found
})

/** The layer of the encoder runtime; prints the choice of `auto` on standard error. */
export const encoderLayer = (choice: EncoderChoice) => {
  if (choice !== "auto") return EncoderRuntime.layer(choice)
  const told = Layer.effectDiscard(
    EncoderRuntime.use(({ info }) => Console.error(EncoderRuntime.account(info).join("\n")))
  )
  return told.pipe(Layer.provideMerge(EncoderRuntime.layer(choice)))
}

/**
 * The layer of the head trainer, with its threads, and the devices that `auto` refused; prints the choice on standard
 * error.
 */
export const headLayer = Effect.fn("DeviceFlags.headLayer")(function* (
  wanted: Devices.Wanted,
  options: { readonly threads: number }
) {
  const { choice, refused } = yield* Devices.choose(wanted)
  const trainer = HeadTrainer.layer(choice, options)
  const told = Layer.effectDiscard(
    HeadTrainer.use(({ info }) => Console.error(Devices.account(refused, info).join("\n")))
  )
  return { layer: wanted.device === "auto" ? told.pipe(Layer.provideMerge(trainer)) : trainer, refused }
})

/**
 * The layers of both, and the devices that `auto` refused for heads; those refused for encoders are in the runtime's
 * `info`.
 */
export const layers = Effect.fn("DeviceFlags.layers")(function* (
  { encoders, heads }: Wanted,
  options: { readonly threads: number }
) {
  const { layer, refused } = yield* headLayer(heads, options)
  return { layer: Layer.merge(encoderLayer(encoders), layer), refused }
})
