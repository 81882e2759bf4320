/**
 * Atomic writes: the bytes go to a scratch file beside the target, are flushed to the disk, and the scratch file is
 * renamed. A failure or an interruption removes the scratch file and leaves the target as it was.
 */
import { Effect, FileSystem, Path, Stream } from "effect"
import { createHash } from "node:crypto"
import * as Folder from "./Folder.ts"
import { IoError, ioError } from "./IoError.ts"

/** The prefix of the names of incomplete files. */
export const PARTIAL = ".partial-"

/** Options of a write: `scratch` is a folder on the same disk for the scratch file, instead of the target's. */
interface Options {
  readonly scratch?: string
}

/** Writes a scratch file, and renames it to the target. */
const whole = Effect.fnUntraced(function* <A, E, R>(
  path: string,
  options: Options,
  fill: (write: (bytes: Uint8Array) => Effect.Effect<void, IoError>) => Effect.Effect<A, E, R>
) {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Path.Path
  const folder = paths.dirname(path)
  const scratch = paths.join(options.scratch ?? folder, `${PARTIAL}${process.pid}-${paths.basename(path)}`)
  const or = Effect.mapError(ioError(path, "write this file"))
  const writeScratch = Effect.scoped(
    Effect.gen(function* () {
      const file = yield* or(fs.open(scratch, { flag: "w" }))
      const filled = yield* fill((bytes) => or(file.writeAll(bytes)))
      yield* or(file.sync)
      return filled
    })
  )
  yield* or(Folder.make(folder))
  return yield* writeScratch.pipe(
    Effect.tap(() => or(fs.rename(scratch, path))),
    Effect.onExit((exit) => (exit._tag === "Success" ? Effect.void : Effect.ignore(fs.remove(scratch))))
  )
})

/** Writes a file atomically, and creates its folder if necessary. */
export const write = Effect.fn("AtomicFile.write")(function* (
  path: string,
  content: Uint8Array | string,
  options: Options = {}
) {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content
  yield* whole(path, options, (write) => write(bytes))
})

/** Writes a file atomically from a stream of pieces, creates its folder if necessary, and returns its SHA-256. */
export const stream = Effect.fn("AtomicFile.stream")(function* <E, R>(
  path: string,
  pieces: Stream.Stream<Uint8Array, E, R>,
  options: Options = {}
) {
  return yield* whole(path, options, (write) =>
    Effect.suspend(() => {
      const hash = createHash("sha256")
      return pieces.pipe(
        Stream.runForEach((piece) => {
          hash.update(piece)
          return piece.length === 0 ? Effect.void : write(piece)
        }),
        Effect.map(() => hash.digest("hex"))
      )
    })
  )
})

/** Reads a whole file into memory. */
export const read = Effect.fn("AtomicFile.read")(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  yield* regular(path)
  return yield* fs.readFile(path).pipe(Effect.mapError(ioError(path, "read this file")))
})

/** Fails if a path is a pipe or a device, which may never end. */
export const regular = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const { type } = yield* fs.stat(path).pipe(Effect.mapError(ioError(path, "read this file")))
  if (type === "File" || type === "Directory") return
  return yield* new IoError({ path, problem: "cannot read this file: it is a pipe or a device" })
})
