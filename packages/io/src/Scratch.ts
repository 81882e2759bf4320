/**
 * Scratch folders for unfinished work, in a folder that several processes share. Each is locked, so that one without a
 * lock was left by a killed process and may be removed.
 */
import { Effect, FileSystem, Path } from "effect"
import * as AtomicFile from "./AtomicFile.ts"
import * as Lock from "./Lock.ts"

/** The number of attempts: another process may remove a new scratch folder before it is locked. */
const TRIES = 100

/** Creates a scratch folder in an existing folder; it is removed when the scope closes. */
export const make = Effect.fn("Scratch.make")(function* (folder: string, what: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const once = Effect.gen(function* () {
    const place = yield* fs.makeTempDirectory({ directory: folder, prefix: AtomicFile.PARTIAL })
    yield* Lock.hold(place, what)
    yield* Effect.addFinalizer(() =>
      Lock.discard(place, folder).pipe(
        Effect.ignore,
        Effect.provideService(FileSystem.FileSystem, fs),
        Effect.provideService(Path.Path, path)
      )
    )
    return place
  })
  return yield* Effect.retry(once, { while: ({ _tag }) => _tag === "LockError", times: TRIES })
})

/** Removes the scratch folders that no process holds. */
export const removeAbandoned = Effect.fn("Scratch.removeAbandoned")(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const names = yield* Effect.orElseSucceed(fs.readDirectory(folder), () => [])
  for (const name of names.filter((name) => name.startsWith(AtomicFile.PARTIAL))) {
    const place = path.join(folder, name)
    yield* Lock.hold(place, "removing what a killed process left").pipe(
      Effect.andThen(Lock.discard(place, folder)),
      Effect.scoped,
      Effect.ignore
    )
  }
})
