/**
 * Creates folders with their parents. Node's recursive mkdir is not used, since on failure it loses the reason
 * (nodejs/node#42808) or, under /proc, never returns.
 */
import { Effect, FileSystem, Path, type PlatformError } from "effect"

/** Creates a folder and its missing parents; an existing one is left as it is. */
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
