/**
 * Standard output and standard error of the command. A failure to write is an error of the command at its end: the work
 * itself continues, and its results are kept. In a terminal lines are wrapped to its width; text for other programs,
 * JSON and scripts, is left as it is.
 */
import { type IoError, ioError } from "@igm/io"
import { Console, Effect, Logger, Runtime, Schema } from "effect"
import { fstatSync, writeSync } from "node:fs"
import { format, stripVTControlCharacters } from "node:util"
import { fold } from "./Fold.ts"

/**
 * The reader of the output has closed it, as `head` does: nothing more is printed, and the exit code is that of
 * SIGPIPE.
 */
export class ReaderGone extends Schema.TaggedError<ReaderGone>()("ReaderGone", {}) {
  override readonly [Runtime.errorExitCode] = 141
}

/** A destination of text: a terminal of so many columns, or another. */
export interface Stream {
  readonly columns: number | undefined
  readonly write: (text: string) => void
  /** Calls back when all writes have succeeded or failed. */
  readonly flush: (done: () => void) => void
}

/** Opens a stream with a callback for failures to write. */
export type Open = (failed: (cause: unknown) => void) => Stream

const OUTPUT = 1

/** A file, whose write takes as many bytes as there is space for and returns their number. */
const file: Open = (failed) => ({
  columns: undefined,
  write: (text) => {
    const bytes = Buffer.from(text)
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(OUTPUT, bytes, at)
    } catch (cause) {
      failed(cause)
    }
  },
  flush: (done) => done()
})

/** A terminal, pipe or socket. Without a known width, lines are not wrapped. */
const stream =
  (to: NodeJS.WriteStream): Open =>
  (failed) => {
    to.on("error", failed)
    return {
      columns: to.isTTY && to.columns > 0 ? to.columns : undefined,
      write: (text) => void to.write(text, (cause) => void (cause && failed(cause))),
      flush: (done) => void to.write("", done)
    }
  }

/** Standard output. */
const output: Open = (failed) => {
  const stats = fstatSync(OUTPUT)
  const isStream = process.stdout.isTTY || stats.isFIFO() || stats.isSocket()
  return (isStream ? stream(process.stdout) : file)(failed)
}

/** Standard error, whose own failures are ignored. Colours are sent to terminals only. */
const errors = (): Stream => {
  const { write, ...rest } = stream(process.stderr)(() => {})
  return { ...rest, write: (text) => write(process.stderr.isTTY ? text : stripVTControlCharacters(text)) }
}

/** Tests whether a text is for programs: JSON, or a script. */
const isData = (text: string): boolean => /^[[{#]/.test(text)

/** A console that writes to the streams. */
const consoleOn = ({ columns, write }: Stream, errors: Stream): Console.Console =>
  Object.assign(Object.create(globalThis.console) as Console.Console, {
    log: (...args: ReadonlyArray<unknown>) => {
      const text = format(...args)
      write(`${columns === undefined || isData(text) ? text : fold(text, columns)}\n`)
    },
    error: (...args: ReadonlyArray<unknown>) => errors.write(`${format(...args)}\n`)
  })

/** Converts a failure to write to an error of the command. */
const errorOf = (cause: unknown): IoError | ReaderGone =>
  (cause as { code?: unknown }).code === "EPIPE" ? new ReaderGone() : ioError("standard output", "write to it")(cause)

/**
 * Runs an effect with a console on the given streams, and its log on the second. Fails afterwards if a write failed.
 */
export const to =
  (open: Open, errors: Stream) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | IoError | ReaderGone, R> =>
    Effect.suspend(() => {
      let failure: IoError | ReaderGone | undefined
      const output = open((cause) => (failure ??= errorOf(cause)))
      const flushed = Effect.callback<void>((resume) => output.flush(() => resume(Effect.void)))
      const checked = Effect.flatMap(flushed, () => (failure === undefined ? Effect.void : Effect.fail(failure)))
      return effect.pipe(
        Effect.tap(() => checked),
        Effect.provideService(Console.Console, consoleOn(output, errors)),
        Effect.provideService(Logger.LogToStderr, true)
      )
    })

/** Runs an effect with its console on this process's standard output and standard error. */
export const toProcess = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.suspend(() => to(output, errors())(effect))
