/** The store of a replay. */
import { ArtifactStore, Scratch, type Work, digestOf, ioError } from "@igm/io"
import { Context, Effect, FileSystem, Layer } from "effect"
import type * as Manifest from "../run/Manifest.ts"
import { observe } from "../run/Run.ts"

/** The artifacts before a stage, or before the work of that name; undefined if there is neither. */
export const before = (
  artifacts: ReadonlyArray<Manifest.Used>,
  from: string
): ReadonlyArray<Manifest.Used> | undefined => {
  const at = artifacts.findIndex(({ stage, name }) => stage === from || name === from)
  return at < 0 ? undefined : artifacts.slice(0, at)
}

/**
 * A store for a replay: the given artifacts are taken from the run's store, and all others are computed again in a
 * temporary store, which is removed with the scope.
 */
export const layerStore = (given: ReadonlyArray<Manifest.Used>) =>
  Layer.effect(
    ArtifactStore,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const store = yield* ArtifactStore
      const reused = new Set(given.map(({ digest }) => digest))
      // A store that may not be written, as a colleague's, is replayed beside the machine's other temporary files.
      const folder = yield* Scratch.make(store.folder, "igm replay").pipe(
        Effect.catch(() => fs.makeTempDirectoryScoped({ prefix: "igm-replay-" })),
        Effect.mapError(ioError(store.folder, "write into this folder"))
      )
      const scratch = Context.get(yield* Layer.build(Layer.fresh(ArtifactStore.layer(folder))), ArtifactStore)
      // What the program asks for is noted, as in a run.
      return observe({
        folder,
        // An artifact that is taken as it was recorded may be referred to.
        find: Effect.fnUntraced(function* (stage, digest) {
          const own = yield* scratch.find(stage, digest)
          return own ?? (reused.has(digest) ? yield* store.find(stage, digest) : undefined)
        }),
        put: scratch.put,
        getOrMake: <E, R>(work: Work, make: (scratch: string) => Effect.Effect<void, E, R>) =>
          Effect.gen(function* () {
            const digest = digestOf(work)
            const found = reused.has(digest) ? yield* store.find(work.stage, digest) : undefined
            return found === undefined
              ? yield* scratch.getOrMake(work, make)
              : { ...found, name: work.name ?? work.stage }
          })
      })
    })
  )
