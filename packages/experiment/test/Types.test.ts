/** What does not compile: a program whose parts do not fit, or that is run without what it needs. The programs here are only made. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, it } from "@effect/vitest"
import { AvDigits, DigitEncoders } from "@igm/av-digits"
import { EncoderRuntime } from "@igm/encoders"
import { Baselines, type Features, Head, Igm, Ring, Selection } from "@igm/gradient"
import { Progress } from "@igm/io"
import { MediaDecoder } from "@igm/media"
import { Report } from "@igm/report"
import type { Split } from "@igm/tensor"
import { HeadTrainer } from "@igm/training"
import { Effect, Layer, Schema } from "effect"
import {
  Args,
  CrossValidation,
  Data,
  Encode,
  Evaluate,
  Experiment,
  FeatureSet,
  RunStore,
  Space,
  Stage,
  Trial,
  Tuned
} from "../src/index.ts"
import { drawn, setOf } from "./fixture.ts"

type White = { readonly audio: 16; readonly image: 16 }

/** Features of such widths. */
const of = <const D extends Features.Dims>(widths: D): FeatureSet.Splits<D> => {
  const split = <S extends Split.Split>(split: S) => setOf(drawn(split, widths, { count: 2, classes: 2 }), ["a", "b"])
  return { train: split("train"), valid: split("valid"), test: split("test") }
}

const features = of({ audio: 128, image: 128 })

const white = of({ audio: 16, image: 16 })

const ring = Ring.make(["audio", "image"], { rounds: 1, epochs: { audio: 1, image: 1 } })
const rest = { ring, batch: 12, rho: 0, selection: Selection.best("accuracy") }
const wide = Baselines.lateFusion({ ...rest, heads: { audio: Head.make(128, 8, 10), image: Head.make(128, 8, 10) } })
const narrow = Baselines.lateFusion({ ...rest, heads: { audio: Head.make(16, 8, 10), image: Head.make(16, 8, 10) } })

const dataset = AvDigits.make({ seed: 1, speech: { kind: "synthetic" } })
const encoders = { audio: DigitEncoders.audio, image: DigitEncoders.image }

/** Makes features narrower. */
const whiten = Stage.make("whiten", {
  version: 1,
  input: Schema.Struct({ of: FeatureSet.ref(["train", "valid", "test"], { audio: 128, image: 128 }) }),
  output: FeatureSet.ref(["train", "valid", "test"], { audio: 16, image: 16 }),
  run: ({ of }): Effect.Effect<FeatureSet.Ref<Split.Split, White>> =>
    Effect.succeed({ ...of, widths: { audio: 16, image: 16 } })
})

/** Learns from features of the training split. */
const norms = Stage.make("norms", {
  version: 1,
  input: FeatureSet.ref("train", { audio: 128, image: 128 }),
  output: Schema.Finite,
  run: () => Effect.succeed(1)
})

/** An effect that is run whole: nothing is missing. */
const whole = <A, E>(effect: Effect.Effect<A, E>) => effect

describe("Types", () => {
  it("a program without one of its layers is not run", () => {
    const program = Experiment.make("types", {
      args: Schema.Struct({ seed: Args.seed }),
      run: Effect.fnUntraced(function* () {
        const splits = yield* Encode.splits(yield* Data.open(dataset), encoders)
        const trials = yield* Trial.all({ methods: [wide], seeds: [1], on: splits })
        const { predictions } = yield* Evaluate.test(trials, splits.test)
        return Report.make("Types", [Report.json("trials", predictions.trials)])
      })
    })
    const layers = <R, E, I>(layer: Layer.Layer<R, E, I>) => Layer.provideMerge(layer, NodeServices.layer)
    const run = Experiment.run(program, {})
    const heads = HeadTrainer.layerReference
    const decoder = MediaDecoder.layer
    const runs = RunStore.layer("runs")
    const encode = EncoderRuntime.layerCpu
    const told = Progress.layerSilent
    void (() => whole(run.pipe(Effect.provide(layers(Layer.mergeAll(heads, decoder, runs, encode, told))))))
    // @ts-expect-error nothing trains heads
    void (() => whole(run.pipe(Effect.provide(layers(Layer.mergeAll(decoder, runs, encode, told))))))
    // @ts-expect-error nothing decodes media
    void (() => whole(run.pipe(Effect.provide(layers(Layer.mergeAll(heads, runs, encode, told))))))
    // @ts-expect-error nothing runs encoders
    void (() => whole(run.pipe(Effect.provide(layers(Layer.mergeAll(heads, decoder, runs, told))))))
    // @ts-expect-error there is no folder for the run, and no store
    void (() => whole(run.pipe(Effect.provide(layers(Layer.mergeAll(heads, decoder, encode, told))))))
    // @ts-expect-error nobody is told of the progress
    void (() => whole(run.pipe(Effect.provide(layers(Layer.mergeAll(heads, decoder, runs, encode))))))
    // A program that trains nothing needs no trainer.
    const plain = Experiment.make("plain", {
      args: Schema.Struct({}),
      run: () => Effect.map(norms.run(features.train.ref), (n) => Report.make("Plain", [Report.json("norm", n)]))
    })
    void (() => whole(Experiment.run(plain, {}).pipe(Effect.provide(layers(runs)))))
  })

  it("heads fit the features that they are trained on, also behind a stage of one's own", () => {
    void (() => Trial.all({ methods: [wide], seeds: [1], on: features }))
    void (() => Trial.all({ methods: [narrow], seeds: [1], on: white }))
    // @ts-expect-error heads for 128-wide features are given 16-wide ones
    void (() => Trial.all({ methods: [wide], seeds: [1], on: white }))
    // @ts-expect-error heads for 16-wide features are given 128-wide ones
    void (() => Trial.all({ methods: [narrow], seeds: [1], on: features }))
    const mapped = FeatureSet.map(features, (of) => whiten.run({ of }))
    void (() => Effect.flatMap(mapped, (on) => Trial.all({ methods: [narrow], seeds: [1], on })))
    // @ts-expect-error the stage makes 16-wide features
    void (() => Effect.flatMap(mapped, (on) => Trial.all({ methods: [wide], seeds: [1], on })))
    // @ts-expect-error the stage takes 128-wide features
    void (() => whiten.run({ of: white.train.ref }))
    const said = { version: 1, input: FeatureSet.anyRef("train"), output: FeatureSet.ref("train", { audio: 16 }) }
    const { audio } = features.train.modalities
    const save = (ref: FeatureSet.Ref<"train", Features.Dims>) => FeatureSet.save(ref, { audio: 17 }, { audio })
    // @ts-expect-error it is said to save 16-wide features, and they are 17 wide
    void Stage.make("wrong", { ...said, run: save })
    const trials = Trial.all({ methods: [narrow], seeds: [1], on: white })
    void (() => Effect.flatMap(trials, (all) => Evaluate.test(all, white.test)))
    // @ts-expect-error heads for 16-wide features predict 128-wide ones
    void (() => Effect.flatMap(trials, (all) => Evaluate.test(all, features.test)))
  })

  it("methods and seeds are any lists of them, as an argument gives them, and their heads fit all the same", () => {
    const chosen = [wide, { ...wide, name: "again" }].filter(({ name }) => name !== "late fusion")
    const seeds = Array.from({ length: 3 }, (_, i) => i)
    void (() => Trial.all({ methods: chosen, seeds, on: features }))
    const parts = { title: "Types", dataset, encoders, seeds }
    const made = () => Experiment.comparison({ ...parts, methods: chosen, compared: chosen.map(({ name }) => name) })
    void made
    // @ts-expect-error heads for 128-wide features are given 16-wide ones
    void (() => Trial.all({ methods: chosen, seeds, on: white }))
    // @ts-expect-error heads for 16-wide features are given to encoders that are 128 wide
    void (() => Experiment.comparison({ ...parts, methods: [narrow].slice(), compared: [] }))
  })

  it("the test split selects nothing and trains nothing, and no other split is evaluated", () => {
    const { train, valid, test } = features
    void (() => Trial.all({ methods: [wide], seeds: [1], on: { train, valid } }))
    // @ts-expect-error the epoch is selected on the test split
    void (() => Trial.all({ methods: [wide], seeds: [1], on: { train, valid: test } }))
    // @ts-expect-error heads are trained on the test split
    void (() => Trial.all({ methods: [wide], seeds: [1], on: { train: test, valid } }))
    const design = { methods: [wide], folds: 3, seeds: [1] }
    void (() => CrossValidation.run({ ...design, on: { train, valid } }))
    // @ts-expect-error methods are cross-validated on the test split
    void (() => CrossValidation.run({ ...design, on: { train, valid: test } }))
    void (() => norms.run(train.ref))
    // @ts-expect-error a stage that learns from the training split is given the test split
    void (() => norms.run(test.ref))
    // @ts-expect-error a stage that learns from the training split is given the validation split
    void (() => norms.run(valid.ref))
    const trials = Trial.all({ methods: [wide], seeds: [1], on: features })
    // @ts-expect-error predictions of the validation split are no evaluation
    void (() => Effect.flatMap(trials, (all) => Evaluate.test(all, valid)))
  })

  it("an argument that may be left out is not used as if it were given", () => {
    const args = Schema.Struct({ seed: Args.seed, limit: Args.limit, tau: Args.NonNegative, speech: Args.speech })
    const report = (n: number) => Effect.succeed(Report.make("Types", [Report.json("n", n)]))
    const made = Experiment.make("types", { args, run: ({ seed, tau }) => report(seed + tau) })
    void Experiment.make("types", { args, run: ({ limit = 3 }) => report(limit) })
    // @ts-expect-error the limit may be left out
    void Experiment.make("types", { args, run: ({ limit }) => report(limit) })
    // @ts-expect-error there is no such argument
    void Experiment.make("types", { args, run: ({ tua }) => report(tua) })
    // @ts-expect-error a number is no text
    void Experiment.make("types", { args, run: ({ tau }) => report(tau.length) })
    // @ts-expect-error a program gives a report
    void Experiment.make("types", { args, run: () => Effect.succeed(1) })
    void (() => Experiment.run(made, { tau: 0.4 }))
    void (() => Experiment.run(made, { tau: 0.4, seed: 2, limit: 3 }))
    // @ts-expect-error tau has no default
    void (() => Experiment.run(made, { seed: 1 }))
    // @ts-expect-error a text is no number
    void (() => Experiment.run(made, { tau: "0.4" }))
  })

  it("each encoder is of a modality of the data", () => {
    const opened = Data.open(dataset)
    void (() => Effect.flatMap(opened, (of) => Encode.splits(of, encoders)))
    // Features of one modality are features.
    void (() => Effect.flatMap(opened, (of) => Encode.splits(of, { audio: DigitEncoders.audio })))
    const video = { audio: DigitEncoders.audio, video: DigitEncoders.image }
    // @ts-expect-error the data set has no video
    void (() => Effect.flatMap(opened, (of) => Encode.splits(of, video)))
    const alone = Effect.flatMap(opened, (of) => Encode.splits(of, { audio: DigitEncoders.audio }))
    // @ts-expect-error the method reads images, which have no encoder
    void (() => Effect.flatMap(alone, (on) => Trial.all({ methods: [wide], seeds: [1], on })))
    const parts = { title: "Types", dataset, methods: [wide], compared: [], seeds: [1] } as const
    void (() => Experiment.comparison({ ...parts, encoders }))
    // @ts-expect-error a modality of the method has no encoder
    void (() => Experiment.comparison({ ...parts, encoders: { audio: DigitEncoders.audio } }))
  })

  it("a tuned method is given the settings of its space, and its table a budget", () => {
    const heads = { audio: Head.make(128, 8, 10), image: Head.make(128, 8, 10) }
    const space = { tau: Space.values([0, 0.4]), mixup: Space.values(["both", "none"]), rate: Space.log(1e-3, 3e-2) }
    const tuned = Tuned.make({
      space,
      start: { tau: 0.4, mixup: "none", rate: 0.01 },
      method: ({ tau, mixup, rate }) =>
        Igm.paper({
          ...rest,
          heads,
          tau,
          optimizer: { ...Igm.sgd, rate },
          switches: { mixup: mixup === "both" ? { audio: 1, image: 1 } : {} }
        })
    })
    const parts = { title: "Types", dataset, encoders, compared: [], seeds: [1] }
    const tuning = { trials: 3, folds: 3, by: "accuracy" } as const
    void (() => Experiment.comparison({ ...parts, methods: [tuned, wide], tuning }))
    void (() => Experiment.comparison({ ...parts, methods: [tuned, wide], tuning: { ...tuning, seeds: [1, 2] } }))
    // @ts-expect-error a table with a tuned method has no budget
    void (() => Experiment.comparison({ ...parts, methods: [tuned, wide] }))
    // @ts-expect-error a budget has no trials
    void (() => Experiment.comparison({ ...parts, methods: [tuned], tuning: { folds: 3, by: "accuracy" } }))
    // @ts-expect-error less calibration error is better
    void (() => Experiment.comparison({ ...parts, methods: [tuned], tuning: { ...tuning, by: "calibrationError" } }))
    // @ts-expect-error heads for 16-wide features are tuned on 128-wide ones
    void (() => Experiment.comparison({ ...parts, methods: [Tuned.make({ space, method: () => narrow })], tuning }))
    // @ts-expect-error the start is none of the values
    void (() => Tuned.make({ space, start: { tau: 1, mixup: "none", rate: 0.01 }, method: () => wide }))
    // @ts-expect-error the start lacks a setting
    void (() => Tuned.make({ space, start: { tau: 0.4, mixup: "none" }, method: () => wide }))
    // @ts-expect-error the space has no rho
    void (() => Tuned.make({ space, method: ({ rho }) => Igm.paper({ ...rest, heads, rho }) }))
    // @ts-expect-error the setting is a word, and τ a number
    void (() => Tuned.make({ space, method: ({ mixup }) => Igm.paper({ ...rest, heads, tau: mixup }) }))
    const onTest = { ...rest, heads, selection: Selection.onTestAsReleased }
    // @ts-expect-error the epoch is selected on the test split
    void (() => Tuned.make({ space, method: ({ tau }) => Igm.code({ ...onTest, tau }) }))
    // @ts-expect-error numbers are no dimension
    void (() => Tuned.make({ space: { tau: [0, 0.4] }, method: () => wide }))
  })
})
