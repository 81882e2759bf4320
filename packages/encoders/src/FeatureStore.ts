/**
 * Features of many samples, kept by content. A sample's features are known by the digests of its encoder and of its own
 * content, its preprocessing, and the runtime: when a data set grows or changes, only samples that are new are encoded.
 * What was encoded before a kill is kept, and two processes do not encode the same. The features of a set are one artifact,
 * a safetensors file with the tensor `features` (count × width) in the samples' order.
 *
 * Decoding and encoding go on at the same time, encoding in a thread of its own, and no more samples than `ahead` are
 * decoded and wait. Neither the memory nor the processor's bits depend on the number of samples; batches and threads do not
 * change the bits either on the processor. On other devices batches may, and the key names the batch size.
 */
import { type Artifact, ArtifactStore, AtomicFile, IoError } from "@igm/io"
import { OnnxRuntime } from "@igm/onnx"
import { Safetensors, type Tensor } from "@igm/tensor"
import { Clock, Effect, Path, type Schema, Scope, Stream } from "effect"
import * as Costs from "./Costs.ts"
import { EncoderError } from "./EncoderError.ts"
import * as Encoding from "./Encoding.ts"
import * as Kinds from "./Kind.ts"
import * as Rows from "./Rows.ts"
import * as Stored from "./Stored.ts"
import * as Unfinished from "./Unfinished.ts"

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
  const runtime = yield* OnnxRuntime
  const unknown = samples.findIndex((sample) => !/^[0-9a-f]{64}$/.test(sample))
  if (unknown >= 0) {
    const problem = `${encoder.name} cannot encode sample ${unknown}: "${samples[unknown]}" is no SHA-256 of its content`
    return yield* new EncoderError({ path: encoder.file, problem })
  }
  const kind = Kinds.make(encoder, { ...request, batch: request.batch ?? Encoding.BATCH }, runtime)
  const identity = Kinds.digestOf(kind)
  const folder = Unfinished.folderOf(path, store.folder, identity)
  const scope = yield* Effect.scope
  let isHeld = false
  const make = Effect.fnUntraced(function* (scratch: string) {
    const place = yield* Unfinished.take(folder).pipe(Scope.provide(scope))
    isHeld = true
    const record = yield* Costs.open(Costs.fileOf(path, store.folder, identity))
    const { name, digest, width } = encoder
    const made = {
      encoder: { name, digest, width },
      preprocessing: preprocessing as Schema.Json,
      on: kind.on as Schema.Json,
      device: runtime.device
    }
    const tell = (count: number, seconds: number) =>
      Effect.flatMap(Clock.currentTimeMillis, (at) => record({ ...made, at, samples: count, seconds }))
    const known = new Map([...(yield* Stored.rows(store, kind, new Set(samples))), ...place.rows])
    const index = yield* Encoding.missing(request, place, known, tell)
    yield* Rows.write(path.join(scratch, Stored.FILE), samples, index, width)
  }, Effect.scoped)
  const artifact = yield* store.getOrMake({ ...Kinds.workOf(kind, samples), name: request.label }, make)
  yield* Unfinished.tidy(folder, new Set(samples), isHeld)
  const file = path.join(artifact.folder, Stored.FILE)
  const kept: Kept = { artifact, file, count: samples.length, width: encoder.width }
  return kept
}, Effect.scoped)

/** The rows of features, some at a time (each tensor n × width), in order. */
export const rows = ({ file, count, width }: Kept) =>
  Stream.unwrap(
    Effect.map(Rows.offsetOf(file), (offset) =>
      Rows.tensors(Rows.split({ file, offset, row: 0, count }, 4 * width), width)
    )
  )

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
