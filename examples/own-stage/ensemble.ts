/** The ensemble of all trained heads: the mean of their class probabilities, and a bootstrap of its accuracy. */
import { Evaluate, Stage } from "@igm/experiment"
import { Metric } from "@igm/gradient"
import { Block, Section } from "@igm/report"
import { Tensor } from "@igm/tensor"
import { Array, Effect, Random, Schema } from "effect"

/** The accuracy of the ensemble, and the interval in which 95 % of the resampled ones lie. */
const Ensemble = Schema.Struct({ accuracy: Schema.Finite, low: Schema.Finite, high: Schema.Finite })

const RESAMPLED = 200

/** Scores the mean of the predictions, on all samples and on samples drawn from them with replacement. */
const score = Effect.fnUntraced(function* ({ labels, probabilities }: Evaluate.Predictions) {
  const { shape, data } = probabilities[0]!
  const sums = Array.fromIterable(data).map((_, i) => probabilities.reduce((sum, { data }) => sum + data[i]!, 0))
  const predicted = Metric.predictions(Tensor.float64(shape, sums))
  const isRight = Array.fromIterable(labels).map((label, i) => Number(label === predicted[i]))
  const draw = Effect.map(Random.nextIntBetween(0, labels.length, { halfOpen: true }), (i) => isRight[i]!)
  const share = (right: ReadonlyArray<number>) => right.reduce((sum, one) => sum + one, 0) / labels.length
  const resample = Effect.map(Effect.replicateEffect(draw, labels.length), share)
  const shares = (yield* Effect.replicateEffect(resample, RESAMPLED)).toSorted((a, b) => a - b)
  const at = (quantile: number) => shares[Math.floor(quantile * RESAMPLED)]!
  return { accuracy: share(isRight), low: at(0.025), high: at(0.975) }
})

/** Lets all trained heads vote on the test split. */
export const ensemble = Stage.make("ensemble", {
  version: 1,
  input: Evaluate.PredictionsRef,
  output: Ensemble,
  run: (predictions) => Effect.flatMap(Evaluate.load(predictions), score)
})

const percent = (share: number) => `${(100 * share).toFixed(1)} %`

/** The report's section of it. */
export const section = Section.make(
  "ensemble",
  {
    data: Ensemble,
    draw: ({ accuracy, low, high }) => [
      Block.table(["accuracy", "95 % interval"], [[percent(accuracy), `${percent(low)} to ${percent(high)}`]])
    ]
  },
  { terminal: true }
)
