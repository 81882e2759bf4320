/** How a failure is told: one line for a person, and with `--verbose` everything that is known about it. */
import { Cause, Console, Effect } from "effect"

/** Whether the arguments ask for everything. */
const isVerbose = (): boolean => process.argv.includes("--verbose")

const lineOf = (error: unknown): string => {
  const text = error instanceof Error ? error.message : String(error)
  return text.split("\n")[0]!
}

/** Tells a failure on standard error. */
export const tell = (cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Effect.gen(function* () {
    if (Cause.hasInterruptsOnly(cause)) {
      yield* Console.error("igm: stopped; what was finished is kept, and a new run goes on from there")
    } else if (!isHelp(cause)) {
      yield* Console.error(`igm: ${lineOf(Cause.squash(cause))}`)
      if (isVerbose()) yield* Console.error(Cause.pretty(cause))
    }
  })

/** Whether the command line has told it already, with its help. */
const isHelp = (cause: Cause.Cause<unknown>): boolean => {
  const error = Cause.squash(cause)
  return typeof error === "object" && error !== null && "_tag" in error && error._tag === "ShowHelp"
}
