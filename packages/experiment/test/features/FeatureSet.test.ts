/** What a stage on features relies on: what it writes is what the next one reads, whole and of the shape that its type says. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { ArtifactStore } from "@igm/io"
import { type Split, Tensor } from "@igm/tensor"
import { Effect, FileSystem, Layer, Schema } from "effect"
import { FeatureSet, Run, Stage } from "../../src/index.ts"
import { drawn, stored } from "../fixture.ts"

const WIDTHS = { audio: 4, image: 3 } as const

const HALF = { audio: 2, image: 3 } as const

const CLASSES = 3

/** Keeps two columns of the audio features, and adds one to those of the images. */
const half = Stage.make("half", {
  version: 1,
  input: FeatureSet.ref(["train", "valid", "test"], WIDTHS),
  output: FeatureSet.ref(["train", "valid", "test"], HALF),
  run: Effect.fnUntraced(function* (ref) {
    const { modalities } = yield* FeatureSet.load(ref)
    const { audio, image } = modalities
    const kept = Array.from({ length: ref.count }, (_, i) => Array.from(audio.data.slice(4 * i, 4 * i + 2))).flat()
    return yield* FeatureSet.save(ref, HALF, {
      audio: Tensor.float32([ref.count, 2], kept),
      image: Tensor.float32(
        [ref.count, 3],
        image.data.map((x) => x + 1)
      )
    })
  })
})

const environment = Layer.unwrap(
  Effect.map(
    FileSystem.FileSystem.use((fs) => fs.makeTempDirectoryScoped()),
    ArtifactStore.layer
  )
).pipe(Layer.merge(Run.layerNone), Layer.provideMerge(NodeServices.layer))

const count = { train: 9, valid: 6, test: 7 } as const

const set = <S extends Split.Split>(split: S) => stored(drawn(split, WIDTHS, { count: count[split], classes: CLASSES }))

const splits = Effect.gen(function* () {
  return { train: yield* set("train"), valid: yield* set("valid"), test: yield* set("test") }
})

/** The file of an artifact that holds features. */
const tablesOf = (ref: FeatureSet.Ref<Split.Split, { readonly [modality: string]: number }>) =>
  Effect.gen(function* () {
    const { file, ...at } = ref.$at.modalities["audio"]!
    return `${yield* Stage.folderOf(at)}/${file}`
  })

describe("FeatureSet", () => {
  it.effect("is read as it was put into the store: tables, labels, ids and groups", () =>
    Effect.gen(function* () {
      const features = drawn("train", WIDTHS, { count: 9, classes: CLASSES })
      const groups = features.ids.map((_, i) => `speaker ${i % 2}`)
      const put = yield* stored(features, groups)
      const read = yield* FeatureSet.load(put.ref)
      assert.deepStrictEqual(read, put)
      assert.deepStrictEqual(read.groups, groups)
      const { $at: _, ...described } = put.ref
      const names = ["classes", "count", "features", "labels", "samples", "split", "widths"]
      assert.deepStrictEqual(Object.keys(described).toSorted(), names)
      // Of the same samples with other groups it is another set, with the same features.
      const other = yield* stored(features)
      assert.notStrictEqual(other.ref.samples, put.ref.samples)
      assert.strictEqual(other.ref.features, put.ref.features)
    }).pipe(Effect.provide(environment))
  )

  it.effect("what a stage makes of a set is read by the next one, of the same samples and of the widths it says", () =>
    Effect.gen(function* () {
      const all = yield* splits
      const mapped = yield* FeatureSet.map(all, half.run)
      for (const split of ["train", "valid", "test"] as const) {
        const [before, after] = [all[split], mapped[split]]
        assert.strictEqual(after.split, split)
        assert.deepStrictEqual(after.widths, HALF)
        assert.deepStrictEqual(after.modalities.audio.shape, [count[split], 2])
        assert.deepStrictEqual(
          Array.from(after.modalities.image.data),
          Array.from(before.modalities.image.data, (x) => Math.fround(x + 1))
        )
        assert.deepStrictEqual([after.ids, after.labels, after.groups], [before.ids, before.labels, before.groups])
        assert.deepStrictEqual(yield* FeatureSet.load(after.ref), after)
      }
      // Its key is what the features are, and not where they lie.
      const { artifact } = yield* half.stored(all.train.ref)
      assert.isTrue(artifact.reused)
      const elsewhere = { ...all.train.ref, $at: { ...all.train.ref.$at, samples: { stage: "a", digest: "b" } } }
      assert.isTrue((yield* half.stored(elsewhere)).artifact.reused)
      const other = { ...all.train.ref, features: all.valid.ref.features }
      assert.notStrictEqual(half.digest(other), half.digest(all.train.ref))
    }).pipe(Effect.provide(environment))
  )

  it.effect("of other widths, of another number of samples or not finite is not saved, and what is wrong is told", () =>
    Effect.gen(function* () {
      const { ref } = yield* set("train")
      const [audio, image] = [
        Tensor.float32([9, 2], new Float32Array(18)),
        Tensor.float32([9, 3], new Float32Array(27))
      ]
      const tables = { audio, image }
      const cases: ReadonlyArray<readonly [string, { readonly [modality: string]: Tensor.Tensor<"float32"> }]> = [
        ["the features of audio are 9 × 3, and there are 9 samples of 2 each", { ...tables, audio: image }],
        [
          "the features of image are 8 × 3, and there are 9 samples of 3 each",
          { ...tables, image: Tensor.float32([8, 3], new Float32Array(24)) }
        ],
        [
          "the features of image are 27, and there are 9 samples of 3 each",
          { ...tables, image: Tensor.float32([27], new Float32Array(27)) }
        ],
        ["the features of image are ", { audio }],
        ...[NaN, Infinity, -Infinity].map(
          (n) =>
            [
              "the features of audio are not all finite",
              { ...tables, audio: Tensor.float32([9, 2], new Float32Array(18).with(17, n)) }
            ] as const
        ),
        ["it is not said how wide the features of smell are", { ...tables, smell: audio }]
      ]
      for (const [problem, modalities] of cases) {
        const wrong = modalities as typeof tables
        const error = yield* Effect.flip(
          Stage.make("saving", {
            version: 1,
            input: FeatureSet.ref("train", WIDTHS),
            output: FeatureSet.ref("train", HALF),
            run: (ref) => FeatureSet.save(ref, HALF, wrong)
          }).run(ref)
        )
        assert.include(error.message, problem)
      }
    }).pipe(Effect.provide(environment))
  )

  it.effect("that is damaged, of another shape or gone is told with its file", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const store = yield* ArtifactStore
      const { ref } = yield* set("train")
      const problem = Effect.map(Effect.flip(FeatureSet.load(ref)), ({ message }) => message)
      const file = yield* tablesOf(ref)
      const good = yield* fs.readFile(file)
      for (const bytes of [good.with(good.length - 1, good.at(-1)! ^ 1), good.subarray(0, 20), new Uint8Array()]) {
        yield* fs.writeFile(file, bytes)
        assert.include(yield* problem, "this artifact is not in the store any more, or damaged")
      }
      yield* fs.writeFile(file, good)
      assert.deepStrictEqual((yield* FeatureSet.load(ref)).ref, ref)

      // References that say something else than what lies there.
      const claims: ReadonlyArray<readonly [Partial<typeof ref>, string]> = [
        [{ widths: { audio: 5 as 4, image: 3 } }, `${file}: this file is damaged (audio is not 9 × 5)`],
        [{ count: 8 }, "there are not 8 samples in it"],
        [{ $at: { ...ref.$at, modalities: {} } }, "it is not said where the features of audio lie"]
      ]
      for (const [claim, text] of claims) {
        const error = yield* Effect.flip(FeatureSet.load({ ...ref, ...claim }))
        assert.include(`${error.message} (${String(error.cause)})`, text)
      }
      const { stage, digest } = ref.$at.samples
      yield* fs.remove(`${store.folder}/${stage}/${digest}`, { recursive: true })
      assert.include(yield* problem, `${store.folder}/${stage}/${digest}: this artifact is not in the store any more`)
    }).pipe(Effect.provide(environment))
  )

  it.effect("a reference in a stage's input is of the splits and widths that the stage says", () =>
    Effect.gen(function* () {
      const { train, valid, test } = yield* splits
      const encode = Schema.encodeUnknownResult(FeatureSet.ref(["train", "valid"], WIDTHS))
      assert.strictEqual(encode(train.ref)._tag, "Success")
      assert.strictEqual(encode(valid.ref)._tag, "Success")
      assert.strictEqual(encode(test.ref)._tag, "Failure")
      assert.strictEqual(encode({ ...train.ref, widths: HALF })._tag, "Failure")
      const any = Schema.encodeUnknownResult(FeatureSet.anyRef("test"))
      assert.strictEqual(any({ ...test.ref, widths: { smell: 7 } })._tag, "Success")
      assert.strictEqual(any(train.ref)._tag, "Failure")
      // What cannot be said by types is a fault of the program, before its body runs.
      const exit = yield* Effect.exit(half.run({ ...train.ref, widths: HALF } as unknown as typeof train.ref))
      assert.strictEqual(exit._tag, "Failure")
    }).pipe(Effect.provide(environment))
  )
})
