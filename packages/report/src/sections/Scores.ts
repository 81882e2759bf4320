/** The scores of methods on a split: what tables, comparisons and the confusion matrix are made from. */
import { Metric } from "@igm/gradient"
import type { Tensor } from "@igm/tensor"
import { Schema } from "effect"

/** The metrics of a split. */
export const metrics = {
  accuracy: Schema.Finite,
  macroF1: Schema.Finite,
  meanAveragePrecision: Schema.Finite,
  calibrationError: Schema.Finite,
  overconfidence: Schema.Finite,
  negativeLogLikelihood: Schema.Finite
} as const satisfies { readonly [K in keyof Metric.Metrics]: unknown }

/** The name of a metric. */
export const Name = Schema.Literals(Metric.names)

/** A metric that can select an epoch. */
export const SelectedBy = Schema.Literals(Metric.scores)

/** A training's seed, and what it makes of the split: class probabilities (n × classes) and their metrics. */
export interface TrainingScores extends Metric.Metrics {
  readonly seed: number
  readonly probabilities: Tensor.Tensor
}

/** Scores a training's class probabilities (n × classes) against n labels. Throws a `MetricError`. */
export const trainingScores = (
  labels: ArrayLike<number>,
  seed: number,
  probabilities: Tensor.Tensor
): TrainingScores => ({ seed, ...Metric.of(labels, probabilities), probabilities })

/** A method, the metric that selected its epochs, and its trainings. */
export interface MethodScores {
  readonly name: string
  readonly description: string
  readonly selectedBy: Metric.Score
  readonly trainings: ReadonlyArray<TrainingScores>
}

/** The scores of methods on a split; the first method is the one that samples and the confusion matrix are shown of. */
export interface Scores {
  /** The split: "test". */
  readonly split: string
  readonly classes: ReadonlyArray<string>
  readonly labels: ArrayLike<number>
  /** The group of each sample (a speaker, a subject) where samples of one group are alike. */
  readonly groups?: ReadonlyArray<string>
  readonly methods: ReadonlyArray<MethodScores>
}

const titles: { readonly [K in keyof Metric.Metrics]: string } = {
  accuracy: "accuracy",
  macroF1: "macro-F1",
  meanAveragePrecision: "mAP",
  calibrationError: "ECE",
  overconfidence: "confidence − accuracy",
  negativeLogLikelihood: "NLL"
}

const isMetric = (by: string): by is keyof Metric.Metrics => Object.hasOwn(titles, by)

/** The name of a metric where it is shown; another name stays as it is. */
export const metricTitle = (by: string): string => (isMetric(by) ? titles[by] : by)

/** The metrics as a table's columns, the one that selects first. */
export const columns = (by: Metric.Score): ReadonlyArray<keyof Metric.Metrics> => [
  by,
  ...Metric.names.filter((key) => key !== by)
]

/** The metrics that select, and where they differ of which methods. */
export const selectors = (methods: ReadonlyArray<Pick<MethodScores, "name" | "selectedBy">>): string => {
  const by = Map.groupBy(methods, ({ selectedBy }) => metricTitle(selectedBy))
  if (by.size === 1) return [...by.keys()][0]!
  return [...by].map(([title, own]) => `${title} (${own.map(({ name }) => name).join(", ")})`).join(" or ")
}
