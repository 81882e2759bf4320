/**
 * `encoders.lock.json`: which encoders a folder holds, and the digests that were pinned when each was added. It belongs
 * under version control beside the experiment; the files that it describes do not, as they can be had again from it.
 */
import { AtomicFile } from "@igm/io"
import type { Digest } from "@igm/tensor"
import { Effect, FileSystem, Path, Result, Schema } from "effect"
import { EncoderError } from "../EncoderError.ts"

/** The name of the file. */
export const FILE = "encoders.lock.json"

/** The version of the file's form. */
const FORMAT = 1

const Sha256 = Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/))

/** An input as one sample has it: there is no batch axis, and a string names a free size. */
export const Port = Schema.Struct({
  dtype: Schema.Literals(["float32", "int64"]),
  shape: Schema.Array(Schema.Union([Schema.Int, Schema.String]))
})
export type Port = typeof Port.Type

/** The origin of an encoder: the hub, at a commit; a file of weights that was at hand; or an ONNX file. */
export const Source = Schema.Union([
  Schema.Struct({ kind: Schema.Literal("hub"), repo: Schema.String, commit: Schema.String }),
  Schema.Struct({ kind: Schema.Literal("file"), name: Schema.String }),
  Schema.Struct({ kind: Schema.Literal("onnx"), name: Schema.String })
])
export type Source = typeof Source.Type

/** The pinned digest and size of a file. */
const Pinned = Schema.Struct({ sha256: Sha256, bytes: Schema.Int })
export type Pinned = typeof Pinned.Type

/** All that is pinned of an encoder. */
export const Pin = Schema.Struct({
  /** The encoder of the catalogue that it is; none where it came as an ONNX file. */
  of: Schema.optionalKey(Schema.String),
  source: Source,
  /** The digest of the file of weights that the ONNX file was built from; none where that came ready. */
  weights: Schema.optionalKey(Sha256),
  /** The prefix of its weights' names in that file, where it is not the one that its architecture expects. */
  prefix: Schema.optionalKey(Schema.String),
  onnx: Pinned,
  /** The files that hold weights of the ONNX file, by the paths that it names them by, where there are some. */
  data: Schema.optionalKey(Schema.Record(Schema.String, Pinned)),
  /** Files that belong to the encoder, such as a tokenizer's, by name. */
  beside: Schema.Record(Schema.String, Sha256),
  inputs: Schema.Record(Schema.String, Port),
  output: Schema.String,
  width: Schema.Int
})
export type Pin = typeof Pin.Type

const Format = Schema.fromJsonString(Schema.Struct({ format: Schema.Int }))
const File = Schema.fromJsonString(
  Schema.Struct({ format: Schema.Literal(FORMAT), encoders: Schema.Record(Schema.String, Pin) })
)

/** Encoders by name. */
export type Pins = { readonly [name: string]: Pin }

/** Parses the text of a lock file; fails with a sentence about what is wrong with it. */
export const parse = (text: string): Result.Result<Pins, string> => {
  const problem =
    "this is not a lock file of encoders: take it from version control again, or delete it and add the encoders anew"
  const parsed = Schema.decodeUnknownResult(Format)(text)
  if (Result.isFailure(parsed)) return Result.fail(problem)
  const { format } = parsed.success
  if (format > FORMAT) return Result.fail(`its format is ${format}, which a newer version of igm wrote`)
  return Result.mapBoth(Schema.decodeUnknownResult(File)(text), {
    onSuccess: ({ encoders }) => encoders,
    onFailure: () => problem
  })
}

/** The encoders of a folder; none where there is no lock file. */
export const read = Effect.fn("EncoderLock.read")(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const path = (yield* Path.Path).join(folder, FILE)
  const fail = (problem: string, cause?: unknown) => new EncoderError({ path, problem, cause })
  const text = yield* fs.readFileString(path).pipe(
    Effect.catchIf(
      ({ reason }) => reason._tag === "NotFound",
      () => Effect.succeed(undefined)
    ),
    Effect.mapError((cause) => fail("this lock file cannot be read", cause))
  )
  const none: Pins = {}
  return text === undefined ? none : yield* Effect.mapError(Effect.fromResult(parse(text)), fail)
})

/** Pins an encoder. Whoever does this holds the folder. */
export const pin = Effect.fn("EncoderLock.pin")(function* (folder: string, name: string, pin: Pin) {
  const path = yield* Path.Path
  const encoders = Object.entries({ ...(yield* read(folder)), [name]: pin }).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const file = { format: FORMAT, encoders: Object.fromEntries(encoders) }
  yield* AtomicFile.write(path.join(folder, FILE), `${JSON.stringify(file, null, 2)}\n`)
})

const REPIN = "--repin takes it over, and features made before it are then of another encoder"

/** The objection to a file of weights whose digest is another than the pinned one, or undefined. */
export const otherWeights = (pin: Pin | undefined, file: string, sha256: Digest.Digest): string | undefined => {
  if (pin === undefined || pin.weights === sha256) return undefined
  if (pin.weights === undefined)
    return `this encoder is pinned as an ONNX file, not as one built from weights: ${REPIN}`
  return `${file} has SHA-256 ${sha256}, but ${pin.weights} is pinned: other weights; ${REPIN}`
}

/** The objection to a file that holds weights of an ONNX file, if an encoder is pinned; or undefined. */
export const otherData = (pin: Pin | undefined, file: string, part: string, sha256: Digest.Digest) => {
  const pinned = pin?.data !== undefined && Object.hasOwn(pin.data, part) ? pin.data[part] : undefined
  if (pin === undefined || pinned?.sha256 === sha256) return undefined
  if (pinned === undefined) return `${file} holds weights of it, and no such file is pinned: ${REPIN}`
  return `${file} has SHA-256 ${sha256}, but ${pinned.sha256} is pinned: other weights; ${REPIN}`
}

/** The objection to an ONNX file, if an encoder is pinned; or undefined. */
export const otherModel = (pin: Pin | undefined, sha256: Digest.Digest): string | undefined => {
  if (pin === undefined || pin.onnx.sha256 === sha256) return undefined
  const what =
    pin.weights === undefined
      ? "another file"
      : "the weights are the pinned ones, but this version of igm builds another graph of them"
  return `the ONNX file has SHA-256 ${sha256}, but ${pin.onnx.sha256} is pinned: ${what}; ${REPIN}`
}
