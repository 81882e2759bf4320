/**
 * A file that is read in pieces: any range of its bytes, without what lies around it. What a file claims of itself never
 * makes it allocate more than the file has.
 */
import { Safetensors } from "@igm/tensor"
import { Effect, FileSystem } from "effect"
import { EncoderError } from "../EncoderError.ts"
import { Malformed } from "./Malformed.ts"

/** An open file. */
export interface RangedFile {
  readonly path: string
  /** In bytes. */
  readonly size: number
  /** The bytes from `start`, in memory of their own; an error where the file has fewer. */
  readonly read: (start: number, length: number) => Effect.Effect<Uint8Array<ArrayBuffer>, EncoderError>
  /** An error of this file. */
  readonly fail: (problem: string, cause?: unknown) => EncoderError
  /** Runs a pure reader on this file's bytes; an error where it throws. */
  readonly parse: <A>(read: () => A) => Effect.Effect<A, EncoderError>
}

/** The most that is asked of the system at a time, so that a long read can be interrupted. */
const PIECE = 64 * 2 ** 20

/** The most letters that are told of what is wrong: a file may hold names of any length. */
const MAX_TOLD = 1000

/** Opens a file; it is closed with the scope. */
export const open = Effect.fn("RangedFile.open")(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const fail = (problem: string, cause?: unknown) =>
    new EncoderError({ path, problem, ...(cause === undefined ? {} : { cause }) })
  const unreadable = Effect.mapError((cause: unknown) => fail("this cannot be read", cause))

  const file = yield* fs.open(path).pipe(unreadable)
  const info = yield* file.stat.pipe(unreadable)
  if (info.type !== "File") return yield* fail("this is not a file")
  const size = Number(info.size)

  const read = Effect.fnUntraced(function* (start: number, length: number) {
    if (!(start >= 0 && length >= 0 && start + length <= size)) {
      return yield* fail(
        `${length} bytes from byte ${start} on are asked for, of ${size} that the file has: it was cut off`
      )
    }
    const bytes = yield* Effect.try({
      try: () => new Uint8Array(length),
      catch: (cause) => fail(`there is not enough memory for ${length} bytes`, cause)
    })
    let done = 0
    while (done < length) {
      const rest = bytes.subarray(done, done + PIECE)
      const count = yield* file.read(rest, { position: BigInt(start + done) }).pipe(unreadable)
      if (count === 0) return yield* fail(`the file ended at byte ${start + done} while it was read`)
      done += count
    }
    return bytes
  })

  const parse = <A>(read: () => A): Effect.Effect<A, EncoderError> =>
    Effect.try({
      try: read,
      catch: (cause) =>
        cause instanceof Malformed || cause instanceof Safetensors.MalformedSafetensors
          ? fail(cause.message.slice(0, MAX_TOLD))
          : fail("this cannot be read", cause)
    })

  const opened: RangedFile = { path, size, read, fail, parse }
  return opened
})
