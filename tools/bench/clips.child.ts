/**
 * Goes through a folder of Kinetics-Sounds, from its lists to features of sounds and frames, and prints the most memory that
 * the process held: `clips.child.ts FOLDER`. The encoders are means, so that nothing but the way to them takes memory.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { KineticsSounds } from "@igm/datasets"
import { Encoder, EncoderRuntime, FeatureStore } from "@igm/encoders"
import { FrameInput, LogStft, MediaDecoder } from "@igm/media"
import { ArtifactStore, Progress } from "@igm/io"
import { Builder, Model } from "@igm/onnx"
import { Digest, Split } from "@igm/tensor"
import { Effect, FileSystem, Layer } from "effect"
import * as Resident from "./Resident.ts"

const root = process.argv[2]!

/** The mean of each channel. */
const means = (name: string, input: readonly [number, ...ReadonlyArray<number>]) => {
  const builder = Builder.make(name)
  const sample = builder.input("sample", "float32", ["batch", ...input])
  const features = builder.node("Flatten", [builder.node("GlobalAveragePool", [sample])])
  builder.output("features", features, "float32", ["batch", input[0]])
  return { input, width: input[0], bytes: Model.encode({ graph: builder.graph(), opset: 17, metadata: {} }) }
}

const modalities = {
  audio: { preprocess: LogStft.inputs.kineticsSounds, encoder: means("sounds", [1, 257, 1003]) },
  video: { preprocess: FrameInput.imagenet, encoder: means("frames", [3, 3, 224, 224]) }
}

/** So many clips of a modality have gone through when memory is looked at first. */
const EARLY = 1000

const program = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const scratch = yield* fs.makeTempDirectoryScoped()
  return yield* Effect.gen(function* () {
    const { samples } = yield* KineticsSounds.make({ root, seed: 1 }).prepare
    const all = Split.all.flatMap((split) => samples(split))
    const resident: Record<string, { readonly early: number; readonly late: number }> = {}
    for (const [modality, { preprocess, encoder }] of Object.entries(modalities)) {
      const { bytes, input, width } = encoder
      const file = `${scratch}/${modality}.onnx`
      yield* fs.writeFile(file, bytes)
      const decode = yield* MediaDecoder.use(({ threads }) => threads(preprocess.place!))
      const media = all.map((sample) => sample.media[modality as keyof typeof modalities])
      let [seen, early] = [0, 0]
      const kept = yield* FeatureStore.keep({
        encoder: Encoder.make({ name: modality, file, digest: Digest.ofBytes(bytes), input, width }),
        label: modality,
        preprocessing: preprocess.settings,
        samples: media.map(({ digest }) => digest),
        load: (i) =>
          Effect.tap(decode(media[i]!), () =>
            Effect.sync(() => {
              if (++seen === EARLY) early = Resident.now()
            })
          )
      })
      resident[modality] = { early, late: Resident.now() }
      yield* FeatureStore.eachRows(kept, () => Effect.void)
    }
    return { clips: all.length, resident }
  }).pipe(Effect.provide(ArtifactStore.layer(`${scratch}/store`)))
})

const start = performance.now()
const layers = Layer.mergeAll(
  NodeServices.layer,
  MediaDecoder.layerWith({ threads: 2 }),
  EncoderRuntime.layerCpu,
  Progress.layerSilent
)
const went = await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(layers)))
process.stdout.write(JSON.stringify({ ...went, most: Resident.most(), seconds: (performance.now() - start) / 1000 }))
