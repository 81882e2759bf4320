/** Metrics of predicted class probabilities; all but the calibration error are as scikit-learn defines them. */
import type { Tensor } from "@igm/tensor"
import { Data, Effect } from "effect"

/** Metrics of the predictions on one split. */
export interface Metrics {
  /** The share of samples whose most probable class is their label; ties go to the lower class. */
  readonly accuracy: number
  /** The mean of the F1 scores of the classes that occur among labels or predictions. */
  readonly macroF1: number
  /** The mean over classes of the average precision of the class's probability; 0 for a class that does not occur. */
  readonly meanAveragePrecision: number
  /** The expected calibration error: Σ over bins of (samples/n) |accuracy − mean confidence|, in [0, 1]. */
  readonly calibrationError: number
}

/** A metric cannot be computed: no samples, a label outside the classes, or a score that is not a number. */
export class MetricError extends Data.TaggedError("MetricError")<{ readonly problem: string }> {
  override get message() {
    return this.problem
  }
}

/** The most probable class of each row. */
export const predictions = (probabilities: Tensor.Tensor): Int32Array => {
  const [rows, classes] = [probabilities.shape[0]!, probabilities.shape[1]!]
  return Int32Array.from({ length: rows }, (_, i) => {
    let best = 0
    for (let c = 1; c < classes; c++) {
      if (probabilities.data[i * classes + c]! > probabilities.data[i * classes + best]!) best = c
    }
    return best
  })
}

/** The share of equal entries. */
export const accuracy = (labels: ArrayLike<number>, predicted: ArrayLike<number>): number => {
  let right = 0
  for (let i = 0; i < labels.length; i++) if (labels[i] === predicted[i]) right++
  return right / labels.length
}

/** Counts by label (row) and prediction (column). */
export const confusion = (
  labels: ArrayLike<number>,
  predicted: ArrayLike<number>,
  classes: number
): ReadonlyArray<ReadonlyArray<number>> => {
  const counts = Array.from({ length: classes }, () => Array.from({ length: classes }, () => 0))
  for (let i = 0; i < labels.length; i++) counts[labels[i]!]![predicted[i]!]!++
  return counts
}

/** The mean F1 score, 2 TP/(2 TP + FP + FN), of the classes that occur among labels or predictions. */
export const macroF1 = (labels: ArrayLike<number>, predicted: ArrayLike<number>, classes: number): number => {
  const counts = confusion(labels, predicted, classes)
  const scores = counts.flatMap((row, c) => {
    const present = row.reduce((n, x) => n + x, 0) + counts.reduce((n, other) => n + other[c]!, 0)
    return present === 0 ? [] : [(2 * row[c]!) / present]
  })
  return scores.reduce((total, score) => total + score, 0) / scores.length
}

/** Σ (Rₙ − Rₙ₋₁) Pₙ over the distinct scores from high to low; equal scores enter together. 0 without a positive. */
export const averagePrecision = (positive: ReadonlyArray<boolean>, scores: ArrayLike<number>): number => {
  const order = positive.map((_, i) => i).toSorted((a, b) => scores[b]! - scores[a]!)
  const total = positive.filter(Boolean).length
  let [found, counted, area] = [0, 0, 0]
  for (let i = 0; i < order.length; i++) {
    if (positive[order[i]!]!) found++
    if (i + 1 < order.length && scores[order[i + 1]!] === scores[order[i]!]) continue
    area += ((found - counted) / Math.max(total, 1)) * (found / (i + 1))
    counted = found
  }
  return area
}

/** The number of bins of the calibration error. */
export const BINS = 15

/**
 * The expected calibration error (Guo et al. 2017) over bins of equal width of the largest probability p, (b/15, (b+1)/15]:
 * the mean over samples of |the bin's accuracy − the bin's mean p|.
 */
export const calibrationError = (labels: ArrayLike<number>, probabilities: Tensor.Tensor): number => {
  const classes = probabilities.shape[1]!
  const gaps = Array.from({ length: BINS }, () => 0)
  predictions(probabilities).forEach((c, i) => {
    const confidence = Number(probabilities.data[i * classes + c])
    // Compared with the edges themselves, so that a confidence on an edge falls into the lower bin.
    let bin = Math.min(BINS - 1, Math.max(0, Math.floor(confidence * BINS)))
    while (bin > 0 && confidence <= bin / BINS) bin--
    while (bin < BINS - 1 && confidence > (bin + 1) / BINS) bin++
    gaps[bin]! += Number(c === labels[i]) - confidence
  })
  return gaps.reduce((total, gap) => total + Math.abs(gap), 0) / labels.length
}

const check = (labels: ArrayLike<number>, { shape, data }: Tensor.Tensor): void => {
  const [rows, classes] = [shape[0]!, shape[1]!]
  const fail = (problem: string): never => {
    throw new MetricError({ problem })
  }
  if (rows === 0) fail("there are no samples to score: give a split that has some")
  if (labels.length !== rows) fail(`${labels.length} labels for ${rows} rows of probabilities`)
  for (let i = 0; i < rows; i++) {
    if (!Number.isInteger(labels[i]) || labels[i]! < 0 || labels[i]! >= classes) {
      fail(`sample ${i} has label ${labels[i]}, but the classes are 0 to ${classes - 1}`)
    }
    for (let c = 0; c < classes; c++) {
      if (Number.isNaN(Number(data[i * classes + c]))) fail(`sample ${i} has no score for class ${c}: NaN`)
    }
  }
}

/** The metrics of which more is better. */
export type Score = Exclude<keyof Metrics, "calibrationError">

/** The names of these metrics. */
export const scores = ["accuracy", "macroF1", "meanAveragePrecision"] as const satisfies ReadonlyArray<Score>

/**
 * All metrics of class probabilities (n × classes) against n labels. Throws a `MetricError` if they cannot be computed.
 */
export const of = (labels: ArrayLike<number>, probabilities: Tensor.Tensor): Metrics => {
  check(labels, probabilities)
  const classes = probabilities.shape[1]!
  const predicted = predictions(probabilities)
  const precisions = Array.from({ length: classes }, (_, c) =>
    averagePrecision(
      Array.from(labels, (label) => label === c),
      Array.from(labels, (_, i) => Number(probabilities.data[i * classes + c]))
    )
  )
  return {
    accuracy: accuracy(labels, predicted),
    macroF1: macroF1(labels, predicted, classes),
    meanAveragePrecision: precisions.reduce((total, p) => total + p, 0) / classes,
    calibrationError: calibrationError(labels, probabilities)
  }
}

/** All metrics as `of` computes them, with the error in the type. */
export const score = (labels: ArrayLike<number>, probabilities: Tensor.Tensor): Effect.Effect<Metrics, MetricError> =>
  Effect.try({ try: () => of(labels, probabilities), catch: (cause) => cause as MetricError })
