/**
 * A folder of data held against its listing: which samples are whole, and everything that keeps the others from being used.
 * All faults are found before any is raised, so that they can be mended in one go.
 */
import { FileDigest, systemSaid } from "@igm/io"
import { Leftovers, type Preprocess } from "@igm/media"
import { Digest, Split } from "@igm/tensor"
import { Effect, FileSystem, Path, type PlatformError } from "effect"
import type { Media, Sample } from "./Dataset.ts"
import type { Fault } from "./Errors.ts"
import type { Listing, Row, Wanted } from "./Listing.ts"

/** The splits' samples, those that are whole, and the faults of all others. */
export interface Validation<M extends string> {
  readonly samples: { readonly [S in Split.Split]: ReadonlyArray<Sample<M>> }
  /** Rows of the listing, faulty ones included. */
  readonly rows: number
  readonly faults: ReadonlyArray<Fault>
}

/** The digest of a file, by its absolute path. */
export type DigestOf = (
  path: string
) => Effect.Effect<Digest.Digest, PlatformError.PlatformError, FileSystem.FileSystem>

/** Splits without a sample. */
const empty = <M extends string>(root: string, rows: ReadonlyArray<Row<M>>): ReadonlyArray<Fault> =>
  Split.all.flatMap((split) =>
    rows.some((row) => row.split === split) ? [] : [{ path: root, problem: `no sample is listed for ${split}` }]
  )

/** Describes the problem of a folder or file that should exist. */
const problemOf = ({ reason }: PlatformError.PlatformError, what: string): Omit<Fault, "path"> => {
  if (reason._tag === "NotFound") return { problem: `${what} is missing`, missing: true }
  const { code } = (reason.cause ?? {}) as { readonly code?: string }
  if (code === "ELOOP") return { problem: `${what} is a link that leads to itself` }
  const said = systemSaid(reason)
  return { problem: `${what} cannot be read${said === undefined ? "" : `: ${said}`}` }
}

const PICTURE = /\.(jpe?g|png)$/i

/** Files that are read at a time. */
const CONCURRENCY = 16

/** A source in a folder, with the digest of what is read of it; or what is wrong. */
const mediaOf = Effect.fnUntraced(function* (root: string, row: Row<string>, wanted: Wanted, digestOf: DigestOf) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  if (wanted.kind === "text") {
    const media: Media = { path: row.at.path, text: wanted.text, digest: Digest.ofJson(["text", wanted.text]) }
    return wanted.text.trim() === "" ? yield* Effect.fail<Omit<Fault, "path">>({ problem: "the text is empty" }) : media
  }
  const at = path.join(root, wanted.path)
  const failed = (what: string) => Effect.mapError((cause: PlatformError.PlatformError) => problemOf(cause, what))
  const wrong = (problem: string) => Effect.fail<Omit<Fault, "path">>({ problem })
  if (wanted.kind === "pictures") {
    const names = yield* Leftovers.list(at).pipe(failed(`the folder of pictures ${wanted.path}`))
    const pictures = names.filter((name) => PICTURE.test(name))
    if (pictures.length < wanted.least) {
      const problem = `the folder ${wanted.path} has ${pictures.length} pictures, ${wanted.least} are needed`
      return yield* Effect.fail<Omit<Fault, "path">>({ problem, ...(pictures.length === 0 ? { missing: true } : {}) })
    }
    const files = pictures.slice(0, wanted.count)
    const digests: Array<Digest.Digest> = []
    for (const name of files) {
      const file = path.join(at, name)
      const { size } = yield* fs.stat(file).pipe(failed(`${wanted.path}/${name}`))
      if (Number(size) === 0) return yield* wrong(`${wanted.path}/${name} is empty`)
      digests.push(yield* digestOf(file).pipe(failed(`${wanted.path}/${name}`)))
    }
    const media: Media =
      wanted.count === 1
        ? { path: path.join(at, files[0]!), digest: digests[0]! }
        : { path: at, files, digest: Digest.ofJson(digests) }
    return media
  }
  const info = yield* fs.stat(at).pipe(failed(wanted.path))
  if (info.type !== "File") return yield* wrong(`${wanted.path} is no file`)
  if (Number(info.size) === 0) return yield* wrong(`${wanted.path} is empty`)
  const digest = yield* digestOf(at).pipe(failed(wanted.path))
  const { frames } = wanted
  const media: Media =
    frames === undefined ? { path: at, digest } : { path: at, frames, digest: Digest.ofJson([digest, frames]) }
  return media
})

/** Holds a listing to the folder of its media. */
export const inspect = Effect.fn("Validation.inspect")(function* <M extends string>(
  root: string,
  { rows, faults }: Listing<M>,
  options: { readonly digestOf?: DigestOf; readonly tell?: (rows: number) => Effect.Effect<void> } = {}
) {
  const { digestOf = FileDigest.of, tell = () => Effect.void } = options
  const found = yield* Effect.forEach(
    rows,
    Effect.fnUntraced(function* (row) {
      const wrong: Array<Fault> = []
      const media: Array<readonly [string, Media]> = []
      for (const [modality, wanted] of Object.entries<Wanted>(row.wanted)) {
        const one = yield* Effect.result(mediaOf(root, row, wanted, digestOf))
        if (one._tag === "Success") media.push([modality, one.success])
        else wrong.push({ ...row.at, column: modality, ...one.failure })
      }
      yield* tell(1)
      const { id, label, group, at } = row
      const sample = { id, label, group, at, media: Object.fromEntries(media) } as Sample<M>
      return { split: row.split, sample, wrong }
    }),
    { concurrency: CONCURRENCY }
  )
  const whole = found.filter(({ wrong }) => wrong.length === 0)
  const of = (split: Split.Split) => whole.flatMap((one) => (one.split === split ? [one.sample] : []))
  const inspection: Validation<M> = {
    samples: { train: of("train"), valid: of("valid"), test: of("test") },
    rows: rows.length + new Set(faults.map(({ path, line }) => `${path}:${line ?? ""}`)).size,
    faults: [...faults, ...empty(root, rows), ...found.flatMap(({ wrong }) => wrong)]
  }
  return inspection
})

/** The samples whose media cannot be prepared, each with its row. */
export const undecodable = Effect.fn("Validation.undecodable")(function* <M extends string>(
  { samples }: Pick<Validation<M>, "samples">,
  modalities: { readonly [K in M]: Preprocess },
  tell: (samples: number) => Effect.Effect<void> = () => Effect.void
) {
  const found = yield* Effect.forEach(
    Split.all.flatMap((split) => samples[split]),
    Effect.fnUntraced(function* ({ media, at }) {
      const wrong: Array<Fault> = []
      for (const [modality, source] of Object.entries<Media>(media)) {
        const tried = yield* Effect.result(modalities[modality as M].load(source))
        if (tried._tag === "Success") continue
        const { path, problem } = tried.failure
        wrong.push({
          ...(at ?? { path }),
          column: modality,
          problem: at === undefined ? problem : `${path}: ${problem}`
        })
      }
      yield* tell(1)
      return wrong
    }),
    { concurrency: CONCURRENCY }
  )
  return found.flat()
})

/** Groups that are in more than one split. */
export const sharedGroups = ({ samples }: Pick<Validation<string>, "samples">): ReadonlyArray<string> => {
  const splits = new Map<string, Set<string>>()
  for (const split of Split.all) {
    for (const { group } of samples[split]) splits.set(group, (splits.get(group) ?? new Set()).add(split))
  }
  return [...splits].flatMap(([group, of]) => (of.size > 1 ? [group] : [])).toSorted()
}

/** Media or texts that samples of different splits share, by the samples' ids, each with its split. */
export const duplicates = ({ samples }: Pick<Validation<string>, "samples">) => {
  const seen = new Map<string, Array<readonly [Split.Split, string]>>()
  for (const split of Split.all) {
    for (const { id, media } of samples[split]) {
      for (const [modality, { digest }] of Object.entries(media)) {
        const key = `${modality} ${digest}`
        const known = seen.get(key)
        if (known === undefined) seen.set(key, [[split, id]])
        else known.push([split, id])
      }
    }
  }
  return [...seen].flatMap(([key, ids]) =>
    new Set(ids.map(([split]) => split)).size > 1
      ? [{ modality: key.slice(0, key.indexOf(" ")), ids: ids.map(([split, id]) => `${split}/${id}`) }]
      : []
  )
}
