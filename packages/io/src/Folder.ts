/**
 * Folders. Where none can be made, Node's recursive mkdir loses the reason (nodejs/node#42808) or, under /proc, never
 * returns.
 */
import { Effect, FileSystem, Path, type PlatformError } from "effect"

/** Makes a folder, and the folders above it where they are missing; one that exists is left as it is. */
export const make = (
  folder: string
): Effect.Effect<void, PlatformError.PlatformError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const once = Effect.catchIf(
      fs.makeDirectory(folder),
      ({ reason }) => reason._tag === "AlreadyExists",
      () => Effect.void
    )
    const above = path.dirname(path.resolve(folder))
    yield* Effect.catchIf(
      once,
      ({ reason }) => reason._tag === "NotFound" && above !== path.resolve(folder),
      () => Effect.andThen(make(above), once)
    )
  })
