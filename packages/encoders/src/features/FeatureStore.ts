/**
 * Features of many samples, kept by content. A sample's features are known by the digests of its encoder and of its own
 * content, its preprocessing, and the runtime: when a data set grows or changes, only samples that are new are encoded. Rows
 * that were encoded before a kill are kept, and two processes do not encode the same. The features of a set are one
 * artifact, a safetensors file with the tensor `features` (count × width) in the samples' order.
 *
 * Decoding and encoding go on at the same time, encoding in a thread of its own, and no more samples than `ahead` are
 * decoded and wait. The memory does not depend on the number of samples, but for a tenth of a kilobyte for each, which says
 * where its row lies; nor do the processor's bits, which batches and threads do not change either. On other devices batches
 * may, and the key names the batch size.
 */
import { type Artifact, ArtifactStore, AtomicFile, IoError } from "@igm/io"
import { Safetensors, type Tensor } from "@igm/tensor"
import { Clock, Effect, Path, type Schema, Scope } from "effect"
import * as BatchSize from "./BatchSize.ts"
import * as Costs from "./Costs.ts"
import { EncoderError } from "../EncoderError.ts"
import { EncoderRuntime } from "../EncoderRuntime.ts"
import * as Encoding from "./Encoding.ts"
import * as FeatureKind from "./FeatureKind.ts"
import * as Rows from "./Rows.ts"
import * as FeatureIndex from "./FeatureIndex.ts"
import * as PartialFeatures from "./PartialFeatures.ts"

export type { Options, Request } from "./Encoding.ts"

/** Features in a file, count × width. */
export interface Kept {
  readonly artifact: Artifact
  readonly file: string
  readonly count: number
  readonly width: number
}

/** Features (count × width) and the artifact that holds them. */
export interface Encoded {
  readonly features: Tensor.Tensor<"float32">
  readonly artifact: Artifact
}

/** Has the features of the samples in a file, in order; what is not stored is encoded. */
export const keep = Effect.fn("FeatureStore.keep")(function* <E, R>(request: Encoding.Request<E, R>) {
  const { encoder, samples, preprocessing } = request
  const path = yield* Path.Path
  const store = yield* ArtifactStore
  const { info } = yield* EncoderRuntime
  const unknown = samples.findIndex((sample) => !/^[0-9a-f]{64}$/.test(sample))
  if (unknown >= 0) {
    const problem = `${encoder.name} cannot encode sample ${unknown}: "${samples[unknown]}" is no SHA-256 of its content`
    return yield* new EncoderError({ path: encoder.file, problem })
  }
  const batch = request.batch ?? (yield* BatchSize.of(encoder, info.provider))
  const kind = FeatureKind.make(encoder, { ...request, batch }, info)
  const identity = FeatureKind.digestOf(kind)
  const folder = PartialFeatures.folderOf(path, store.folder, identity)
  const scope = yield* Effect.scope
  let isHeld = false
  const make = Effect.fnUntraced(function* (scratch: string) {
    const place = yield* PartialFeatures.take(folder).pipe(Scope.provide(scope))
    isHeld = true
    const record = yield* Costs.open(Costs.fileOf(path, store.folder, identity))
    const { name, digest, width } = encoder
    const made = {
      encoder: { name, digest, width },
      preprocessing: preprocessing as Schema.Json,
      on: kind.on as Schema.Json,
      device: info.device
    }
    const tell = (count: number, seconds: number) =>
      Effect.flatMap(Clock.currentTimeMillis, (at) => record({ ...made, at, samples: count, seconds }))
    const known = new Map([...(yield* FeatureIndex.rows(store, kind, new Set(samples))), ...place.rows])
    const index = yield* Encoding.missing({ ...request, batch }, place, known, tell)
    yield* Rows.write(path.join(scratch, FeatureIndex.FILE), samples, index, width)
  }, Effect.scoped)
  const artifact = yield* store.getOrMake({ ...FeatureKind.workOf(kind, samples), name: request.label }, make)
  yield* PartialFeatures.tidy(folder, new Set(samples), isHeld)
  const file = path.join(artifact.folder, FeatureIndex.FILE)
  const kept: Kept = { artifact, file, count: samples.length, width: encoder.width }
  return kept
}, Effect.scoped)

/**
 * Reads rows of features in order, some at a time (each tensor n × width), which are lent until `read` is done with them.
 */
export const eachRows = Effect.fn("FeatureStore.eachRows")(function* <E, R>(
  { file, count, width }: Kept,
  read: (rows: Tensor.Tensor<"float32">) => Effect.Effect<unknown, E, R>
) {
  yield* Rows.each({ file, offset: yield* Rows.offsetOf(file), row: 0, count }, width, read)
})

/** The features of the samples in memory, in order (count × width); what is not stored is encoded. */
export const encode = Effect.fn("FeatureStore.encode")(function* <E, R>(request: Encoding.Request<E, R>) {
  const { artifact, file } = yield* keep(request)
  const bytes = yield* AtomicFile.read(file)
  const { tensors } = yield* Effect.try({
    try: () => Safetensors.decode(bytes),
    catch: (cause) => new IoError({ path: file, problem: "this is not a safetensors file", cause })
  })
  const encoded: Encoded = { features: tensors["features"] as Tensor.Tensor<"float32">, artifact }
  return encoded
})
