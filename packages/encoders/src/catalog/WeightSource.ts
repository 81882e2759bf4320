/**
 * The source files of an encoder of the catalogue: its weights, and the files that belong to it, from the hub or at hand.
 */
import { FileDigest, ioError } from "@igm/io"
import type { Digest } from "@igm/tensor"
import { Effect, Equal, FileSystem, Path } from "effect"
import type { Entry } from "./Catalog.ts"
import { EncoderError } from "../EncoderError.ts"
import * as EncoderLock from "./EncoderLock.ts"
import { Hub } from "../hub/Hub.ts"

/** Options of getting weights. */
export interface Options {
  /** A file of weights on this machine, instead of the published one. */
  readonly file?: string | undefined
  /** A branch, tag or commit of the repository; by default the pinned commit, or else `main`. */
  readonly revision?: string | undefined
}

/** Files on this machine. */
export interface WeightSource {
  readonly source: EncoderLock.Source
  readonly weights: string
  /** The digest of the weights. */
  readonly sha256: Digest.Digest
  readonly beside: ReadonlyArray<string>
}

const failed = (name: string, problem: string) => new EncoderError({ path: name, problem })

const digestOf = (file: string) => Effect.mapError(FileDigest.of(file), ioError(file, "read this file"))

/** Finds the files on this machine, downloaded if need be. */
const found = Effect.fnUntraced(function* (
  name: string,
  entry: Entry,
  { file, revision }: Options,
  pin: EncoderLock.Pin | undefined
) {
  const path = yield* Path.Path
  const { published, weights, beside } = entry
  if (file !== undefined) {
    const source: EncoderLock.Source = { kind: "file", name: path.basename(file) }
    return { source, weights: file, beside: beside.map((one) => path.join(path.dirname(file), one)) }
  }
  if (published.kind === "elsewhere") {
    const get = `get ${weights} from ${published.where} (${entry.licence}), and give it: igm encoders add ${name} --file ${weights}`
    return yield* failed(name, `its authors' weights are not on the hub: ${get}`)
  }
  const { repo } = published
  const hub = yield* Hub
  const pinned = pin?.source.kind === "hub" && pin.source.repo === repo ? pin.source.commit : undefined
  const first = yield* hub.get({ repo, file: weights, revision: revision ?? pinned ?? "main" })
  const others = yield* Effect.forEach(beside, (one) => hub.get({ repo, file: one, revision: first.commit }))
  const source: EncoderLock.Source = { kind: "hub", repo, commit: first.commit }
  return { source, weights: first.path, beside: others.map((one) => one.path) }
})

/** The problem of a file that is, at the pinned commit, not what was pinned. */
const damaged = Effect.fnUntraced(function* (file: string, difference: string) {
  const at = yield* FileSystem.FileSystem.use((fs) => fs.realPath(file)).pipe(Effect.orElseSucceed(() => file))
  return `${difference.split(": other weights")[0]} for this very commit: the copy is damaged; delete ${at} and run this again`
})

/** The weights of an encoder, held to what is pinned, and the files that belong to it. */
export const get = Effect.fn("WeightSource.get")(function* (
  name: string,
  entry: Entry,
  options: Options,
  pin: EncoderLock.Pin | undefined
) {
  const { source, weights, beside } = yield* found(name, entry, options, pin)
  const sha256 = yield* digestOf(weights)
  const other = EncoderLock.otherWeights(pin, weights, sha256)
  if (other !== undefined) {
    return yield* failed(name, Equal.equals(source, pin?.source) ? yield* damaged(weights, other) : other)
  }
  const material: WeightSource = { source, weights, sha256, beside }
  return material
})

/** Copies the files that belong to an encoder, held to what is pinned, and gives their digests. */
export const copy = Effect.fnUntraced(function* (
  name: string,
  { beside: files }: WeightSource,
  scratch: string,
  pin: EncoderLock.Pin | undefined
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const digests: Record<string, Digest.Digest> = {}
  for (const file of files) {
    const base = path.basename(file)
    const copy = path.join(scratch, base)
    yield* Effect.mapError(fs.copyFile(file, copy), ioError(file, `read this file, which belongs to ${name}`))
    const digest = yield* digestOf(copy)
    const pinned = pin?.beside[base]
    if (pinned !== undefined && pinned !== digest) {
      return yield* failed(name, `${file} has SHA-256 ${digest}, but ${pinned} is pinned; --repin takes it over`)
    }
    digests[base] = digest
  }
  return digests
})
