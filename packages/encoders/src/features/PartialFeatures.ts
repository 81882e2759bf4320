/**
 * Features that are encoded before all of a set is: chunks of features that outlive a kill. They lie in the store, in a
 * folder for what they were made by (encoder, preprocessing, device), each sample's row with the digest of the sample; so
 * they serve the same work when it is begun again, and other work that has some of the samples. Who encodes holds the
 * folder, and another process waits. A chunk that finished work has all samples of is removed.
 */
import { AtomicFile, type IoError, Lock, ioError } from "@igm/io"
import { Digest, type Tensor } from "@igm/tensor"
import { Context, Effect, FileSystem, Path, Stream } from "effect"
import * as Chunk from "./Chunk.ts"
import type { Row } from "./Rows.ts"

/** The folder, in a store, of what is not finished. */
export const FOLDER = ".features"

/** A folder of chunks that is held. */
export interface Place {
  /** The rows that were kept before. */
  readonly rows: ReadonlyMap<Digest.Digest, Row>
  /** Keeps a chunk: features (n × width) of n samples; gives where each lies. */
  readonly keep: (
    samples: ReadonlyArray<Digest.Digest>,
    features: Tensor.Tensor<"float32">
  ) => Effect.Effect<ReadonlyArray<readonly [Digest.Digest, Row]>, IoError>
}

const EXTENSION = ".safetensors"

const rowsOf = (file: string, offset: number, samples: ReadonlyArray<Digest.Digest>) =>
  samples.map((sample, row): readonly [Digest.Digest, Row] => [sample, { file, offset, row }])

const chunksIn = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const names = yield* fs.readDirectory(folder).pipe(Effect.mapError(ioError(folder, "read this folder")))
  return names
    .filter((name) => name.endsWith(EXTENSION) && !name.startsWith(AtomicFile.PARTIAL))
    .toSorted()
    .map((name) => path.join(folder, name))
})

/** The folder of what is not finished in a store, of work of one identity. */
export const folderOf = (path: Path.Path, store: string, identity: Digest.Digest): string =>
  path.join(store, FOLDER, identity)

/** Takes the place of unfinished work until the scope closes. */
export const take = Effect.fn("PartialFeatures.take")(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  yield* Lock.wait(folder, "features", ({ message }) => Effect.logInfo(`waiting for the same features: ${message}`))
  const rows = new Map<Digest.Digest, Row>()
  for (const file of yield* chunksIn(folder)) {
    const bytes = yield* AtomicFile.read(file)
    const samples = Chunk.decode(bytes)
    if (samples === undefined) {
      yield* Effect.logWarning(`${file} is damaged: what it held is encoded anew`)
      yield* fs.remove(file).pipe(Effect.mapError(ioError(file, "remove this file")))
    } else for (const [sample, row] of rowsOf(file, Chunk.offsetIn(bytes), samples)) rows.set(sample, row)
  }
  const files = Effect.provideContext(Context.make(FileSystem.FileSystem, fs).pipe(Context.add(Path.Path, path)))
  const place: Place = {
    rows,
    keep: Effect.fn("PartialFeatures.keep")(function* (samples: ReadonlyArray<Digest.Digest>, features) {
      const file = path.join(folder, `${Digest.short(Chunk.nameOf(samples))}${EXTENSION}`)
      const parts = Chunk.parts(samples, features)
      yield* AtomicFile.stream(file, Stream.fromIterable(parts))
      return rowsOf(file, parts[0].length, samples)
    }, files)
  }
  return place
})

/** The samples of the chunks in a folder. */
export const samplesIn = Effect.fn("PartialFeatures.samplesIn")(function* (folder: string) {
  const chunks = yield* Effect.forEach(yield* chunksIn(folder), Chunk.samples)
  return chunks.flatMap((samples) => samples ?? [])
})

/** Removes what is left of unfinished work that has only samples of finished one; who has the folder meanwhile keeps it. */
export const tidy = Effect.fn("PartialFeatures.tidy")(function* (
  folder: string,
  finished: ReadonlySet<Digest.Digest>,
  isHeld: boolean
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  if (!(yield* Effect.orElseSucceed(fs.exists(folder), () => false))) return
  const failed = Effect.mapError(ioError(folder, "remove what is finished"))
  const clear = Effect.gen(function* () {
    let left = 0
    // Who holds the folder writes here alone: what is half written is of a process that was killed.
    const names = yield* failed(fs.readDirectory(folder))
    for (const name of names.filter((name) => name.startsWith(AtomicFile.PARTIAL))) {
      yield* failed(fs.remove(path.join(folder, name), { force: true }))
    }
    for (const file of yield* chunksIn(folder)) {
      const samples = yield* Chunk.samples(file)
      if (samples?.every((sample) => finished.has(sample)) === false) left++
      else yield* failed(fs.remove(file))
    }
    if (left === 0) yield* failed(Lock.discard(folder, path.dirname(path.dirname(folder))))
  })
  yield* isHeld
    ? clear
    : Effect.scoped(Effect.andThen(Lock.hold(folder, "features"), clear)).pipe(
        Effect.catchTag("LockError", () => Effect.void)
      )
})
