/** The command `igm` in this process, which is spared the start of another one. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Progress } from "@igm/io"
import { Console, Effect, Layer, Logger } from "effect"
import { TestConsole } from "effect/testing"
import * as Cli from "../../packages/cli/src/Cli.ts"

/** The output of a command, and the message of its error; a defect is an error that is none of the typed ones. */
export interface Said {
  readonly text: string
  readonly error: string | undefined
  readonly defect: boolean
}

const quiet = Layer.mergeAll(Progress.layerSilent, Logger.layer([])).pipe(Layer.provideMerge(NodeServices.layer))

/** A command in this process. */
export const igm = (...args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const console = yield* TestConsole.make
    const exit = yield* Cli.igm(args).pipe(
      Effect.provideService(Console.Console, console),
      Effect.provide(quiet),
      Effect.scoped,
      Effect.exit
    )
    const said: Said = {
      text: (yield* console.logLines).join("\n"),
      error: exit._tag === "Success" ? undefined : messageOf(exit.cause.reasons[0]),
      defect: exit._tag === "Failure" && exit.cause.reasons.some(({ _tag }) => _tag !== "Fail")
    }
    return said
  })

const messageOf = (reason: unknown): string => {
  const { error, defect } = reason as { readonly error?: unknown; readonly defect?: unknown }
  return String(((error ?? defect) as { readonly message?: unknown } | undefined)?.message ?? error ?? defect)
}
