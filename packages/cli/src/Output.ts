/**
 * Standard output and standard error of the command. What cannot be written is an error of the command, at its end: the work
 * itself goes on, and what it makes is kept. In a terminal lines are as long as it is wide; text for other programs, JSON
 * and scripts, is left as it is.
 */
import { type IoError, ioError } from "@igm/io"
import { Console, Effect, Logger, Runtime, Schema } from "effect"
import { fstatSync, writeSync } from "node:fs"
import { format, stripVTControlCharacters } from "node:util"
import { fold } from "./Fold.ts"

/** Whoever read the output has closed it, as `head` does: nobody is to be told, and the exit code is that of SIGPIPE. */
export class ReaderGone extends Schema.TaggedError<ReaderGone>()("ReaderGone", {}) {
  override readonly [Runtime.errorExitCode] = 141
}

/** A destination of text: a terminal of so many columns, or another. */
export interface Stream {
  readonly columns: number | undefined
  readonly write: (text: string) => void
  /** Calls back when all that was written has been written or has failed. */
  readonly flush: (done: () => void) => void
}

/** A stream that is told whom to tell when something cannot be written. */
export type Open = (failed: (cause: unknown) => void) => Stream

const OUTPUT = 1

/** A file, which takes as much as there is room for and says only how much that was. */
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

/** A terminal, pipe or socket. One that does not know its width is taken for as wide as need be. */
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

/** Standard error, of which nobody could be told that it cannot be written to. Only a terminal is sent colours. */
const errors = (): Stream => {
  const { write, ...rest } = stream(process.stderr)(() => {})
  return { ...rest, write: (text) => write(process.stderr.isTTY ? text : stripVTControlCharacters(text)) }
}

/** Whether a text is for programs. */
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

/** What a failure to write means to the command. */
const errorOf = (cause: unknown): IoError | ReaderGone =>
  (cause as { code?: unknown }).code === "EPIPE" ? new ReaderGone() : ioError("standard output", "write to it")(cause)

/** Has an effect write to streams by its console, and its log to the second; fails after it if not all could be written. */
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

/** Has an effect write to this process's standard output and standard error. */
export const toProcess = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.suspend(() => to(output, errors())(effect))
