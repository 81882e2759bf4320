/**
 * Selects hyperparameters of a method (τ, ρ, a learning rate …) by cross-validation on the training and validation
 * samples; the test split is not even accepted. In each round one fold, by group, is held out and scored, the next fold
 * selects the epoch, and the heads train on the rest: the scored samples have selected nothing. This costs training
 * samples ((K − 2)/K of them are left) and is fair to all settings; scoring the fold that selects the epoch would be
 * optimistic. The best of several means is still biased upwards, and a selection guarantees nothing about accuracy.
 */
import { Features, type Method, Metric } from "@igm/gradient"
import { Progress } from "@igm/io"
import { Digest, Name, Setting as Settings, Tensor } from "@igm/tensor"
import { HeadTrainer, JobState, type Task } from "@igm/training"
import { Effect, Schema, Stream } from "effect"
import * as Folds from "./Folds.ts"
import * as Events from "../training/Events.ts"
import { Checkpoints } from "../stage/Checkpoints.ts"
import type { FeatureSet } from "../features/FeatureSet.ts"
import * as Stage from "../stage/Stage.ts"
import * as Training from "../training/Training.ts"
import * as SweepResult from "./SweepResult.ts"

type Dims = Features.Dims

/** The values to try, by the name of the setting. */
export type Grid = { readonly [setting: string]: readonly [number, ...ReadonlyArray<number>] }

/** One point of a grid. */
export type Setting<G extends Grid = Grid> = { readonly [K in keyof G]: number }

/** A grid search: the settings to try, and the criterion. */
export interface CrossValidation<D extends Dims, G extends Grid = Grid> {
  readonly grid: G
  /** The number of folds, at least three. */
  readonly folds: number
  /** The metric of the held-out folds. */
  readonly by: Metric.Score
  /** The seeds of the trainings, over which a fold's score is averaged; the first seed also assigns the folds. */
  readonly seeds: readonly [number, ...ReadonlyArray<number>]
  /** Makes the method for a point of the grid. */
  readonly method: (setting: Setting<G>) => Method.Method<D>
}

const positions = { expected: "three folds at least, in whole numbers" }

const Domain = Schema.Struct({
  folds: Settings.count.check(Schema.isGreaterThanOrEqualTo(3, positions)),
  by: Settings.oneOf(Metric.scores),
  seeds: Schema.Array(Settings.seed).check(Schema.isMinLength(1, { expected: "one seed at least" }))
})

const Values = Schema.Array(Settings.finite).check(
  Schema.makeFilter((values) => values.length > 0 && new Set(values).size === values.length, {
    expected: "one value or more, none of them twice"
  })
)

/** Throws a `SettingError` or `NameError` if the parameters are invalid. */
export const check = ({ grid, folds, by, seeds }: Omit<CrossValidation<Dims>, "method">): void => {
  Settings.check("the cross-validation", Domain, { folds, by, seeds })
  for (const name of Object.keys(grid)) Name.key("the name of a setting of the cross-validation", name)
  Settings.check("the grid of the cross-validation", Schema.Record(Schema.String, Values), grid)
}

/**
 * Makes a cross-validation; the names of the grid are those of the method's argument. The seeds are [1] by default.
 * Throws a `SettingError` if the parameters are invalid.
 */
export const make = <const D extends Dims, const G extends Grid>({
  seeds = [1],
  ...rest
}: Omit<CrossValidation<D, G>, "seeds"> & Partial<Pick<CrossValidation<D, G>, "seeds">>): CrossValidation<D, G> => {
  const { grid, folds, by } = rest
  check({ grid, folds, by, seeds })
  return { seeds, ...rest }
}

/** Lists all points of a grid; the last name varies fastest. */
export const settings = <G extends Grid>(grid: G): ReadonlyArray<Setting<G>> =>
  Object.entries<Grid[string]>(grid).reduce<ReadonlyArray<Setting>>(
    (all, [name, values]) => all.flatMap((setting) => values.map((value) => ({ ...setting, [name]: value }))),
    [{}]
  ) as ReadonlyArray<Setting<G>>

/** The features of two splits; the test split is excluded by the type. */
export interface Data<D extends Dims> {
  readonly train: FeatureSet<"train", D>
  readonly valid: FeatureSet<"valid", D>
}

/**
 * The version of the stage, to be raised when a change of the code changes the scores, so that older artifacts are not
 * reused.
 */
const VERSION = 2

/** Scores by setting, fold and seed. */
const Scores = Schema.Array(Schema.Array(Schema.Array(Events.Metrics)))

const Input = Schema.Struct({
  training: Schema.Int,
  methods: Schema.Array(Schema.Json),
  seeds: Schema.Array(Schema.Int),
  folds: Schema.Array(Schema.String),
  labels: Schema.String,
  features: Schema.String
})

/**
 * The scores of the finished trainings by setting, fold and seed, the digest of the work that they belong to, and a
 * digest of both.
 */
const Partial = Schema.fromJsonString(
  Schema.Struct({
    digest: Schema.String,
    work: Schema.String,
    scores: Schema.Array(
      Schema.Struct({ at: Schema.Tuple([Schema.Int, Schema.Int, Schema.Int]), metrics: Events.Metrics })
    )
  })
)

type Scored = (typeof Partial)["Type"]["scores"][number]

const digestOf = (work: string, scores: ReadonlyArray<Scored>): Digest.Digest =>
  Digest.ofJson([work, scores as ReadonlyArray<Digest.Json>])

/** Reads the scores that an earlier start of the run left behind. */
const partial = (work: string) => (bytes: Uint8Array) => {
  const found = Schema.decodeUnknownOption(Partial)(new TextDecoder().decode(bytes))
  if (found._tag === "None" || found.value.digest !== digestOf(found.value.work, found.value.scores)) {
    return { problem: "it is damaged" }
  }
  return found.value.work === work ? { checkpoint: found.value.scores } : { problem: "it belongs to other work" }
}

/** Concatenates the training and the validation samples. */
export const join = ({
  train,
  valid
}: {
  readonly train: Features.Features<"train", Dims>
  readonly valid: Features.Features<"valid", Dims>
}): Features.Features<"train", Dims> => ({
  ...train,
  ids: [...train.ids, ...valid.ids],
  labels: Int32Array.of(...train.labels, ...valid.labels),
  modalities: Object.fromEntries(
    Object.entries(train.modalities).map(([name, { shape, data }]) => {
      const more = valid.modalities[name]!
      const both = new Float32Array(data.length + more.data.length)
      both.set(data)
      both.set(more.data, data.length)
      return [name, Tensor.float32([shape[0]! + more.shape[0]!, ...shape.slice(1)], both)]
    })
  )
})

/** Formats a setting: "tau = 0.4, rho = 1e-15". */
const inWords = (setting: Setting): string =>
  Object.entries(setting)
    .map(([name, value]) => `${name} = ${value}`)
    .join(", ")

/** One training: the indices of its setting, fold and seed, and its task. */
interface Trial {
  readonly at: readonly [setting: number, fold: number, seed: number]
  readonly task: Task
}

/**
 * Trains every setting on every fold with every seed, all on one table of features; gives the metrics of the held-out
 * folds.
 */
const score = Effect.fn("CrossValidation.score")(function* (
  methods: ReadonlyArray<Method.Method<Dims>>,
  features: Features.Features<"train", Dims>,
  folds: ReadonlyArray<Folds.Fold>,
  seeds: ReadonlyArray<number>,
  advance: (n: number) => Effect.Effect<void>
) {
  const trainer = yield* HeadTrainer
  const { work, keep, kept } = yield* Checkpoints
  const held = folds.map((fold) => Features.takeRows(features, fold.held))
  const done: Array<Scored> = [...((yield* kept(partial(work))) ?? [])]
  const isDone = (at: Trial["at"]) => done.some((one) => one.at.every((place, i) => place === at[i]))
  yield* advance(done.reduce((epochs, { at: [i] }) => epochs + methods[i]!.epochs, 0))
  // Trainings on the same rows stand side by side, so that they are of one length and step as one.
  const trials = folds
    .flatMap(({ train, select }, k) => {
      const selecting = Features.takeRows(features, select, "valid")
      return seeds.flatMap((seed, s) =>
        methods.map((method, i): Trial => {
          const job: Method.Job<Dims> = { seed, train: features, select: selecting, rows: train }
          return { at: [i, k, s], task: JobState.widen({ method, job }) }
        })
      )
    })
    .filter(({ at }) => !isDone(at))
  yield* trainer.trainMany(trials.map(({ task }) => task)).pipe(
    Stream.runForEach(([n, event]) =>
      Effect.gen(function* () {
        if (event.kind === "epoch") yield* advance(1)
        if (event.kind !== "trained") return
        const { at } = trials[n]!
        const [i, k] = at
        const predictions = yield* trainer.predict(methods[i]!, event.weights, held[k]!.modalities)
        done.push({ at, metrics: yield* Metric.score(held[k]!.labels, predictions.probabilities) })
        const text = yield* Effect.orDie(
          Schema.encodeEffect(Partial)({ digest: digestOf(work, done), work, scores: done })
        )
        yield* keep(new TextEncoder().encode(text))
      })
    )
  )
  const scores = methods.map(() => folds.map((): Array<Metric.Metrics> => []))
  for (const { at, metrics } of done) scores[at[0]]![at[1]]![at[2]] = metrics
  return scores
})

/** Runs a cross-validation unless its scores are stored. */
export const run = Effect.fn("CrossValidation.run")(function* <D extends Dims, G extends Grid>(
  validation: CrossValidation<D, G>,
  data: Data<D>
) {
  const { engine, device, versions } = (yield* HeadTrainer).info
  // The widths and the names have been checked against each other; from here on they are numbers and strings.
  const { grid, seeds, by, method, folds: count } = validation as unknown as CrossValidation<Dims>
  const features = join(data as unknown as Data<Dims>)
  const { labels, classes } = features
  const groups = [...data.train.groups, ...data.valid.groups]
  const folds = yield* Effect.fromResult(Folds.make({ labels, groups, classes, folds: count, seed: seeds[0] }))
  const all = settings(grid)
  const methods = all.map((setting) => {
    const at = method(setting)
    return { ...at, name: `${at.name} at ${inWords(setting)}` }
  })
  const trainings = folds.length * seeds.length
  const total = methods.reduce((epochs, { epochs: own }) => epochs + own * trainings, 0)
  const stage = Stage.make("cross-validation", {
    version: VERSION,
    input: Input,
    output: Scores,
    run: Effect.fnUntraced(function* () {
      const advance = yield* (yield* Progress).bar("cross-validate, epochs", total)
      return yield* score(methods, features, folds, seeds, advance)
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
  return SweepResult.of({
    by,
    seeds,
    folds: folds.map(({ train, select, held }) => ({ train: train.length, select: select.length, held: held.length })),
    settings: all,
    scores: scores.map((byFold) => byFold.map((bySeed) => bySeed.map((metrics) => metrics[by])))
  })
})
