import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { type Augmentation, GreyImage, MediaDecoder } from "@igm/media"
import { DigitEncoders } from "@igm/av-digits"
import { Data, Encode, Experiment, Run } from "@igm/experiment"
import { Baselines, type Features, Head, Ring, Selection } from "@igm/gradient"
import { ArtifactStore, Progress } from "@igm/io"
import { EncoderRuntime } from "@igm/encoders"
import { Tensor } from "@igm/tensor"
import { Effect, FileSystem, Layer } from "effect"
import { datasetOf } from "./tiny.experiment.ts"

/** Images with noise of their own, as if they had been seen in another light. */
const noisy: Augmentation = {
  settings: { kind: "noise", version: 1 },
  shape: GreyImage.preprocess.shape,
  load: (source, stream) =>
    Effect.map(GreyImage.preprocess.load(source), (tensors) => {
      const { shape, data } = tensors as Tensor.Tensor<"float32">
      return Tensor.float32(
        shape,
        data.map((x) => x + 0.3 * stream.uniform())
      )
    })
}

const encoders = { audio: DigitEncoders.audio, image: DigitEncoders.image }

const encoded = Effect.fnUntraced(function* (views: Encode.Views<"audio" | "image"> | undefined) {
  const opened = yield* Data.open(datasetOf(1))
  return { opened, features: yield* Encode.splits(opened, encoders, { views }) }
}, Effect.provide(Run.layerNone))

const rows = ({ modalities }: Features.Features<"train", Features.Dims>, modality: string) => {
  const { shape, data } = modalities[modality]!
  const [count, width] = shape as readonly [number, number]
  return Array.from({ length: count }, (_, i) => [...data.subarray(i * width, (i + 1) * width)])
}

const layer = Layer.mergeAll(EncoderRuntime.layerCpu, MediaDecoder.layer, Progress.layerSilent).pipe(
  Layer.provideMerge(NodeServices.layer)
)

const stored = <A, E, R>(effect: Effect.Effect<A, E, R | ArtifactStore>) =>
  Effect.gen(function* () {
    const folder = yield* FileSystem.FileSystem.use((fs) => fs.makeTempDirectoryScoped())
    return yield* effect.pipe(Effect.provide(ArtifactStore.layer(folder)))
  }).pipe(Effect.scoped, Effect.provide(layer))

describe("Views", () => {
  it.live(
    "each training sample has so many rows, drawn anew in the modalities that are drawn, and no other split does",
    () =>
      stored(
        Effect.gen(function* () {
          const plain = yield* encoded(undefined)
          const { features, opened } = yield* encoded({ count: 3, seed: 5, of: { image: noisy } })
          const samples = opened.samples("train")
          assert.strictEqual(features.train.ids.length, 3 * samples.length)
          assert.deepStrictEqual(features.train.ids.slice(0, 4), [
            ...[1, 2, 3].map((view) => `${samples[0]!.id}, view ${view}`),
            `${samples[1]!.id}, view 1`
          ])
          assert.deepStrictEqual(
            [...features.train.labels],
            samples.flatMap(({ label }) => [label, label, label])
          )
          const audio = rows(features.train, "audio")
          assert.deepStrictEqual(
            audio,
            rows(plain.features.train, "audio").flatMap((row) => [row, row, row])
          )
          const images = rows(features.train, "image").map((row) => JSON.stringify(row))
          assert.strictEqual(new Set(images).size, images.length)
          assert.deepStrictEqual(features.valid, plain.features.valid)
          assert.deepStrictEqual(features.test, plain.features.test)
        })
      )
  )

  it.live("the same seed draws the same, in another store too; another seed does not", () =>
    Effect.gen(function* () {
      const of = (seed: number) =>
        stored(Effect.map(encoded({ count: 2, seed, of: { image: noisy } }), ({ features }) => features.train))
      const [one, same, other] = yield* Effect.forEach([1, 1, 2], of)
      assert.deepStrictEqual(one, same)
      assert.notDeepEqual(one!.modalities["image"], other!.modalities["image"])
      assert.deepStrictEqual(one!.modalities["audio"], other!.modalities["audio"])
    })
  )

  it("as many as are asked for, and none where nothing is said", () => {
    assert.isUndefined(Encode.views(undefined, { seed: 1, of: { image: noisy } }))
    assert.deepStrictEqual(Encode.views(3, { seed: 1, of: { image: noisy } }), {
      count: 3,
      seed: 1,
      of: { image: noisy }
    })
  })

  it("no views are an error that says what to give", () => {
    const of = (count: number) =>
      Experiment.comparison({
        title: "Views",
        dataset: datasetOf(1),
        encoders,
        views: { count, seed: 1, of: {} },
        methods: [
          Baselines.lateFusion({
            heads: { audio: Head.make(128, 2), image: Head.make(128, 2) },
            ring: Ring.make(["audio", "image"], { rounds: 1, epochs: { audio: 1, image: 1 } }),
            selection: Selection.best("accuracy"),
            batch: 2,
            rho: 0
          })
        ],
        compared: [],
        seeds: [1]
      })
    assert.doesNotThrow(() => of(1))
    assert.throws(() => of(0), "the views of Views: count is 0: give a whole number of at least 1")
  })
})
