/**
 * Means, standard deviations, and the paired comparison of two methods: a bootstrap over the test samples (Efron and
 * Tibshirani 1993) of the difference in accuracy, averaged over the seeds.
 */
import { Keyed } from "@igm/tensor"
import type { MethodResult, Report } from "./Report.ts"

/** The mean and the standard deviation (n − 1; null for a single number). */
export const summary = (
  numbers: ReadonlyArray<number>
): { readonly mean: number; readonly deviation: number | null } => {
  const mean = numbers.reduce((a, b) => a + b, 0) / numbers.length
  if (numbers.length < 2) return { mean, deviation: null }
  const squares = numbers.reduce((total, x) => total + (x - mean) ** 2, 0)
  return { mean, deviation: Math.sqrt(squares / (numbers.length - 1)) }
}

/** A paired comparison: how much more accurate `method` is than `against`, with a 95 % interval. */
export interface Comparison {
  readonly method: string
  readonly against: string
  readonly difference: number
  readonly low: number
  readonly high: number
}

const RESAMPLES = 2000

/** By sample, the share of a method's trainings that are right. */
const correctness = ({ trainings }: MethodResult, labels: ArrayLike<number>): Float64Array =>
  Float64Array.from(labels, (label, i) => {
    const right = trainings.filter(({ predicted }) => predicted[i] === label).length
    return right / trainings.length
  })

/** Compares each of some methods with each other method. All comparisons share the resampled test sets. */
export const compare = ({ methods, compared, labels }: Pick<Report, "methods" | "compared" | "labels">) => {
  const pairs = compared.flatMap((name) => {
    const method = methods.find((one) => one.name === name)!
    const others = methods.filter((one) => one.name !== name)
    return others.map((against) => {
      const [a, b] = [correctness(method, labels), correctness(against, labels)]
      return { method: name, against: against.name, gains: a.map((x, i) => x - b[i]!) }
    })
  })
  const n = labels.length
  const stream = Keyed.stream(["bootstrap", n])
  const resampled = pairs.map(() => new Float64Array(RESAMPLES))
  const times = new Uint16Array(n)
  for (let r = 0; r < RESAMPLES; r++) {
    times.fill(0)
    for (let i = 0; i < n; i++) times[Keyed.below(stream, n)]!++
    pairs.forEach(
      ({ gains }, p) => (resampled[p]![r] = gains.reduce((total, gain, i) => total + gain * times[i]!, 0) / n)
    )
  }
  return pairs.map(({ method, against, gains }, p): Comparison => {
    const sorted = resampled[p]!.toSorted()
    const quantile = (q: number) => sorted[Math.round(q * (RESAMPLES - 1))]!
    return { method, against, difference: summary([...gains]).mean, low: quantile(0.025), high: quantile(0.975) }
  })
}

/** Percentage points with one decimal and a sign. */
const points = (x: number): string => {
  const text = (100 * x).toFixed(1)
  return Number(text) > 0 ? `+${text}` : Number(text) === 0 ? "0.0" : text.replace("-", "−")
}

/** Whether the interval leaves 0 out. */
export const isDifferent = ({ low, high }: Comparison): boolean => low > 0 || high < 0

/** A comparison in plain words. */
export const verdict = (comparison: Comparison): string => {
  const { method, against, difference, low, high } = comparison
  const interval = `${points(difference)} points, 95 % interval ${points(low)} to ${points(high)}`
  if (!isDifferent(comparison)) return `${method} and ${against}: no difference that these data can show (${interval})`
  return `${method} is ${difference > 0 ? "more" : "less"} accurate than ${against} (${interval})`
}
