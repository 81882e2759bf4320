/**
 * Encodes so many samples of image files, and prints the most memory that the process held: `encoders.child.ts COUNT FOLDER`.
 * The encoder is a mean and a product, so that nothing but the way to it takes memory and time.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Encoder, EncoderRuntime, FeatureStore } from "@igm/encoders"
import { ImageInput, MediaDecoder } from "@igm/media"
import { ArtifactStore, Progress } from "@igm/io"
import { Builder, Model } from "@igm/onnx"
import { Digest, Keyed, Tensor } from "@igm/tensor"
import { Effect, FileSystem, Layer } from "effect"
import * as Resident from "./Resident.ts"

const [count, folder] = [Number(process.argv[2]), process.argv[3]!]
const WIDTH = 512

const bytes = (() => {
  const builder = Builder.make("means")
  const image = builder.input("image", "float32", ["batch", 3, 224, 224])
  const means = builder.node("Flatten", [builder.node("GlobalAveragePool", [image])])
  const stream = Keyed.stream(["weights"])
  const weights = Float32Array.from({ length: 3 * WIDTH }, () => Keyed.normal(stream))
  const features = builder.node("MatMul", [means, builder.constant(Tensor.float32([3, WIDTH], weights))])
  builder.output("features", features, "float32", ["batch", WIDTH])
  return Model.encode({ graph: builder.graph(), opset: 17, metadata: {} })
})()

const program = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const names = (yield* fs.readDirectory(folder)).filter((name) => name.endsWith(".jpg"))
  const scratch = yield* fs.makeTempDirectoryScoped()
  const file = `${scratch}/means.onnx`
  yield* fs.writeFile(file, bytes)
  const { place, settings } = ImageInput.imagenet
  const decode = yield* MediaDecoder.use(({ threads }) => threads(place!))
  const kept = yield* FeatureStore.keep({
    encoder: Encoder.make({ name: "means", file, digest: Digest.ofBytes(bytes), input: [3, 224, 224], width: WIDTH }),
    label: "samples",
    preprocessing: settings,
    samples: Array.from({ length: count }, (_, i) => Digest.ofJson(i)),
    load: (i) => decode({ path: `${folder}/${names[i % names.length]}` })
  }).pipe(Effect.provide(ArtifactStore.layer(`${scratch}/store`)))
  yield* FeatureStore.eachRows(kept, () => Effect.void)
})

const start = performance.now()
const layers = Layer.mergeAll(
  NodeServices.layer,
  MediaDecoder.layerWith({ threads: 2 }),
  EncoderRuntime.layerCpu,
  Progress.layerSilent
)
await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(layers)))
process.stdout.write(JSON.stringify({ most: Resident.most(), seconds: (performance.now() - start) / 1000 }))
