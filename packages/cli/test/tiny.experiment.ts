/** The smallest whole experiment: eight samples of two classes, made up here, and one method. */
import { DigitEncoders } from "@igm/av-digits"
import type { Dataset } from "@igm/datasets"
import { GreyImage, Spectrogram, Wav } from "@igm/media"
import { Args, Experiment } from "@igm/experiment"
import { Head, Igm, Ring, Selection } from "@igm/gradient"
import { ArtifactStore, ioError } from "@igm/io"
import { Digest, Keyed, Split } from "@igm/tensor"
import { Effect, FileSystem, Path, Schema } from "effect"

const CLASSES = ["low", "high"]

const COUNTS = { train: 4, valid: 2, test: 2 }

const all = Split.all.flatMap((split) =>
  Array.from({ length: COUNTS[split] }, (_, i) => ({ split, id: `${split}-${i}`, label: i % 2, group: split }))
)

const prepare = (seed: number) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const store = yield* ArtifactStore
    const media = yield* store.getOrMake({ stage: "media", version: 1, key: { seed } }, (scratch) =>
      Effect.forEach(
        all,
        Effect.fnUntraced(function* ({ id, label }) {
          const stream = Keyed.stream([seed, id])
          const pixels = Float32Array.from({ length: 28 * 28 }, () => (Keyed.below(stream, 200) + 50 * label) / 256)
          const samples = Float32Array.from({ length: 3000 }, (_, i) => 0.5 * Math.sin(i * (0.3 + label + seed / 10)))
          const png = yield* Effect.promise(() => GreyImage.encodePng(pixels, 28))
          yield* fs.writeFile(path.join(scratch, `${id}.png`), png)
          yield* fs.writeFile(path.join(scratch, `${id}.wav`), Wav.encode({ rate: 8000, samples }))
        }),
        { discard: true }
      ).pipe(Effect.mapError(ioError(scratch, "write the media")))
    )
    const at = (file: string) => ({ path: path.join(media.folder, file), digest: media.files[file]! })
    const samples = (split: Split.Split) =>
      all
        .filter((sample) => sample.split === split)
        .map((sample) => ({ ...sample, media: { audio: at(`${sample.id}.wav`), image: at(`${sample.id}.png`) } }))
    const half = (split: Split.Split) => ({
      samples: COUNTS[split],
      classes: { low: COUNTS[split] / 2, high: COUNTS[split] / 2 },
      groups: [split]
    })
    const manifest = {
      name: "tiny",
      seed,
      source: "made up",
      splits: { train: half("train"), valid: half("valid"), test: half("test") },
      sharedGroups: [],
      heldOut: [],
      recipe: {},
      digest: Digest.ofJson(media.files)
    }
    return { samples, manifest, artifacts: [media] }
  })

/** The samples. */
export const datasetOf = (seed: number): Dataset.Dataset<"audio" | "image"> => ({
  name: "tiny",
  classes: CLASSES,
  modalities: { audio: Spectrogram.preprocess, image: GreyImage.preprocess },
  prepare: prepare(seed)
})

export default Experiment.make("tiny", {
  args: Schema.Struct({ seed: Args.seed }),
  run: ({ seed }) => {
    const options = {
      heads: { audio: Head.make(128, 4, 2), image: Head.make(128, 4, 2) },
      ring: Ring.make(["audio", "image"], { rounds: 1, epochs: { audio: 1, image: 1 } }),
      selection: Selection.best("accuracy"),
      batch: 2,
      rho: 0
    }
    return Experiment.comparison({
      title: "The smallest experiment",
      dataset: datasetOf(seed),
      encoders: { audio: DigitEncoders.audio, image: DigitEncoders.image },
      methods: [Igm.paper(options)],
      compared: [],
      seeds: [seed]
    })
  }
})
