/**
 * Evaluation: trained heads predict the test split, once. Nothing else accepts features of that split: the types
 * restrict training and selection to the other splits.
 */
import type { Dataset } from "@igm/datasets"
import { Calibration, type Features, Float64, Fusion, type Method, Metric } from "@igm/gradient"
import { AtomicFile, IoError } from "@igm/io"
import { type Scores, trainingScores } from "@igm/report"
import { Digest, Safetensors, Tensor } from "@igm/tensor"
import { HeadTrainer, Weights } from "@igm/training"
import { Effect, Schema } from "effect"
import * as Events from "./Events.ts"
import { ExperimentError } from "../ExperimentError.ts"
import * as FeatureSet from "../features/FeatureSet.ts"
import * as Stage from "../stage/Stage.ts"
import { StageFolder } from "../stage/StageFolder.ts"
import * as Trial from "./Trial.ts"

type Dims = Features.Dims

/** A trial's predictions of the test split, and their metrics. */
export interface Evaluated<D extends Dims> extends Trial.Trial<D> {
  readonly metrics: Metric.Metrics
  /** Logits of each head, and the fused class probabilities (n × classes each). */
  readonly logits: { readonly [head: string]: Tensor.Tensor<"float64"> }
  readonly probabilities: Tensor.Tensor<"float64">
}

/** The predictions of all trials on the test split. */
export interface Evaluation<D extends Dims> {
  readonly test: FeatureSet.FeatureSet<"test", D>
  readonly methods: ReadonlyArray<{
    readonly method: Trial.Trial<D>["method"]
    readonly trials: ReadonlyArray<Evaluated<D>>
  }>
  readonly predictions: PredictionsRef
}

/** The schema of a reference to stored predictions of the test split. */
export const PredictionsRef = Schema.Struct({
  split: Schema.Literal("test"),
  count: Schema.Int,
  classes: Schema.Int,
  /** The methods' names and seeds, in order. */
  trials: Schema.Array(Schema.Struct({ method: Schema.String, seed: Schema.Int })),
  content: Schema.String,
  [Stage.PLACE]: Schema.Struct({ stage: Schema.String, digest: Schema.String })
})

/** A reference to stored predictions of the test split. */
export type PredictionsRef = typeof PredictionsRef.Type

const FILE = "predictions.safetensors"

const Input = Schema.Struct({
  trials: Schema.Array(
    Schema.Struct({ method: Schema.String, settings: Schema.Json, seed: Schema.Int, weights: Schema.String })
  ),
  test: Schema.Struct({ labels: Schema.String, features: Schema.String })
})

const tensorsOf = Effect.fnUntraced(function* (folder: string) {
  const path = `${folder}/${FILE}`
  const bytes = yield* AtomicFile.read(path)
  return yield* Effect.try({
    try: () => Safetensors.decode(bytes).tensors as { readonly [name: string]: Tensor.Tensor<"float64"> },
    catch: (cause) => new IoError({ path, problem: "this file is damaged", cause })
  })
})

const nameOf = (place: number, of: string) => `${place}/${of}`

/** Trials as a stage's input names them. */
const workOf = (
  trials: ReadonlyArray<
    Pick<Trial.Trial<Dims>, "seed" | "weights"> & { readonly method: Pick<Method.Method, "name" | "settings"> }
  >
) =>
  trials.map(({ method, seed, weights }) => ({
    method: method.name,
    settings: method.settings as Schema.Json,
    seed,
    weights: Digest.ofTensors(Weights.stored(weights))
  }))

/** Fails where heads were trained on features of another stage than those that they are to predict from. */
const sameOrigin = Effect.fnUntraced(function* (
  trials: ReadonlyArray<{ readonly method: { readonly name: string } } & Pick<Trial.Trial<Dims>, "madeBy">>,
  own: Trial.Trial<Dims>["madeBy"]
) {
  for (const { method, madeBy } of trials) {
    const modality = Object.keys(own).find((modality) => madeBy[modality] !== own[modality])
    if (modality === undefined) continue
    const [theirs, ours] = [madeBy[modality], own[modality]].map((stage) => `${modality} of the stage ${stage}`)
    const problem = `it was trained on ${theirs}, and is evaluated on ${ours}: give the test split of the features that it was trained on`
    return yield* new ExperimentError({ experiment: method.name, problem })
  }
})

/** Predicts the test split with the heads of all trials. */
export const test = Effect.fn("Evaluate.test")(function* <D extends Dims>(
  trials: ReadonlyArray<Trial.Trials<D>>,
  features: FeatureSet.FeatureSet<"test", D>
) {
  const { engine, device, versions } = (yield* HeadTrainer).info
  const all = trials.flatMap((one) => one.trials)
  yield* sameOrigin(all, FeatureSet.madeBy(features))
  const { labels } = features
  const stage = Stage.make("evaluation", {
    version: 2,
    input: Input,
    output: Schema.Array(Events.Metrics),
    run: Effect.fnUntraced(function* () {
      const trainer = yield* HeadTrainer
      const { folder } = yield* StageFolder
      const tensors: Record<string, Tensor.Tensor> = { labels: Tensor.int32([labels.length], labels) }
      const scores: Array<Metric.Metrics> = []
      for (const [place, { method, weights }] of all.entries()) {
        const predicted = yield* trainer.predict(method, weights, features.modalities)
        scores.push(yield* Metric.score(labels, predicted.probabilities))
        tensors[nameOf(place, "probabilities")] = predicted.probabilities
        for (const [head, logits] of Object.entries(predicted.logits)) tensors[nameOf(place, `logits/${head}`)] = logits
      }
      yield* AtomicFile.write(`${folder}/${FILE}`, Safetensors.encode(tensors))
      return scores
    })
  })
  const input = {
    trials: workOf(all),
    test: { labels: features.ref.labels, features: features.ref.features }
  }
  const { value: scores, artifact } = yield* stage.stored(input, { on: { engine, device, versions } })
  const tensors = yield* tensorsOf(artifact.folder)
  const evaluated = all.map((trial, place): Evaluated<D> => {
    const prefix = nameOf(place, "logits/")
    const logits = Object.entries(tensors).flatMap(([name, tensor]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), tensor] as const] : []
    )
    return {
      ...trial,
      metrics: scores[place]!,
      logits: Object.fromEntries(logits),
      probabilities: tensors[nameOf(place, "probabilities")]!
    }
  })
  // Trials of one method may stand at several places.
  const ends = trials.map((_, i) => trials.slice(0, i + 1).reduce((n, one) => n + one.trials.length, 0))
  const evaluation: Evaluation<D> = {
    test: features,
    methods: trials.map(({ method, trials: own }, i) => ({
      method,
      trials: evaluated.slice(ends[i]! - own.length, ends[i])
    })),
    predictions: {
      split: "test",
      count: labels.length,
      classes: features.classes,
      trials: all.map(({ method, seed }) => ({ method: method.name, seed })),
      content: artifact.files[FILE]!,
      $at: { stage: artifact.stage, digest: artifact.digest }
    }
  }
  return evaluation
})

/**
 * The same trained heads under another fusion of their logits, at no cost. The epochs stay those that the method's own
 * fusion selected; a method of one head stays as it is.
 */
export const fuse = <D extends Dims>(evaluation: Evaluation<D>, fusion: Fusion.Fusion): Evaluation<D> => ({
  ...evaluation,
  methods: evaluation.methods.map(({ method, trials }) => ({
    method,
    trials: trials.map((trial) => {
      const logits = Object.values(trial.logits)
      if (logits.length < 2) return trial
      const probabilities = Fusion.fuse(Float64.ops, fusion, logits)
      return { ...trial, probabilities, metrics: Metric.of(evaluation.test.labels, probabilities) }
    })
  }))
})

/** The scores of all methods on the test split, for a report's tables; the data set gives the names of the classes. */
export const scores = <D extends Dims>(
  { test, methods }: Evaluation<D>,
  { classes }: Pick<Dataset.Dataset<string>, "classes">
): Scores => ({
  split: "test",
  classes,
  labels: test.labels,
  groups: test.groups,
  methods: methods.map(({ method, trials }) => ({
    name: method.name,
    description: method.description,
    selectedBy: Trial.selectedBy(method),
    trainings: trials.map(({ seed, probabilities }) => trainingScores(test.labels, seed, probabilities))
  }))
})

const TemperatureInput = Schema.Struct({
  trials: Input.fields.trials,
  valid: Schema.Struct({ labels: Schema.String, features: Schema.String })
})

/**
 * The temperature of each trial's probabilities, in order, at which the negative log-likelihood of the validation split
 * is least. The test split has no part in it.
 */
export const temperatures = Effect.fn("Evaluate.temperatures")(function* <D extends Dims>(
  trials: ReadonlyArray<Trial.Trials<D>>,
  valid: FeatureSet.FeatureSet<"valid", D>
) {
  const { engine, device, versions } = (yield* HeadTrainer).info
  const all = trials.flatMap((one) => one.trials)
  yield* sameOrigin(all, FeatureSet.madeBy(valid))
  const stage = Stage.make("temperatures", {
    version: 1,
    input: TemperatureInput,
    output: Schema.Array(Schema.Finite),
    run: Effect.fnUntraced(function* () {
      const trainer = yield* HeadTrainer
      return yield* Effect.forEach(all, ({ method, weights }) =>
        Effect.flatMap(trainer.predict(method, weights, valid.modalities), ({ probabilities }) =>
          Effect.try({
            try: () => Calibration.temperature(valid.labels, probabilities),
            catch: (cause) => cause as Metric.MetricError
          })
        )
      )
    })
  })
  const { labels, features } = valid.ref
  return yield* stage.run({ trials: workOf(all), valid: { labels, features } }, { on: { engine, device, versions } })
})

/** Predictions in memory: class probabilities (n × classes) of each trial, in order, and the labels (n). */
export interface Predictions {
  readonly labels: Int32Array
  readonly probabilities: ReadonlyArray<Tensor.Tensor<"float64">>
}

/** Loads predictions, for a stage that combines them. */
export const load = Effect.fn("Evaluate.load")(function* ({ trials, $at }: PredictionsRef) {
  const tensors = yield* tensorsOf(yield* Stage.folderOf($at))
  const found: Predictions = {
    labels: Int32Array.from(tensors["labels"]!.data),
    probabilities: trials.map((_, place) => tensors[nameOf(place, "probabilities")]!)
  }
  return found
})
