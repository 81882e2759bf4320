/**
 * Calibration: a temperature T that softens or sharpens class probabilities without changing which class is the most
 * probable one (Guo et al. 2017). It is fitted on the validation split, and the test split is only scored with it.
 */
import { Tensor } from "@igm/tensor"
import * as Metric from "./Metric.ts"

/** The smallest probability whose logarithm is taken. */
const LEAST = 2 ** -52

/** The logarithms of class probabilities (n × classes). */
const logsOf = ({ data }: Tensor.Tensor): Float64Array =>
  Float64Array.from({ length: data.length }, (_, i) => Math.log(Math.max(Number(data[i]), LEAST)))

/** Class probabilities at temperature T > 0: p^(1/T)/Σ p^(1/T) in each row (n × classes). */
export const at = (temperature: number, probabilities: Tensor.Tensor): Tensor.Tensor<"float64"> => {
  const [rows, classes] = [probabilities.shape[0]!, probabilities.shape[1]!]
  const logs = logsOf(probabilities)
  const out = new Float64Array(logs.length)
  for (let i = 0; i < rows; i++) {
    const row = logs.subarray(i * classes, (i + 1) * classes)
    const most = row.reduce((a, b) => Math.max(a, b), -Infinity)
    let total = 0
    for (let c = 0; c < classes; c++) total += out[i * classes + c] = Math.exp((row[c]! - most) / temperature)
    for (let c = 0; c < classes; c++) out[i * classes + c]! /= total
  }
  return Tensor.float64([rows, classes], out)
}

/** The range in which a temperature is sought. */
export const RANGE = [0.01, 100] as const

/**
 * The temperature in [0.01, 100] at which the negative log-likelihood of n labels is least: it is convex in 1/T, so that
 * the zero of its slope, E[Σ_c p_c ln p_c − ln p_label], is found by bisection. Throws a `MetricError` where the
 * probabilities cannot be scored.
 */
export const temperature = (labels: ArrayLike<number>, probabilities: Tensor.Tensor): number => {
  Metric.of(labels, probabilities)
  const classes = probabilities.shape[1]!
  const logs = logsOf(probabilities)
  const slope = (t: number): number => {
    const { data } = at(t, probabilities)
    let total = 0
    for (let i = 0; i < data.length; i++) total += data[i]! * logs[i]!
    for (let i = 0; i < labels.length; i++) total -= logs[i * classes + labels[i]!]!
    return total
  }
  let [low, high] = RANGE.map(Math.log) as [number, number]
  // The slope by 1/T falls from the sharpest temperature to the softest.
  while (high - low > 1e-10) {
    const middle = (low + high) / 2
    if (slope(Math.exp(middle)) > 0) low = middle
    else high = middle
  }
  return Math.exp((low + high) / 2)
}

/** The samples whose confidence lies in a bin: their share, the mean confidence and the accuracy. */
export interface Bin {
  readonly share: number
  readonly confidence: number
  readonly accuracy: number
}

/** The bins of the calibration error that hold samples, by rising confidence: a reliability diagram. */
export const bins = (labels: ArrayLike<number>, probabilities: Tensor.Tensor): ReadonlyArray<Bin> => {
  const classes = probabilities.shape[1]!
  const sums = Array.from({ length: Metric.BINS }, () => ({ count: 0, confidence: 0, right: 0 }))
  Metric.predictions(probabilities).forEach((c, i) => {
    const confidence = Number(probabilities.data[i * classes + c])
    const bin = sums[Metric.binOf(confidence)]!
    bin.count++
    bin.confidence += confidence
    bin.right += Number(c === labels[i])
  })
  return sums.flatMap(({ count, confidence, right }) =>
    count === 0 ? [] : [{ share: count / labels.length, confidence: confidence / count, accuracy: right / count }]
  )
}
