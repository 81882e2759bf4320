/** Prints failures of the command: one line with the details of some, or with `--verbose` everything that is known. */
import { systemSaid } from "@igm/io"
import { Cause, Console, Effect } from "effect"
import { ProgramError, wordsOf } from "./ProgramError.ts"

/** Tests whether the arguments contain `--verbose`. */
const isVerbose = (): boolean => process.argv.includes("--verbose")

/** The error's first line, with the system's message if it is not in that line. */
const lineOf = (error: unknown): string => {
  const lines = wordsOf(error).split("\n")
  const line = lines.find((line) => line.trim() !== "") ?? ""
  const said = systemSaid(error)
  return said === undefined || said === MISSING || line.includes(said) ? line : `${line}: ${said}`
}

const detailsOf = (error: unknown): ReadonlyArray<string> =>
  error instanceof ProgramError ? (error.details ?? []) : []

/** The system's message for a missing file, which errors already state in their own words. */
const MISSING = systemSaid({ code: "ENOENT" })

/** Prints a failure on standard error. */
export const tell = (cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Effect.gen(function* () {
    if (Cause.hasInterruptsOnly(cause)) {
      yield* Console.error("igm: stopped; what was finished is kept, and a new run goes on from there")
    } else if (!isTold(cause)) {
      const error = Cause.squash(cause)
      yield* Console.error([`igm: ${lineOf(error)}`, ...detailsOf(error)].join("\n"))
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
