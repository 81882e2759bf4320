import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, layer } from "@effect/vitest"
import { ArtifactStore, Progress } from "@igm/io"
import { MediaDecoder, Wav } from "@igm/media"
import { Split } from "@igm/tensor"
import { Context, Effect, FileSystem, Layer, Path } from "effect"
import { AvDigits, VoiceSettings } from "../src/index.ts"

const perDigit = { train: 2, valid: 1, test: 1 }

const prepare = (options: AvDigits.Options) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const folder = yield* fs.makeTempDirectoryScoped()
    const dataset = AvDigits.make(options)
    const prepared = yield* dataset.prepare.pipe(
      Effect.provide(Layer.merge(ArtifactStore.layer(folder), Progress.layerSilent))
    )
    return { dataset, prepared, folder }
  })

/** A folder of short tones under the names of recordings. */
const recordings = Effect.fn(function* (speakers: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = yield* fs.makeTempDirectoryScoped()
  for (const [n, speaker] of speakers.entries()) {
    for (let digit = 0; digit < 10; digit++) {
      const samples = Float32Array.from({ length: 2000 }, (_, i) => Math.sin(i * (0.1 + 0.1 * digit + 0.01 * n)))
      yield* fs.writeFile(path.join(folder, `${digit}_${speaker}_0.wav`), Wav.encode({ rate: 8000, samples }))
    }
  }
  return folder
})

/** A data set of synthetic speech, which is spoken once. */
class Spoken extends Context.Service<Spoken, Effect.Success<ReturnType<typeof prepare>>>()("av-digits/Spoken") {
  static readonly layer = Layer.effect(Spoken, prepare({ seed: 1, speech: { kind: "synthetic" }, perDigit }))
}

const services = Layer.mergeAll(NodeServices.layer, MediaDecoder.layer)

layer(Layer.provideMerge(Spoken.layer, services))("AvDigits", (it) => {
  it.effect("the same seed gives the same bytes in another folder; another seed gives others", () =>
    Effect.gen(function* () {
      const speech = { kind: "synthetic" } as const
      const a = yield* Spoken
      const [b, other] = yield* Effect.all([
        prepare({ seed: 1, speech, perDigit }),
        prepare({ seed: 2, speech, perDigit })
      ])
      assert.strictEqual(a.prepared.manifest.digest, b.prepared.manifest.digest)
      assert.notStrictEqual(a.prepared.manifest.digest, other.prepared.manifest.digest)
    })
  )

  it.effect("splits are balanced and share no voice setting with each other or with the encoders", () =>
    Effect.gen(function* () {
      const { dataset, prepared } = yield* Spoken
      const { splits, sharedGroups } = prepared.manifest
      assert.deepStrictEqual(sharedGroups, [])
      const encoders = new Set(VoiceSettings.forEncoders.map(VoiceSettings.nameOf))
      for (const split of Split.all) {
        assert.isFalse(splits[split].groups.some((group) => encoders.has(group)))
        assert.isTrue(Object.values(splits[split].classes).every((count) => count === perDigit[split]))
        for (const { label, media } of prepared.samples(split)) {
          assert.strictEqual(dataset.classes[label], dataset.classes[Number(media.audio.path.at(-5))])
        }
      }
      const [sample] = prepared.samples("train")
      assert.deepStrictEqual((yield* dataset.modalities.audio.load(sample!.media.audio)).shape, [1, 129, 63])
      assert.deepStrictEqual((yield* dataset.modalities.image.load(sample!.media.image)).shape, [1, 28, 28])
    })
  )

  it.effect("the encoders' speakers are in no split, and the others are in one each", () =>
    Effect.gen(function* () {
      const folder = yield* recordings(["ann", "bob", "cid", "dora", "george", "jackson"])
      const { prepared } = yield* prepare({ seed: 1, speech: { kind: "recordings", folder } })
      const { splits, heldOut, sharedGroups } = prepared.manifest
      assert.deepStrictEqual(
        Split.all.map((split) => splits[split].groups),
        [["ann", "bob"], ["cid"], ["dora"]]
      )
      assert.include(heldOut, "speaker george")
      assert.include(heldOut, "speaker jackson")
      assert.deepStrictEqual(sharedGroups, [])
    })
  )

  it.effect("says so when there are too few speakers for three splits", () =>
    Effect.gen(function* () {
      const folder = yield* recordings(["ann", "bob", "george"])
      const error = yield* Effect.flip(prepare({ seed: 1, speech: { kind: "recordings", folder } }))
      assert.match(error.message, /three speakers are needed besides george and jackson.*found ann, bob/)
    })
  )
})
