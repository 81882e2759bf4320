/**
 * Digests of a folder's media, remembered in the store: a data set of gigabytes is read once to be known, and after that
 * only files whose size or time of change is another one.
 */
import { ArtifactStore, AtomicFile, FileDigest, Sealed } from "@igm/io"
import { Digest } from "@igm/tensor"
import { Effect, FileSystem, Option, Path, Schema } from "effect"

const Memory = Schema.Record(Schema.String, Schema.Tuple([Schema.Finite, Schema.Finite, Schema.String]))

/** The digests of a folder's files. */
export const open = Effect.fn("Digests.open")(function* (root: string) {
  const store = yield* ArtifactStore
  const path = yield* Path.Path
  const fs = yield* FileSystem.FileSystem
  const name = path.join(".digests", `${Digest.ofJson(path.resolve(root))}.json`)
  const known = yield* AtomicFile.read(path.join(store.folder, name)).pipe(
    Effect.flatMap((bytes) => Effect.fromOption(Sealed.members(new TextDecoder().decode(bytes)))),
    Effect.flatMap(({ files }) => Schema.decodeUnknownEffect(Memory)(files)),
    // What is not there, or damaged, is no memory.
    Effect.orElseSucceed((): typeof Memory.Type => ({}))
  )
  const found: Record<string, readonly [number, number, string]> = {}
  let fresh = 0
  const of = Effect.fnUntraced(function* (file: string) {
    const { size, mtime } = yield* fs.stat(file)
    const [bytes, time] = [Number(size), Option.getOrElse(mtime, () => new Date(0)).getTime()]
    const before = known[file]
    if (before === undefined || before[0] !== bytes || before[1] !== time) fresh++
    const digest = before?.[0] === bytes && before[1] === time ? before[2] : yield* FileDigest.of(file)
    found[file] = [bytes, time, digest]
    return digest
  })
  const save = Effect.suspend(() =>
    fresh === 0 ? Effect.void : store.put(name, Sealed.text({ files: { ...known, ...found } }))
  )
  return { of, save }
})
