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
  /** The mean confidence minus the accuracy, in [−1, 1]: positive where the predictions are too sure of themselves. */
  readonly overconfidence: number
  /** The negative log-likelihood in nats, the mean of −ln p(label); a probability below 2⁻⁵² counts as that. */
  readonly negativeLogLikelihood: number
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
  const { data } = probabilities
  const best = new Int32Array(rows)
  for (let i = 0; i < rows; i++) {
    const at = i * classes
    let most = 0
    for (let c = 1; c < classes; c++) if (data[at + c]! > data[at + most]!) most = c
    best[i] = most
  }
  return best
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
export const averagePrecision = (positive: ReadonlyArray<boolean>, scores: ArrayLike<number>): number =>
  precisionOf(ranked(Uint8Array.from(positive, Number), scores), once(positive.length))

/** The number of bins of the calibration error. */
export const BINS = 15

/**
 * The bin (0 to 14) of a confidence p: bins have equal width and hold (b/15, (b+1)/15]. It is compared with the edges
 * themselves, so that a confidence on an edge falls into the lower bin.
 */
export const binOf = (confidence: number): number => {
  let bin = Math.min(BINS - 1, Math.max(0, Math.floor(confidence * BINS)))
  while (bin > 0 && confidence <= bin / BINS) bin--
  while (bin < BINS - 1 && confidence > (bin + 1) / BINS) bin++
  return bin
}

/**
 * The expected calibration error (Guo et al. 2017) over bins of equal width of the largest probability p: the mean over
 * samples of |the bin's accuracy − the bin's mean p|.
 */
export const calibrationError = (labels: ArrayLike<number>, probabilities: Tensor.Tensor): number =>
  scorer(labels, probabilities).calibrationError()

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
export type Score = "accuracy" | "macroF1" | "meanAveragePrecision"

/** The names of these metrics. */
export const scores = ["accuracy", "macroF1", "meanAveragePrecision"] as const satisfies ReadonlyArray<Score>

/** The names of all metrics. */
export const names = [
  ...scores,
  "calibrationError",
  "overconfidence",
  "negativeLogLikelihood"
] as const satisfies ReadonlyArray<keyof Metrics>

/** The smallest probability whose logarithm is taken, as scikit-learn's `log_loss` has it. */
const LEAST = 2 ** -52

const once = (n: number): Uint16Array => new Uint16Array(n).fill(1)

/**
 * The samples by falling score, and the runs of equal scores that have a positive among them: where run r ends in the
 * order, and where its positives end in the list of them.
 */
interface Ranked {
  readonly order: Uint32Array
  readonly ends: Uint32Array
  readonly positives: Uint32Array
  readonly counts: Uint32Array
}

const ranked = (positive: ArrayLike<number>, scores: ArrayLike<number>): Ranked => {
  const order = Uint32Array.from({ length: positive.length }, (_, i) => i).toSorted((a, b) => scores[b]! - scores[a]!)
  const positives: Array<number> = []
  const [ends, counts]: [Array<number>, Array<number>] = [[], []]
  order.forEach((at, i) => {
    if (positive[at] === 1) positives.push(at)
    if (i + 1 < order.length && scores[order[i + 1]!] === scores[at]) return
    if (positives.length === (counts.at(-1) ?? 0)) return
    ends.push(i + 1)
    counts.push(positives.length)
  })
  return {
    order,
    ends: Uint32Array.from(ends),
    positives: Uint32Array.from(positives),
    counts: Uint32Array.from(counts)
  }
}

/** Between the runs that hold positives, samples are only counted. */
const precisionOf = ({ order, ends, positives, counts }: Ranked, times: ArrayLike<number>): number => {
  let total = 0
  for (let p = 0; p < positives.length; p++) total += times[positives[p]!]!
  const most = Math.max(total, 1)
  let [found, counted, seen, area, i, p] = [0, 0, 0, 0, 0, 0]
  for (let run = 0; run < ends.length; run++) {
    for (const end = ends[run]!; i < end; i++) seen += times[order[i]!]!
    for (const end = counts[run]!; p < end; p++) found += times[positives[p]!]!
    if (found === counted) continue
    area += ((found - counted) / most) * (found / seen)
    counted = found
  }
  return area
}

/** The metrics that are the mean of a number of each sample. */
export const means = ["accuracy", "overconfidence", "negativeLogLikelihood"] as const satisfies ReadonlyArray<
  keyof Metrics
>

/** A metric that is the mean of a number of each sample. */
export type Mean = (typeof means)[number]

/** Metrics by name, as functions of the number of times that each sample is in a set; once each by default. */
export type Scorer = { readonly [K in keyof Metrics]: (times?: ArrayLike<number>) => number } & {
  /** The numbers of the samples whose mean is the metric. */
  readonly bySample: { readonly [K in Mean]: () => Float64Array }
}

const sumOf = (times: ArrayLike<number>): number => {
  let total = 0
  for (let i = 0; i < times.length; i++) total += times[i]!
  return total
}

/** A value that is made when it is first asked for. */
const later = <A>(make: () => A): (() => A) => {
  let made: { readonly value: A } | undefined
  return () => (made ??= { value: make() }).value
}

/** Σ times × value / Σ times. */
const weightedMean = (values: Float64Array, times: ArrayLike<number>): number => {
  let [total, sum] = [0, 0]
  for (let i = 0; i < values.length; i++) {
    const m = times[i]!
    total += m
    sum += m * values[i]!
  }
  return sum / total
}

/**
 * Prepares the scoring of class probabilities (n × classes) against n labels, so that many resamples of the samples can
 * be scored. Throws a `MetricError` if they cannot be.
 */
export const scorer = (labels: ArrayLike<number>, probabilities: Tensor.Tensor): Scorer => {
  check(labels, probabilities)
  const [n, classes] = [probabilities.shape[0]!, probabilities.shape[1]!]
  const predicted = predictions(probabilities)
  const of = (i: number, c: number) => Number(probabilities.data[i * classes + c])
  const everyOne = once(n)
  const right = new Float64Array(n)
  for (let i = 0; i < n; i++) right[i] = Number(predicted[i] === labels[i])
  const confidence = later(() => Float64Array.from(predicted, (c, i) => of(i, c)))
  const excess = later(() => confidence().map((p, i) => p - right[i]!))
  const bins = later(() => Uint8Array.from(confidence(), binOf))
  const lost = later(() => right.map((_, i) => 0 - Math.log(Math.max(of(i, labels[i]!), LEAST))))
  const rank = (c: number) =>
    ranked(
      Uint8Array.from(predicted, (_, i) => Number(labels[i] === c)),
      Float64Array.from(predicted, (_, i) => of(i, c))
    )
  const byClass = later(() => Array.from({ length: classes }, (_, c) => rank(c)))
  return {
    accuracy: (times = everyOne) => weightedMean(right, times),
    macroF1: (times = everyOne) => {
      const [hits, seen] = [new Float64Array(classes), new Float64Array(classes)]
      for (let i = 0; i < n; i++) {
        hits[predicted[i]!]! += times[i]! * right[i]!
        seen[predicted[i]!]! += times[i]!
        seen[labels[i]!]! += times[i]!
      }
      let [total, present] = [0, 0]
      for (let c = 0; c < classes; c++) {
        if (seen[c] === 0) continue
        total += (2 * hits[c]!) / seen[c]!
        present++
      }
      return total / present
    },
    meanAveragePrecision: (times = everyOne) =>
      byClass().reduce((total, one) => total + precisionOf(one, times), 0) / classes,
    calibrationError: (times = everyOne) => {
      const gaps = new Float64Array(BINS)
      const [bin, gap] = [bins(), excess()]
      for (let i = 0; i < n; i++) gaps[bin[i]!]! += times[i]! * gap[i]!
      return gaps.reduce((total, one) => total + Math.abs(one), 0) / sumOf(times)
    },
    overconfidence: (times = everyOne) => weightedMean(excess(), times),
    negativeLogLikelihood: (times = everyOne) => weightedMean(lost(), times),
    bySample: { accuracy: () => right, overconfidence: excess, negativeLogLikelihood: lost }
  }
}

/**
 * All metrics of class probabilities (n × classes) against n labels. Throws a `MetricError` if they cannot be computed.
 */
export const of = (labels: ArrayLike<number>, probabilities: Tensor.Tensor): Metrics => {
  const by = scorer(labels, probabilities)
  return {
    accuracy: by.accuracy(),
    macroF1: by.macroF1(),
    meanAveragePrecision: by.meanAveragePrecision(),
    calibrationError: by.calibrationError(),
    overconfidence: by.overconfidence(),
    negativeLogLikelihood: by.negativeLogLikelihood()
  }
}

/** All metrics as `of` computes them, with the error in the type. */
export const score = (labels: ArrayLike<number>, probabilities: Tensor.Tensor): Effect.Effect<Metrics, MetricError> =>
  Effect.try({ try: () => of(labels, probabilities), catch: (cause) => cause as MetricError })
