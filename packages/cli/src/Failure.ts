/** How a failure is told: one line for a person, and with `--verbose` everything that is known about it. */
import { systemSaid } from "@igm/io"
import { Cause, Console, Effect } from "effect"

/** Whether the arguments ask for everything. */
const isVerbose = (): boolean => process.argv.includes("--verbose")

/** The error's first line, and what the system said if that is not in it. */
const lineOf = (error: unknown): string => {
  const text = error instanceof Error ? error.message : String(error)
  const line = text.split("\n")[0]!
  const said = systemSaid(error)
  return said === undefined || said === MISSING || line.includes(said) ? line : `${line}: ${said}`
}

/** The system's words for a missing file, which errors say in words of their own. */
const MISSING = systemSaid({ code: "ENOENT" })

/** Tells a failure on standard error. */
export const tell = (cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Effect.gen(function* () {
    if (Cause.hasInterruptsOnly(cause)) {
      yield* Console.error("igm: stopped; what was finished is kept, and a new run goes on from there")
    } else if (!isTold(cause)) {
      yield* Console.error(`igm: ${lineOf(Cause.squash(cause))}`)
      if (isVerbose()) yield* Console.error(Cause.pretty(cause))
    }
  })

/** Whether the command line has told it already, with its help, or nobody listens any more. */
const isTold = (cause: Cause.Cause<unknown>): boolean => {
  const error = Cause.squash(cause)
  return (
    typeof error === "object" &&
    error !== null &&
    "_tag" in error &&
    ["ShowHelp", "ReaderGone"].includes(String(error._tag))
  )
}
