/** What a user of a cross-validation relies on: it judges by samples that chose nothing, says how sure it is, and is stored. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { AvDigits, DigitEncoders } from "@igm/av-digits"
import { Baselines, type Features, Head, Igm, Metric, Ring, Selection } from "@igm/gradient"
import { type Artifact, ArtifactStore, IoError, Progress } from "@igm/io"
import { Keyed, Tensor } from "@igm/tensor"
import { HeadTrainer } from "@igm/training"
import { Effect, FileSystem, Layer, Result, Schema, Stream } from "effect"
import { CrossValidation, Experiment, Folds, Run, SweepResult } from "../../src/index.ts"
import { setOf } from "../fixture.ts"

type Widths = { readonly audio: 8; readonly image: 6 }

const CLASSES = 3

const features = <S extends "train" | "valid">(split: S, count: number): Features.Features<S, Widths> => {
  const stream = Keyed.stream(["fixture", split])
  const labels = Int32Array.from({ length: count }, () => Keyed.below(stream, CLASSES))
  const modality = (width: number) =>
    Tensor.float32(
      [count, width],
      Array.from({ length: count * width }, (_, i) =>
        Math.max(0, Keyed.normal(stream) + (i % width === labels[Math.floor(i / width)] ? 1 : 0))
      )
    )
  const ids = Array.from(labels, (_, i) => `${split}-${i}`)
  const modalities = { audio: modality(8), image: modality(6) }
  return { split, widths: { audio: 8, image: 6 }, classes: CLASSES, ids, labels, modalities }
}

const groupsOf = (split: string, count: number) => Array.from({ length: count }, (_, i) => `${split} ${i % 4}`)

const data: CrossValidation.Data<Widths> = {
  train: setOf(features("train", 90), groupsOf("a", 90)),
  valid: setOf(features("valid", 40), groupsOf("b", 40))
}

const options = {
  heads: { audio: Head.make(8, 10, 6, CLASSES), image: Head.make(6, 10, 6, CLASSES) },
  ring: Ring.make(["audio", "image"], { rounds: 1, epochs: { audio: 2, image: 1 } }),
  selection: Selection.best("accuracy"),
  batch: 12,
  rho: 0
}

const validation = CrossValidation.make({
  grid: { tau: [0.1, 1.3], rho: [1e-15, 1e-2] },
  folds: 3,
  by: "accuracy",
  seeds: [4, 5],
  method: ({ tau, rho }) => Igm.paper({ ...options, tau, rho })
})

const environment = Layer.unwrap(
  Effect.gen(function* () {
    const folder = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()
    return Layer.mergeAll(ArtifactStore.layer(folder), Progress.layerSilent, Run.layerNone)
  })
).pipe(Layer.provideMerge(HeadTrainer.layerReference), Layer.provideMerge(NodeServices.layer))

/** The scores of a cross-validation, with the artifact that holds them. */
const stored = <G extends CrossValidation.Grid>(of: CrossValidation.CrossValidation<Widths, G>, from = data) =>
  Effect.gen(function* () {
    const store = yield* ArtifactStore
    const artifacts: Array<Artifact> = []
    const noting: ArtifactStore["Service"] = {
      ...store,
      getOrMake: (work, make) =>
        Effect.map(store.getOrMake(work, make), (artifact) => {
          artifacts.push(artifact)
          return artifact
        })
    }
    const standings = yield* CrossValidation.run(of, from).pipe(Effect.provideService(ArtifactStore, noting))
    const [artifact, ...others] = artifacts
    assert.deepStrictEqual([artifact?.stage, others], ["cross-validation", []])
    return { standings, artifact: artifact! }
  })

const scored = (scores: ReadonlyArray<ReadonlyArray<number>>): SweepResult.Scored => ({
  by: "accuracy",
  seeds: [1],
  folds: scores[0]!.map(() => ({ train: 1, select: 1, held: 1 })),
  settings: scores.map((_, i) => ({ tau: i })),
  scores: scores.map((byFold) => byFold.map((score) => [score]))
})

describe("SweepResult", () => {
  it("choose the best mean, and say how far it is ahead of the next", () => {
    const clear = SweepResult.of(
      scored([
        [0.5, 0.6, 0.7],
        [0.6, 0.7, 0.81],
        [0.1, 0.1, 0.1]
      ])
    )
    assert.deepStrictEqual(SweepResult.choice(clear), { tau: 1 })
    assert.closeTo(clear.settings[0]!.mean, 0.6, 1e-12)
    assert.closeTo(clear.settings[0]!.error, 0.1 / Math.sqrt(3), 1e-12)
    assert.strictEqual(clear.runnerUp!.place, 0)
    assert.closeTo(clear.runnerUp!.difference, 0.31 / 3, 1e-12)
    // The differences are .1, .1 and .11: paired, they are far beyond their standard error.
    assert.closeTo(clear.runnerUp!.error, 0.01 / 3, 1e-12)
    assert.isTrue(clear.runnerUp!.beyond)
  })

  it("do not call a difference one that the folds disagree on", () => {
    const open = SweepResult.of(
      scored([
        [0.5, 0.9, 0.5],
        [0.7, 0.5, 0.72]
      ])
    )
    assert.strictEqual(open.chosen, 1)
    assert.isFalse(open.runnerUp!.beyond)
  })

  it("give a tie to the first, however its scores sum up", () => {
    const tie = SweepResult.of(
      scored([
        [0.1, 0.2, 0.3],
        [0.3, 0.2, 0.1],
        [0.3, 0.1, 0.2]
      ])
    )
    assert.deepStrictEqual([tie.chosen, tie.runnerUp!.place, tie.runnerUp!.beyond], [0, 1, false])
    assert.isNull(SweepResult.of(scored([[0.1, 0.2, 0.3]])).runnerUp)
  })

  const Score = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))

  it.prop(
    "have no mean above the chosen one, and go through JSON unchanged",
    { scores: Schema.Array(Schema.Tuple([Score, Score, Score])).check(Schema.isMinLength(1), Schema.isMaxLength(6)) },
    ({ scores }) => {
      const found = SweepResult.of(scored(scores))
      for (const { mean } of found.settings) assert.isAtMost(mean, found.settings[found.chosen]!.mean + 1e-12)
      const back = Schema.decodeUnknownSync(SweepResult.SweepResult)(JSON.parse(JSON.stringify(found)))
      assert.strictEqual(JSON.stringify(back), JSON.stringify(found))
    }
  )
})

describe("CrossValidation", () => {
  it("names in the grid are the names of the method's argument, and the test split is not accepted", () => {
    const { grid, folds, by } = validation
    assert.deepStrictEqual(CrossValidation.settings(grid), [
      { tau: 0.1, rho: 1e-15 },
      { tau: 0.1, rho: 1e-2 },
      { tau: 1.3, rho: 1e-15 },
      { tau: 1.3, rho: 1e-2 }
    ])
    // @ts-expect-error the grid has no share
    void (() => CrossValidation.make({ grid, folds, by, method: ({ share }) => Igm.paper({ ...options, tau: share }) }))
    // @ts-expect-error the calibration error is no score: less is better
    void (() => CrossValidation.make({ ...validation, by: "calibrationError" }))
    const onTest = { ...options, selection: Selection.onTestAsReleased }
    // @ts-expect-error the epoch is selected on the test split
    void (() => CrossValidation.make({ grid, folds, by, method: ({ tau }) => Igm.code({ ...onTest, tau }) }))
    const test = { ...data.valid, split: "test" as const }
    // @ts-expect-error the settings are chosen on the test split
    void CrossValidation.run(validation, { ...data, valid: test })
  })

  it("an experiment that is tuned gives its methods what was chosen", () => {
    const heads = { audio: Head.make(128, 64, 10), image: Head.make(128, 64, 10) }
    const digits = { ...options, heads }
    const tuned = CrossValidation.make({ ...validation, method: ({ tau }) => Igm.paper({ ...digits, tau }) })
    const parts = {
      title: "Only its types matter",
      dataset: AvDigits.make({ seed: 1, speech: { kind: "synthetic" } }),
      encoders: { audio: DigitEncoders.audio, image: DigitEncoders.image },
      compared: [],
      seeds: [1]
    } as const
    Experiment.comparison({ ...parts, tuned, methods: ({ tau, rho }) => [Igm.paper({ ...digits, tau, rho })] })
    const compare = Experiment.comparison
    // @ts-expect-error the grid has no share
    void (() => compare({ ...parts, tuned, methods: ({ share }) => [Igm.paper({ ...digits, tau: share })] }))
    // @ts-expect-error methods that depend on a choice, and nothing that chooses
    const open = () => compare({ ...parts, methods: () => [Igm.paper(digits)] })
    assert.throws(open, "Only its types matter: it has no methods")
    // @ts-expect-error a choice that no method depends on
    const list = () => Experiment.comparison({ ...parts, tuned, methods: [Igm.paper(digits)] })
    assert.throws(list, "are a function of what is chosen")
    // @ts-expect-error 8-wide heads are given the encoders' 128-wide features
    void (() => Experiment.comparison({ ...parts, tuned: validation, methods: () => [Igm.paper(digits)] }))
  })

  it.effect("scores what training by hand on each fold's rows scores, and takes it from the store the next time", () =>
    Effect.gen(function* () {
      const { standings, artifact } = yield* stored(validation)
      assert.isFalse(artifact.reused)
      const trainer = yield* HeadTrainer
      const { train, valid } = data
      const tensors = (name: "audio" | "image") =>
        Tensor.float32([130, train.widths[name]], [...train.modalities[name].data, ...valid.modalities[name].data])
      const joined: Features.Features<"train", Widths> = {
        ...train,
        ids: [...train.ids, ...valid.ids],
        labels: Int32Array.of(...train.labels, ...valid.labels),
        modalities: { audio: tensors("audio"), image: tensors("image") }
      }
      const take = (rows: Int32Array) => ({
        labels: Int32Array.from(rows, (i) => joined.labels[i]!),
        audio: Tensor.takeRows(joined.modalities.audio, rows),
        image: Tensor.takeRows(joined.modalities.image, rows)
      })
      const folds = Result.getOrThrow(
        Folds.make({
          labels: joined.labels,
          groups: [...train.groups, ...valid.groups],
          classes: CLASSES,
          folds: 3,
          seed: 4
        })
      )
      const method = Igm.paper({ ...options, tau: 1.3, rho: 1e-15 })
      for (const [k, fold] of folds.entries()) {
        const [selecting, held] = [take(fold.select), take(fold.held)]
        const select = {
          ...valid,
          ids: Array.from(selecting.labels, String),
          labels: selecting.labels,
          modalities: { audio: selecting.audio, image: selecting.image }
        }
        let total = 0
        for (const seed of [4, 5]) {
          const events = yield* Stream.runCollect(
            trainer.train(method, { seed, train: joined, select, rows: fold.train })
          )
          const weights = events.flatMap((event) => (event.kind === "trained" ? [event.weights] : []))[0]!
          const predictions = yield* trainer.predict(method, weights, { audio: held.audio, image: held.image })
          total += (yield* Metric.score(held.labels, predictions.probabilities)).accuracy
        }
        assert.closeTo(standings.settings[2]!.scores[k]!, total / 2, 1e-12)
      }
      const again = yield* stored(validation)
      assert.isTrue(again.artifact.reused)
      assert.deepStrictEqual(again.standings, standings)
      const other = yield* stored({ ...validation, seeds: [6] })
      assert.isFalse(other.artifact.reused)
    }).pipe(Effect.provide(environment))
  )

  it.effect("goes on from the scores that were kept, and takes none that are damaged or of other work", () =>
    Effect.gen(function* () {
      const here = <A, E, R>(effect: Effect.Effect<A, E, R>, run: Partial<Run["Service"]>) =>
        Effect.gen(function* () {
          const folder = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()
          const none = yield* Run
          return yield* effect.pipe(
            Effect.provideService(Run, Run.of({ ...none, ...run })),
            Effect.provide(ArtifactStore.layer(folder))
          )
        })
      const whole = yield* here(stored(validation), {})
      let bytes = new Uint8Array()
      let kept = 0
      const stopping = here(stored(validation), {
        keep: (_, next) => {
          bytes = Uint8Array.from(next)
          return ++kept < 5 ? Effect.void : Effect.fail(new IoError({ path: "here", problem: "stopped" }))
        }
      })
      assert.strictEqual((yield* Effect.flip(stopping)).message, "here: stopped")

      let rest = 0
      const resumed = yield* here(stored(validation), {
        keep: () => Effect.sync(() => void rest++),
        kept: (work, decode) => {
          bytes.forEach((byte, at) => {
            const found = decode(bytes.with(at, byte ^ 1))
            // The seventeenth digit of a number may be another, and the number the same.
            if ("checkpoint" in found) assert.deepStrictEqual(found, decode(bytes), `byte ${at}`)
          })
          const text = new TextDecoder().decode(bytes)
          assert.property(decode(new TextEncoder().encode(text.replace(work, "d".repeat(64)))), "problem")
          const found = decode(bytes)
          return "checkpoint" in found ? Effect.succeed(found.checkpoint) : assert.fail(found.problem)
        }
      })
      assert.strictEqual(rest, 4 * 3 * 2 - 5)
      assert.deepStrictEqual(resumed.standings, whole.standings)
      assert.deepStrictEqual(resumed.artifact.files, whole.artifact.files)
    }).pipe(Effect.provide(environment))
  )

  it.effect("an error names the setting at which it came about, and too few groups are one", () =>
    Effect.gen(function* () {
      const optimizer = { ...Igm.sgd, rate: 1e4 }
      const diverging = CrossValidation.make({
        ...validation,
        grid: { share: [0.5] },
        method: () => Baselines.lateFusion({ ...options, optimizer, batch: 2 })
      })
      const diverged = yield* Effect.flip(CrossValidation.run(diverging, data))
      assert.match(diverged.message, /^late fusion at share = 0\.5, .*training has diverged/)
      const few = yield* Effect.flip(CrossValidation.run({ ...validation, folds: 9 }, data))
      assert.strictEqual(few.message, "8 groups cannot be dealt into 9 folds: take fewer folds")
    }).pipe(Effect.provide(environment))
  )
})
