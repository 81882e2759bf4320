/**
 * An index of the features in a store: rows that may be taken instead of encoding samples again, and an account of all
 * kinds.
 */
import { AppendFile, type Artifact, type ArtifactStore, IoError, RECORD, described, ioError } from "@igm/io"
import type { Digest } from "@igm/tensor"
import { Effect, FileSystem, Option, Path, Schema } from "effect"
import * as Costs from "./Costs.ts"
import * as FeatureKind from "./FeatureKind.ts"
import * as Rows from "./Rows.ts"
import * as PartialFeatures from "./PartialFeatures.ts"

/** The name of the features' file in an artifact. */
export const FILE = "features.safetensors"

const Key = Schema.Struct({
  encoder: Schema.String,
  preprocessing: Schema.Json,
  multiple: Schema.optionalKey(Schema.Int),
  samples: Schema.Array(Schema.String)
})

const decodeKey = Schema.decodeUnknownOption(Key)

/** An artifact of features as its folder describes it. */
interface Found {
  readonly digest: Digest.Digest
  readonly folder: string
  readonly kind: FeatureKind.Kind
  readonly samples: ReadonlyArray<Digest.Digest>
}

const namesIn = (folder: string) =>
  FileSystem.FileSystem.use((fs) =>
    fs.exists(folder).pipe(
      Effect.flatMap((is) => (is ? fs.readDirectory(folder) : Effect.succeed([]))),
      Effect.map((names) => names.toSorted()),
      Effect.mapError(ioError(folder, "read this folder"))
    )
  )

const foundIn = Effect.fnUntraced(function* (store: string, digest: Digest.Digest) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = path.join(store, FeatureKind.STAGE, digest)
  const text = yield* Effect.option(fs.readFileString(path.join(folder, RECORD)))
  if (Option.isNone(text)) return undefined
  const record = described(text.value)
  if (Option.isNone(record)) return "damaged"
  if (record.value.version !== FeatureKind.VERSION) return undefined
  const key = decodeKey(record.value.key)
  if (Option.isNone(key)) return undefined
  const { samples, ...kind } = key.value
  const found: Found = {
    digest,
    folder,
    samples,
    kind: { ...kind, on: record.value.on as Digest.Json } as FeatureKind.Kind
  }
  return found
})

/** Finds where wanted rows lie in artifacts of the same kind of work. */
export const rows = Effect.fn("FeatureIndex.rows")(function* (
  store: ArtifactStore["Service"],
  kind: FeatureKind.Kind,
  wanted: ReadonlySet<Digest.Digest>
) {
  const path = yield* Path.Path
  const identity = FeatureKind.digestOf(kind)
  const index = new Map<Digest.Digest, Rows.Row>()
  for (const digest of yield* namesIn(path.join(store.folder, FeatureKind.STAGE))) {
    const found = yield* foundIn(store.folder, digest)
    if (found === undefined || found === "damaged" || FeatureKind.digestOf(found.kind) !== identity) continue
    if (!found.samples.some((sample) => wanted.has(sample) && !index.has(sample))) continue
    // Only an artifact whose digests hold gives rows.
    const artifact: Artifact | undefined = yield* store.find(FeatureKind.STAGE, digest)
    if (artifact === undefined) continue
    const file = path.join(artifact.folder, FILE)
    const offset = yield* Rows.offsetOf(file)
    found.samples.forEach((sample, row) => {
      if (wanted.has(sample) && !index.has(sample)) index.set(sample, { file, offset, row })
    })
  }
  return index
})

/** The features of one kind of work in a store, and their cost. */
export interface Entry {
  readonly kind: Digest.Digest
  readonly encoder: { readonly name: string | null; readonly digest: Digest.Digest; readonly width: number | null }
  readonly preprocessing: Digest.Json
  readonly on: Digest.Json
  readonly device: string | null
  /** Sets of features, the distinct samples in them, and samples of work that is not finished. */
  readonly sets: number
  readonly samples: number
  readonly unfinished: number
  readonly bytes: number
  /** Samples that were encoded, the seconds that it took, and when it last was done, in milliseconds since 1970. */
  readonly encoded: number
  readonly seconds: number
  readonly last: number | null
}

const bytesOf = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const sizes = yield* Effect.forEach(yield* namesIn(folder), (name) =>
    fs.stat(path.join(folder, name)).pipe(
      Effect.map(({ size }) => Number(size)),
      Effect.orElseSucceed(() => 0)
    )
  )
  return sizes.reduce((a, b) => a + b, 0)
})

/** All kinds of features in a store, those encoded last first; fails if a record of them is damaged. */
export const list = Effect.fn("FeatureIndex.list")(function* (store: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const artifacts = yield* Effect.forEach(yield* namesIn(path.join(store, FeatureKind.STAGE)), (digest) =>
    Effect.flatMap(foundIn(store, digest), (found) =>
      found === "damaged"
        ? new IoError({
            path: path.join(store, FeatureKind.STAGE, digest, RECORD),
            problem: "this record of features is damaged: the command that made them makes them anew"
          })
        : Effect.succeed(found)
    )
  )
  const byKind = Map.groupBy(
    artifacts.flatMap((found) => (found === undefined ? [] : [found])),
    ({ kind }) => FeatureKind.digestOf(kind)
  )
  const unfinished = yield* namesIn(path.join(store, PartialFeatures.FOLDER))
  const costs = (yield* namesIn(path.join(store, Costs.FOLDER))).map((name) => path.basename(name, ".jsonl"))
  const identities = [...new Set([...byKind.keys(), ...unfinished, ...costs])]
  const entries = yield* Effect.forEach(
    identities,
    Effect.fnUntraced(function* (identity) {
      const found = byKind.get(identity) ?? []
      const file = Costs.fileOf(path, store, identity)
      const hasCosts = yield* Effect.orElseSucceed(fs.exists(file), () => false)
      const { records } = hasCosts ? yield* AppendFile.read(file, Costs.Cost) : { records: [] }
      const last = records.at(-1)
      const place = PartialFeatures.folderOf(path, store, identity)
      const pending = yield* Effect.orElseSucceed(PartialFeatures.samplesIn(place), () => [])
      const sizes = yield* Effect.forEach([place, ...found.map(({ folder }) => folder)], bytesOf)
      const kind = found[0]?.kind ?? last
      if (kind === undefined) return []
      const entry: Entry = {
        kind: identity,
        encoder: {
          name: last?.encoder.name ?? null,
          digest: last?.encoder.digest ?? found[0]!.kind.encoder,
          width: last?.encoder.width ?? null
        },
        preprocessing: kind.preprocessing as Digest.Json,
        on: kind.on as Digest.Json,
        device: last?.device ?? null,
        sets: found.length,
        samples: new Set(found.flatMap(({ samples }) => samples)).size,
        unfinished: new Set(pending).size,
        bytes: sizes.reduce((a, b) => a + b, 0),
        encoded: records.reduce((sum, { samples }) => sum + samples, 0),
        seconds: records.reduce((sum, { seconds }) => sum + seconds, 0),
        last: last?.at ?? null
      }
      return entry.sets + entry.unfinished === 0 ? [] : [entry]
    })
  )
  return entries.flat().toSorted((a, b) => (b.last ?? 0) - (a.last ?? 0))
})
