/**
 * Cross-validation of methods, by group, on the training and validation samples; the test split is not even accepted. In
 * each round one fold is held out and scored, the next fold selects the epoch, and the heads train on the rest: the
 * scored samples have selected nothing. This costs training samples ((K − 2)/K of them are left) and is fair to all
 * methods; scoring the fold that selects the epoch would be optimistic.
 */
import type { Features, Method } from "@igm/gradient"
import { Progress } from "@igm/io"
import { Digest, Setting, Tensor } from "@igm/tensor"
import { HeadTrainer } from "@igm/training"
import { Effect, Schema } from "effect"
import * as Checks from "./Checks.ts"
import type { ExperimentError } from "../ExperimentError.ts"
import * as Folds from "./Folds.ts"
import * as FoldScores from "./FoldScores.ts"
import * as Stage from "../stage/Stage.ts"
import * as Training from "../training/Training.ts"
import * as Trial from "../training/Trial.ts"

type Dims = Features.Dims

/** The number of folds, at least three, and the seeds of the trainings; the first seed also assigns the folds. */
export interface Design {
  readonly folds: number
  readonly seeds: Trial.Seeds
}

/** The methods, the folds, the seeds, and the features of the training and the validation samples. */
export interface Options<D extends Dims> extends Design {
  readonly methods: ReadonlyArray<Method.Method<D>>
  readonly on: Training.Data<D>
}

/** The sizes of the folds, and the scores of each method. */
export interface Validated {
  readonly folds: ReadonlyArray<{ readonly train: number; readonly select: number; readonly held: number }>
  readonly scores: ReadonlyArray<FoldScores.MethodScores>
}

const Domain = Schema.Struct({
  folds: Setting.count.check(
    Schema.isGreaterThanOrEqualTo(Folds.LEAST, { expected: "three folds at least, in whole numbers" })
  ),
  seeds: Schema.Array(Setting.seed).check(Schema.isMinLength(1, { expected: "one seed at least" }))
})

/** Checks the number of folds and the seeds. Throws a `SettingError`. */
export const check = ({ folds, seeds }: Design): void => {
  Setting.check("the cross-validation", Domain, { folds, seeds })
}

/**
 * The version of the stage, to be raised when a change of the code changes the scores, so that older artifacts are not
 * reused.
 */
const VERSION = 4

const Input = Schema.Struct({
  training: Schema.Int,
  methods: Schema.Array(Schema.Json),
  seeds: Schema.Array(Schema.Int),
  folds: Schema.Array(Schema.String),
  labels: Schema.String,
  features: Schema.String
})

/** Concatenates the training and the validation samples. */
const join = <D extends Dims>({ train, valid }: Training.Data<D>): Features.Features<"train", D> => {
  const others: { readonly [modality: string]: Tensor.Tensor<"float32"> } = valid.modalities
  const modalities = Object.entries<Tensor.Tensor<"float32">>(train.modalities).map(([name, { shape, data }]) => {
    const more = others[name]!
    const both = new Float32Array(data.length + more.data.length)
    both.set(data)
    both.set(more.data, data.length)
    return [name, Tensor.float32([shape[0]! + more.shape[0]!, ...shape.slice(1)], both)] as const
  })
  return {
    split: "train",
    widths: train.widths,
    classes: train.classes,
    ids: [...train.ids, ...valid.ids],
    labels: Int32Array.of(...train.labels, ...valid.labels),
    modalities: Object.fromEntries(modalities) as Features.Features<"train", D>["modalities"]
  }
}

/**
 * Cross-validates methods unless their scores are stored; all of them train together, and those of equal settings once.
 * Fails with a `FoldsError` if the groups of samples cannot be dealt into so many folds, and
 * with an `ExperimentError` for two methods of one name.
 */
export const run = Effect.fn("CrossValidation.run")(function* <D extends Dims>({
  methods: all,
  seeds,
  folds: count,
  on
}: Options<D>) {
  yield* Effect.try({
    try: () => check({ folds: count, seeds }),
    catch: (cause) => cause as Setting.SettingError
  })
  const { engine, device, versions } = (yield* HeadTrainer).info
  const features = join(on)
  const { labels, classes } = features
  const groups = [...on.train.groups, ...on.valid.groups]
  const folds = yield* Effect.fromResult(Folds.make({ labels, groups, classes, folds: count, seed: seeds[0]! }))
  const keys = all.map(({ settings }) => Digest.canonicalJson(settings))
  const distinct = [...new Set(keys)]
  const methods = distinct.map((key) => all[keys.indexOf(key)]!)
  yield* Trial.check(
    "the cross-validation",
    methods.map(({ name }) => name),
    seeds
  )
  const least = Math.min(...folds.map(({ train }) => train.length))
  yield* Effect.try({
    try: () => Checks.batches({ title: "the cross-validation" }, methods, least),
    catch: (cause) => cause as ExperimentError
  })
  const total = folds.length * seeds.length * methods.reduce((epochs, { epochs: own }) => epochs + own, 0)
  const stage = Stage.make("cross-validation", {
    version: VERSION,
    input: Input,
    output: FoldScores.Scores,
    run: Effect.fnUntraced(function* () {
      const advance = yield* (yield* Progress).bar("cross-validate, epochs", total)
      return yield* FoldScores.score(methods, features, folds, seeds, advance)
    }, Effect.scoped)
  })
  const input = {
    training: Training.VERSION,
    methods: methods.map((one) => one.settings as Schema.Json),
    seeds,
    folds: folds.map(({ held }) => Digest.ofTensor(Tensor.int32([held.length], held))),
    labels: Digest.ofTensor(Tensor.int32([labels.length], labels)),
    features: Digest.ofTensors(features.modalities)
  }
  const scores = yield* stage.run(input, { on: { engine, device, versions } })
  const validated: Validated = {
    folds: folds.map(({ train, select, held }) => ({ train: train.length, select: select.length, held: held.length })),
    scores: keys.map((key) => scores[distinct.indexOf(key)]!)
  }
  return validated
})
