/** Prints failures of the command: one line, or with `--verbose` everything that is known. */
import { systemSaid } from "@igm/io"
import { Cause, Console, Effect } from "effect"

/** Tests whether the arguments contain `--verbose`. */
const isVerbose = (): boolean => process.argv.includes("--verbose")

/** The error's first line, with the system's message if it is not in that line. */
const lineOf = (error: unknown): string => {
  const text = error instanceof Error ? error.message : String(error)
  const line = text.split("\n")[0]!
  const said = systemSaid(error)
  return said === undefined || said === MISSING || line.includes(said) ? line : `${line}: ${said}`
}

/** The system's message for a missing file, which errors already state in their own words. */
const MISSING = systemSaid({ code: "ENOENT" })

/** Prints a failure on standard error. */
export const tell = (cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Effect.gen(function* () {
    if (Cause.hasInterruptsOnly(cause)) {
      yield* Console.error("igm: stopped; what was finished is kept, and a new run goes on from there")
    } else if (!isTold(cause)) {
      yield* Console.error(`igm: ${lineOf(Cause.squash(cause))}`)
      if (isVerbose()) yield* Console.error(Cause.pretty(cause))
    }
  })

/**
 * Tests whether a failure needs no message: the command line has printed it with its help, or the reader of the output
 * is gone.
 */
const isTold = (cause: Cause.Cause<unknown>): boolean => {
  const error = Cause.squash(cause)
  return (
    typeof error === "object" &&
    error !== null &&
    "_tag" in error &&
    ["ShowHelp", "ReaderGone"].includes(String(error._tag))
  )
}
