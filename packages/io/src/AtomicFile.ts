/**
 * Writes that happen whole or not at all: the bytes go to a scratch file beside the target, are flushed to the disk,
 * and the scratch file is renamed. A failure or an interruption removes the scratch file and leaves the target as it was.
 */
import { Effect, FileSystem, Path } from "effect"
import * as Folder from "./Folder.ts"
import { ioError } from "./IoError.ts"

/** How the names of files begin that are half written. */
export const PARTIAL = ".partial-"

/** Writes a file whole, and its folder if need be; the scratch file may lie in another folder of the same disk. */
export const write = Effect.fn("AtomicFile.write")(function* (
  path: string,
  content: Uint8Array | string,
  options: { readonly scratch?: string } = {}
) {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Path.Path
  const folder = paths.dirname(path)
  const scratch = paths.join(options.scratch ?? folder, `${PARTIAL}${process.pid}-${paths.basename(path)}`)
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content
  const writeScratch = Effect.scoped(
    Effect.gen(function* () {
      const file = yield* fs.open(scratch, { flag: "w" })
      yield* file.writeAll(bytes)
      yield* file.sync
    })
  )
  yield* Folder.make(folder).pipe(
    Effect.andThen(writeScratch),
    Effect.andThen(fs.rename(scratch, path)),
    Effect.onExit((exit) => (exit._tag === "Success" ? Effect.void : Effect.ignore(fs.remove(scratch)))),
    Effect.mapError(ioError(path, "write this file"))
  )
})

/** Reads a file whole. */
export const read = Effect.fn("AtomicFile.read")(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* fs.readFile(path).pipe(Effect.mapError(ioError(path, "read this file")))
})
