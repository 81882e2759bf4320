/**
 * Features of many samples, kept by content: the key names the encoder's digest, the preprocessing, the samples and the
 * runtime, so that a second run with the same ones reads them back instead of encoding again.
 */
import { type Artifact, ArtifactStore, AtomicFile, IoError, Progress, type Work } from "@igm/io"
import { OnnxRuntime } from "@igm/onnx"
import { type Digest, Safetensors, Tensor } from "@igm/tensor"
import { Effect, Path, Stream } from "effect"
import * as Encoder from "./Encoder.ts"

/** What to encode. */
export interface Request<E, R> {
  readonly encoder: Encoder.Encoder
  /** What a person calls this work. */
  readonly label: string
  /** Everything that the samples' tensors depend on: preprocessing, and the digest or names of the samples. */
  readonly key: Digest.Json
  readonly count: number
  /** The tensor of sample i, of the encoder's input shape. */
  readonly load: (i: number) => Effect.Effect<Tensor.Tensor<"float32">, E, R>
}

/** Features (count × width) and the artifact that holds them. */
export interface Encoded {
  readonly features: Tensor.Tensor<"float32">
  readonly artifact: Artifact
}

const FILE = "features.safetensors"
const BATCH = 32
/** Samples that are decoded while a batch is encoded. */
const DECODERS = 4

/** The features of the samples, in order; encoded unless they are stored. */
export const encode = Effect.fn("FeatureStore.encode")(function* <E, R>(request: Request<E, R>) {
  const { encoder, count, load } = request
  const path = yield* Path.Path
  const store = yield* ArtifactStore
  const runtime = yield* OnnxRuntime
  const work: Work = {
    stage: "features",
    version: 1,
    name: request.label,
    key: { encoder: encoder.digest, samples: request.key, count },
    on: { provider: runtime.provider, runtime: runtime.version }
  }
  const artifact = yield* store.getOrMake(work, (scratch) =>
    Effect.gen(function* () {
      const { encode } = yield* Encoder.open(encoder)
      const advance = yield* (yield* Progress).bar(request.label, count)
      const out = new Float32Array(count * encoder.width)
      yield* Stream.range(0, count - 1).pipe(
        Stream.mapEffect(load, { concurrency: DECODERS }),
        Stream.grouped(BATCH),
        Stream.mapEffect((batch) => encode(Tensor.stack(batch)).pipe(Effect.tap(advance(batch.length)))),
        Stream.runFold(
          () => 0,
          (offset, features) => {
            out.set(features.data, offset)
            return offset + features.data.length
          }
        )
      )
      const features = Tensor.float32([count, encoder.width], out)
      yield* AtomicFile.write(path.join(scratch, FILE), Safetensors.encode({ features }))
    }).pipe(Effect.scoped)
  )
  const file = path.join(artifact.folder, FILE)
  const bytes = yield* AtomicFile.read(file)
  const { tensors } = yield* Effect.try({
    try: () => Safetensors.decode(bytes),
    catch: (cause) => new IoError({ path: file, problem: "this is not a safetensors file", cause })
  })
  const encoded: Encoded = { features: tensors["features"] as Tensor.Tensor<"float32">, artifact }
  return encoded
})
