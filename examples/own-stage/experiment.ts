/** Stages of one's own: whitening between encoders and heads, and an ensemble of the trained heads. */
import { AvDigits, DigitEncoders } from "@igm/av-digits"
import { Args, Checkpoints, Data, Encode, Evaluate, Experiment, FeatureSet, Stage, Trial } from "@igm/experiment"
import { Baselines, Head, Igm, Ring, Selection } from "@igm/gradient"
import { Report } from "@igm/report"
import { Split } from "@igm/tensor"
import { Effect, Record, Schema } from "effect"
import { ensemble, section } from "./ensemble.ts"
import * as Whitening from "./whitening.ts"

const [wide, narrow] = [{ audio: 128, image: 128 } as const, { audio: 32, image: 32 } as const]

/** Finds the whitening of training features. When it is killed, it goes on from its last checkpoint. */
const fit = Stage.make("fit", {
  version: 1,
  input: Schema.Struct({ train: FeatureSet.ref("train", wide), epsilon: Schema.Finite }),
  output: Whitening.Whitenings,
  run: Effect.fnUntraced(function* ({ train, epsilon }) {
    const { modalities } = yield* FeatureSet.load(train)
    const moments = Record.map(modalities, Whitening.momentsOf)
    const checkpoints = yield* Checkpoints.json(Whitening.Iteration)
    const random = Effect.all({ audio: Whitening.draw(32, 128), image: Whitening.draw(32, 128) })
    let { rounds, bases } = (yield* checkpoints.last) ?? { rounds: 0, bases: yield* random }
    while (rounds < 60) {
      bases = Record.map(moments, ({ covariance }, modality) => Whitening.round(covariance, bases[modality]!))
      if (++rounds % 5 === 0) yield* checkpoints.save({ rounds, bases })
    }
    return Record.map(moments, (of, modality) => Whitening.of(of, bases[modality]!, epsilon))
  })
})

/** Whitens the features of a split. */
const whiten = Stage.make("whiten", {
  version: 1,
  input: Schema.Struct({ of: FeatureSet.ref(Split.all, wide), by: Stage.Reference }),
  output: FeatureSet.ref(Split.all, narrow),
  run: Effect.fnUntraced(function* ({ of, by }) {
    const [{ modalities }, whitenings] = yield* Effect.all([FeatureSet.load(of), fit.load(by)])
    const whitened = Record.map(modalities, (features, modality) => Whitening.apply(features, whitenings[modality]))
    return yield* FeatureSet.save(of, narrow, whitened)
  })
})

export default Experiment.make("own-stage", {
  args: Schema.Struct({
    seed: Args.seed,
    epsilon: Args.NonNegative.pipe(Args.defaultsTo(0.001), Args.describe("Added to each variance before whitening")),
    methods: Args.list(Schema.Literals(["igm", "late", "joint"])).pipe(Args.defaultsTo(["igm", "late"]))
  }),
  run: Effect.fn(function* ({ seed, epsilon, methods }) {
    const size = { speech: { kind: "synthetic" }, perDigit: { train: 8, valid: 2, test: 3 } } as const
    const data = yield* Data.open(AvDigits.make({ seed, ...size }))
    const encoded = yield* Encode.splits(data, { audio: DigitEncoders.audio, image: DigitEncoders.image })
    const { ref: by } = yield* fit.stored({ train: encoded.train.ref, epsilon })
    const features = yield* FeatureSet.map(encoded, (of) => whiten.run({ of, by }, { name: `whiten ${of.split}` }))
    const ring = Ring.make(["audio", "image"], { rounds: 3, epochs: { audio: 6, image: 6 } })
    const heads = { audio: Head.make(32, 16, 10), image: Head.make(32, 16, 10) }
    const options = { heads, ring, selection: Selection.best("accuracy"), batch: 6, rho: 1e-10 }
    const all = { igm: Igm.paper(options), late: Baselines.lateFusion(options), joint: Baselines.jointHead(options) }
    const trials = yield* Trial.all({ methods: methods.map((name) => all[name]), seeds: [seed], on: features })
    const evaluation = yield* Evaluate.test(trials, features.test)
    return Report.make("Whitened features, and an ensemble", [
      Report.leaderboard(Evaluate.scores(evaluation, data.dataset)),
      Report.curves(Trial.epochs(trials)),
      section("The ensemble of all trained heads", yield* ensemble.run(evaluation.predictions))
    ])
  })
})
