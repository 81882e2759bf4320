/** `--engine` and `--device`: what trains the heads. Nothing else is taken in its place. */
import { Devices, HeadTrainer } from "@igm/training"
import { Console, Effect } from "effect"
import { Flag } from "effect/cli"

/** The flags that choose; heads train by onnxruntime on the processor where nothing is said. */
export const flags = {
  engine: Flag.Literals("engine", Devices.engines).pipe(
    Flag.withDescription(`What trains the heads: ${Devices.listed()}; auto takes the first that has the device`),
    Flag.withDefault("auto" as const)
  ),
  device: Flag.Literals("device", Devices.devices).pipe(
    Flag.withDescription("Where the heads train; auto tries the engine's devices in that order and tells what it took"),
    Flag.withDefault("cpu" as const)
  )
}

/** Has a trainer on the chosen device, in threads; what `auto` refused is handed on, and told on standard error. */
export const withTrainer = Effect.fn("Device.withTrainer")(function* <A, E, R>(
  wanted: Devices.Wanted,
  options: { readonly threads: number },
  use: (refused: ReadonlyArray<Devices.Refused>) => Effect.Effect<A, E, R>
) {
  const { choice, refused } = yield* Devices.choose(wanted)
  const told = Effect.gen(function* () {
    const { about } = yield* HeadTrainer
    if (wanted.device === "auto") yield* Console.error(Devices.account(refused, about).join("\n"))
    return yield* use(refused)
  })
  return yield* told.pipe(Effect.provide(HeadTrainer.layerThreads(choice, options)))
})
