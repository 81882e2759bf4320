/**
 * Named tensors of a weight file, read one at a time, so that memory follows the largest tensor and not the file. What kind
 * of file it is shows in its first bytes, not in its name: safetensors, or what `torch.save` writes, as a zip archive or in
 * its older format. Nothing in a file is ever run.
 *
 * Of the three, the zip archive alone has checksums, which are checked as it is read. A number changed in one of the others
 * shows only in the file's digest, which is therefore pinned wherever weights come from elsewhere.
 */
import { type Digest, Tensor } from "@igm/tensor"
import { Effect, FileSystem, Stream } from "effect"
import { createHash } from "node:crypto"
import * as Elements from "./Elements.ts"
import { EncoderError } from "../EncoderError.ts"
import { closest } from "./Closest.ts"
import * as RangedFile from "./RangedFile.ts"
import * as SafetensorsFile from "./SafetensorsFile.ts"
import * as TorchFile from "./TorchFile.ts"

/** The type of a tensor's elements in the file, and its shape. */
export interface Entry {
  readonly dtype: string
  readonly shape: ReadonlyArray<number>
}

/** The tensors of a file. */
export interface Weights {
  readonly path: string
  readonly entries: ReadonlyMap<string, Entry>
  /** A tensor in single precision, whatever its type in the file. */
  readonly read: (name: string) => Effect.Effect<Tensor.Tensor<"float32">, EncoderError>
}

/** A form of weight files: its first bytes, and how it is opened. */
const opener = (head: Uint8Array) => {
  const [first = 0, second = 0] = head
  // Before the others, as the length of a header may be any number: 0x280 is how a pickle begins.
  if (head[8] === 0x7b) return SafetensorsFile.open
  if (first === 0x50 && second === 0x4b && head[2] === 3 && head[3] === 4) return TorchFile.openZip
  if (first === 0x80 && second >= 2 && second <= 5) return TorchFile.openLegacy
  return undefined
}

/** The bytes at the beginning of a file as a person may recognise them: the HTML of an error page, a pointer of Git LFS. */
const shown = (head: Uint8Array): string =>
  Array.from(head, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".")).join("")

const missing = ({ path, entries }: Weights, name: string): EncoderError => {
  const near = closest(name, entries.keys())
  const hint = near === undefined ? "" : ` (did you mean ${near}?)`
  return new EncoderError({ path, problem: `there is no tensor ${name}${hint} among its ${entries.size}` })
}

/**
 * Opens a weight file; it is closed with the scope. With a `prefix`, such as the `module.` of models that were trained on
 * several devices, only the tensors are there whose names begin with it, without it.
 */
export const open = Effect.fn("Weights.open")(function* (path: string, options: { readonly prefix?: string } = {}) {
  const file = yield* RangedFile.open(path)
  if (file.size === 0) return yield* file.fail("the file is empty: fetch it again")
  const head = yield* file.read(0, Math.min(24, file.size))
  const openTensors = opener(head)
  if (openTensors === undefined) {
    return yield* file.fail(`this is no file of weights (safetensors, .pth, .pt): it begins with "${shown(head)}"`)
  }
  const tensors = yield* openTensors(file)
  const read = Effect.fn("Weights.read")(function* (name: string) {
    const stored = tensors.get(name)
    if (stored === undefined) return yield* missing(weights, name)
    const { dtype, shape } = stored
    const bytes = yield* stored.bytes.pipe(
      Effect.mapError(({ problem, ...rest }) => file.fail(`${name}: ${problem}`, rest.cause))
    )
    return yield* Effect.try({
      try: () => Tensor.float32(shape, Elements.toFloat32(dtype, bytes)),
      catch: (cause) => file.fail(`${name}: there is not enough memory for it`, cause)
    })
  })
  const weights: Weights = { path, entries: tensors, read }
  return options.prefix === undefined ? weights : yield* under(weights, options.prefix)
})

/** The tensors whose names begin with a prefix, without it: `audio_encoder.` of a model of several parts. */
export const under = Effect.fnUntraced(function* (weights: Weights, prefix: string) {
  const { path } = weights
  const entries = new Map(
    [...weights.entries].flatMap(([name, entry]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), entry] as const] : []
    )
  )
  if (entries.size === 0) {
    const firsts = [...new Set([...weights.entries.keys()].map((name) => name.split(".")[0]!))].slice(0, 10)
    return yield* new EncoderError({
      path,
      problem: `no tensor is named ${prefix}…; names begin with ${firsts.join(", ")}`
    })
  }
  const part: Weights = {
    path,
    entries,
    read: (name) => (entries.has(name) ? weights.read(prefix + name) : Effect.fail(missing(part, name)))
  }
  return part
})

const listed = (shape: ReadonlyArray<number>): string => `[${shape.join(", ")}]`

const same = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): boolean =>
  a.length === b.length && a.every((size, axis) => size === b[axis])

/** A tensor that must have this shape; the error says whether it is missing, transposed, or of another model. */
export const expect = Effect.fn("Weights.expect")(function* (
  weights: Weights,
  name: string,
  shape: ReadonlyArray<number>
) {
  const entry = weights.entries.get(name)
  if (entry === undefined) return yield* missing(weights, name)
  if (!same(entry.shape, shape)) {
    const ascending = (sizes: ReadonlyArray<number>) => sizes.toSorted((a, b) => a - b)
    const hint = same(entry.shape, shape.toReversed())
      ? ": transposed"
      : same(ascending(entry.shape), ascending(shape))
        ? ": its axes are in another order"
        : ""
    const problem = `${name} is ${listed(entry.shape)} but ${listed(shape)} was expected${hint}`
    return yield* new EncoderError({ path: weights.path, problem })
  }
  return yield* weights.read(name)
})

/** Weights that know what has not been read of them. */
export interface Tracked extends Weights {
  /** The names of the tensors that have not been read, in the file's order. */
  readonly unused: () => ReadonlyArray<string>
}

/** The same weights, which remember what is read of them from now on. */
export const track = (weights: Weights): Tracked => {
  const used = new Set<string>()
  return {
    ...weights,
    read: (name) =>
      Effect.suspend(() => {
        used.add(name)
        return weights.read(name)
      }),
    unused: () => [...weights.entries.keys()].filter((name) => !used.has(name))
  }
}

/** Fails where tensors have not been read that `mayBe` does not allow to be left: the file is then of another model. */
export const allUsed = Effect.fnUntraced(function* (
  { path, unused }: Tracked,
  mayBe: (name: string) => boolean = () => false
) {
  const extra = unused().filter((name) => !mayBe(name))
  if (extra.length === 0) return
  const rest = extra.length > 5 ? `, … (${extra.length})` : ""
  const names = extra.slice(0, 5).join(", ") + rest
  return yield* new EncoderError({ path, problem: `it has tensors that this model has no place for: ${names}` })
})

/** The SHA-256 of a file, read as a stream. */
export const digest = Effect.fn("Weights.digest")(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const hash = yield* fs.stream(path).pipe(
    Stream.runFold(
      () => createHash("sha256"),
      (hash, bytes) => hash.update(bytes)
    ),
    Effect.mapError((cause) => new EncoderError({ path, problem: "this cannot be read", cause }))
  )
  const hex: Digest.Digest = hash.digest("hex")
  return hex
})
