/**
 * A program that encodes and does nothing else. A folder has its encoders, as a list of their descriptions, and one sample
 * a split: the tensors that each encoder reads, in a file.
 */
import type { Dataset } from "@igm/datasets"
import { Encoder } from "@igm/encoders"
import { Args, Data, Encode, Experiment } from "@igm/experiment"
import { AtomicFile } from "@igm/io"
import { MediaError, type Preprocess, type Tensors } from "@igm/media"
import { Report } from "@igm/report"
import { Digest, Safetensors, Split, Tensor } from "@igm/tensor"
import { Effect, Schema } from "effect"

/** The name of the tensor of an encoder that has one input. */
const ONLY = "tensor"

/** The preprocessing of tensors in a file: there is nothing to do. */
const asTheyAre: Preprocess = {
  settings: { read: "as they are" },
  shape: {},
  load: ({ path }) =>
    AtomicFile.read(path).pipe(
      Effect.map((bytes): Tensors => {
        const { tensors } = Safetensors.decode(bytes)
        const only = tensors[ONLY]
        return only === undefined ? tensors : Tensor.toFloat32(only)
      }),
      Effect.mapError((cause) => new MediaError({ path, problem: "these tensors cannot be read", cause }))
    )
}

const contentsOf = Effect.fnUntraced(function* (models: string, encoders: ReadonlyArray<Encoder.Encoder>) {
  const media = yield* Effect.forEach(Split.all, (split) =>
    Effect.forEach(encoders, ({ name }) => {
      const path = `${models}/${name}-${split}.safetensors`
      return Effect.map(AtomicFile.read(path), (bytes) => [name, { path, digest: Digest.ofBytes(bytes) }] as const)
    })
  )
  return Object.fromEntries(Split.all.map((split, i) => [split, Object.fromEntries(media[i]!)]))
})

const datasetOf = (models: string, encoders: ReadonlyArray<Encoder.Encoder>): Dataset.Dataset<string> => ({
  name: "tensors",
  classes: ["one"],
  modalities: Object.fromEntries(encoders.map(({ name }) => [name, asTheyAre])),
  prepare: Effect.map(contentsOf(models, encoders), (media) => {
    const splitOf = (split: Split.Split) => ({ samples: 1, classes: { one: 1 }, groups: [split] })
    return {
      samples: (split) => [{ id: split, label: 0, group: split, media: media[split]! }],
      manifest: {
        name: "tensors",
        seed: 0,
        source: "made up",
        splits: { train: splitOf("train"), valid: splitOf("valid"), test: splitOf("test") },
        sharedGroups: [],
        heldOut: [],
        recipe: {},
        digest: Digest.ofJson(Object.values(media).map((of) => Object.values(of).map(({ digest }) => digest)))
      },
      artifacts: []
    }
  })
})

export default Experiment.make("encoded", {
  args: Schema.Struct({ models: Args.Folder }),
  run: Effect.fn(function* ({ models }) {
    const list = JSON.parse(new TextDecoder().decode(yield* AtomicFile.read(`${models}/encoders.json`)))
    const encoders = (list as ReadonlyArray<Encoder.Encoder>).map((encoder) => Encoder.make(encoder))
    const opened = yield* Data.open(datasetOf(models, encoders))
    const { train } = yield* Encode.splits(opened, Object.fromEntries(encoders.map((one) => [one.name, one])))
    return Report.make("Features", [Report.table("Widths", ["encoder", "width"], Object.entries(train.widths))])
  })
})
