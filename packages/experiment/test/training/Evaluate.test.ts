/** What a stage on predictions relies on: what is stored of the test split is what the trained heads predict, in their order. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Baselines, Calibration, Head, Igm, Metric, Ring, Selection } from "@igm/gradient"
import { ArtifactStore, Progress } from "@igm/io"
import { HeadTrainer } from "@igm/training"
import { Effect, FileSystem, Layer, Schema } from "effect"
import { Evaluate, Run, Stage, Trial } from "../../src/index.ts"
import { drawn, stored } from "../fixture.ts"

const WIDTHS = { audio: 6, image: 5 } as const

const CLASSES = 3

const options = {
  heads: { audio: Head.make(6, 8, CLASSES), image: Head.make(5, 8, CLASSES) },
  ring: Ring.make(["audio", "image"], { rounds: 1, epochs: { audio: 2, image: 1 } }),
  selection: Selection.best("accuracy"),
  batch: 8,
  rho: 0
}

const methods = [Igm.paper(options), Baselines.lateFusion(options)] as const

const seeds = [3, 4] as const

const environment = Layer.unwrap(
  Effect.map(
    FileSystem.FileSystem.use((fs) => fs.makeTempDirectoryScoped()),
    ArtifactStore.layer
  )
).pipe(
  Layer.merge(Run.layerNone),
  Layer.merge(Progress.layerSilent),
  Layer.merge(HeadTrainer.layerReference),
  Layer.provideMerge(NodeServices.layer)
)

const features = Effect.gen(function* () {
  const of = { classes: CLASSES }
  return {
    train: yield* stored(drawn("train", WIDTHS, { ...of, count: 40 })),
    valid: yield* stored(drawn("valid", WIDTHS, { ...of, count: 21 })),
    test: yield* stored(drawn("test", WIDTHS, { ...of, count: 18 }))
  }
})

describe("Evaluate", () => {
  it.effect("has each trial's predictions of the test split, in memory as in the store, and the scores of them", () =>
    Effect.gen(function* () {
      const trainer = yield* HeadTrainer
      const all = yield* features
      const trials = yield* Trial.all({ methods, seeds, on: all })
      const names = trials.map(({ method, trials }) => [method.name, trials.map(({ seed }) => seed)])
      assert.deepStrictEqual(
        names,
        methods.map(({ name }) => [name, [3, 4]])
      )
      const evaluation = yield* Evaluate.test(trials, all.test)
      const { predictions } = evaluation
      const loaded = yield* Evaluate.load(predictions)
      assert.deepStrictEqual(loaded.labels, all.test.labels)
      assert.deepStrictEqual(predictions.trials, [
        { method: "IGM (paper)", seed: 3 },
        { method: "IGM (paper)", seed: 4 },
        { method: "late fusion", seed: 3 },
        { method: "late fusion", seed: 4 }
      ])
      assert.deepStrictEqual([predictions.count, predictions.classes], [18, CLASSES])
      let place = 0
      for (const [m, { method, trials }] of evaluation.methods.entries()) {
        assert.strictEqual(method, methods[m])
        for (const trial of trials) {
          const own = yield* trainer.predict(method, trial.weights, all.test.modalities)
          assert.deepStrictEqual(trial.probabilities, own.probabilities)
          assert.deepStrictEqual(trial.logits, own.logits)
          assert.deepStrictEqual(loaded.probabilities[place++], own.probabilities)
          assert.deepStrictEqual(trial.metrics, yield* Metric.score(all.test.labels, own.probabilities))
        }
      }
      assert.strictEqual(place, loaded.probabilities.length)
    }).pipe(Effect.provide(environment))
  )

  it.effect("scores the same heads under another fusion, and fits temperatures without the test split", () =>
    Effect.gen(function* () {
      const all = yield* features
      const trials = yield* Trial.all({ methods, seeds, on: all })
      const evaluation = yield* Evaluate.test(trials, all.test)
      const [own] = Evaluate.fuse(evaluation, "entropy").methods[0]!.trials
      const [paper] = evaluation.methods[0]!.trials
      // The paper's fusion is that by entropy.
      own!.probabilities.data.forEach((p, i) => assert.closeTo(p, paper!.probabilities.data[i]!, 1e-6))
      const summed = Evaluate.fuse(evaluation, "sum").methods[0]!.trials[0]!
      assert.notDeepEqual(summed.probabilities, paper!.probabilities)
      assert.deepStrictEqual(summed.metrics, yield* Metric.score(all.test.labels, summed.probabilities))
      const found = yield* Evaluate.temperatures(trials, all.valid)
      const trainer = yield* HeadTrainer
      const { probabilities } = yield* trainer.predict(paper!.method, paper!.weights, all.valid.modalities)
      assert.strictEqual(found.length, methods.length * seeds.length)
      assert.strictEqual(found[0], Calibration.temperature(all.valid.labels, probabilities))
      // @ts-expect-error the test split fits no temperature
      void (() => Evaluate.temperatures(trials, all.test))
    }).pipe(Effect.provide(environment))
  )

  it.effect("methods and seeds are one at least, and distinct, which is said before anything is trained", () =>
    Effect.gen(function* () {
      const on = yield* features
      const told = (options: Pick<Trial.Options<typeof WIDTHS>, "methods" | "seeds">) =>
        Effect.map(Effect.flip(Trial.all({ ...options, on })), ({ message }) => message)
      assert.include(yield* told({ methods: [], seeds }), "there are no methods to train")
      assert.include(yield* told({ methods, seeds: [] }), "there are no seeds to train with")
      assert.include(yield* told({ methods: [methods[0], methods[0]], seeds }), "two methods have the name")
      assert.include(yield* told({ methods, seeds: [3, 3] }), "the seed 3 is given twice")
    }).pipe(Effect.provide(environment))
  )

  it.effect("the same heads and features are predicted once, and others anew", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { folder } = yield* ArtifactStore
      const all = yield* features
      const [first, second] = yield* Trial.all({ methods, seeds: [3], on: all })
      const trials = [first!, second!]
      const count = Effect.map(fs.readDirectory(`${folder}/evaluation`), (names) => names.length)
      const one = yield* Evaluate.test(trials, all.test)
      const again = yield* Evaluate.test(trials, all.test)
      assert.deepStrictEqual(again, one)
      assert.strictEqual(yield* count, 1)
      const turned = yield* Evaluate.test(trials.toReversed(), all.test)
      assert.strictEqual(yield* count, 2)
      assert.deepStrictEqual(
        turned.methods.map(({ trials }) => trials[0]!.probabilities),
        one.methods.map(({ trials }) => trials[0]!.probabilities).toReversed()
      )
      const fewer = yield* stored(drawn("test", WIDTHS, { classes: CLASSES, count: 12 }))
      yield* Evaluate.test(trials, fewer)
      assert.strictEqual(yield* count, 3)
    }).pipe(Effect.provide(environment))
  )

  it.effect("methods of one trial list that are the same are told apart by where they stand", () =>
    Effect.gen(function* () {
      const all = yield* features
      const [found] = yield* Trial.all({ methods: [methods[1]], seeds: [3], on: all })
      const [other] = yield* Trial.all({ methods: [methods[1]], seeds: [4], on: all })
      const { methods: evaluated } = yield* Evaluate.test([found!, other!], all.test)
      assert.deepStrictEqual(
        evaluated.map(({ trials }) => trials.map(({ seed }) => seed)),
        [[3], [4]]
      )
    }).pipe(Effect.provide(environment))
  )

  it.effect("a stage of one's own combines predictions by reference, and runs again when they are others", () =>
    Effect.gen(function* () {
      const all = yield* features
      let runs = 0
      const ensemble = Stage.make("ensemble", {
        version: 1,
        input: Evaluate.PredictionsRef,
        output: Schema.Struct({ accuracy: Schema.Finite }),
        run: Effect.fnUntraced(function* (ref) {
          runs += 1
          const { labels, probabilities } = yield* Evaluate.load(ref)
          const mean = { ...probabilities[0]! }
          const data = Float64Array.from(mean.data, (_, i) => probabilities.reduce((sum, p) => sum + p.data[i]!, 0))
          const { accuracy } = yield* Metric.score(labels, {
            ...mean,
            data: data.map((sum) => sum / probabilities.length)
          })
          return { accuracy }
        })
      })
      const trials = yield* Trial.all({ methods, seeds, on: all })
      const { predictions } = yield* Evaluate.test(trials, all.test)
      const found = yield* ensemble.run(predictions)
      assert.isAtLeast(found.accuracy, 1 / CLASSES)
      yield* ensemble.run({ ...predictions, $at: { ...predictions.$at } })
      assert.strictEqual(runs, 1)
      const fewer = yield* Evaluate.test(trials.slice(1), all.test)
      yield* ensemble.run(fewer.predictions)
      assert.strictEqual(runs, 2)
    }).pipe(Effect.provide(environment))
  )

  it.effect("predictions that are damaged or gone are told", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const all = yield* features
      const trials = yield* Trial.all({ methods: [methods[1]], seeds: [3], on: all })
      const { predictions } = yield* Evaluate.test(trials, all.test)
      const folder = yield* Stage.folderOf(predictions.$at)
      const file = `${folder}/predictions.safetensors`
      const good = yield* fs.readFile(file)
      yield* fs.writeFile(file, good.with(good.length - 1, good.at(-1)! ^ 1))
      const error = yield* Effect.flip(Evaluate.load(predictions))
      assert.include(error.message, `${folder}: this artifact is not in the store any more, or damaged`)
    }).pipe(Effect.provide(environment))
  )
})
