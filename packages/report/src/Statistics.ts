/**
 * Means, standard deviations, and the paired comparison of two methods: a bootstrap (Efron and Tibshirani 1993) of the
 * difference in accuracy that draws both the seeds and the test samples again.
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

/** By training and sample, 1 where `a` alone is right, −1 where `b` alone is, and else 0. Trainings are paired by seed. */
const gainsOf = (a: MethodResult, b: MethodResult, labels: ArrayLike<number>): ReadonlyArray<Int8Array> =>
  a.trainings.map(({ predicted }, t) => {
    const other = b.trainings[t]!.predicted
    return Int8Array.from(labels, (label, i) => Number(predicted[i] === label) - Number(other[i] === label))
  })

/** How often each of n things is drawn in n draws with replacement. */
const redraw = (stream: Keyed.Stream, n: number): Uint16Array => {
  const times = new Uint16Array(n)
  for (let i = 0; i < n; i++) times[Keyed.below(stream, n)]!++
  return times
}

type Compared = Pick<Report, "methods" | "compared" | "labels">

/** Compares each of some methods with the others, each pair once. All comparisons share the resampled seeds and samples. */
export const compare = (report: Compared): ReadonlyArray<Comparison> => {
  const known = found.get(report) ?? comparisons(report)
  found.set(report, known)
  return known
}

/** The table and the page of a report ask for the same comparisons. */
const found = new WeakMap<Compared, ReadonlyArray<Comparison>>()

const comparisons = ({ methods, compared, labels }: Compared): ReadonlyArray<Comparison> => {
  const pairs = compared.flatMap((name, c) => {
    const method = methods.find((one) => one.name === name)!
    const others = methods.filter((one) => one.name !== name && !compared.slice(0, c).includes(one.name))
    return others.map((against) => ({ method: name, against: against.name, gains: gainsOf(method, against, labels) }))
  })
  const [seeds, samples] = [methods[0].trainings.length, labels.length]
  const stream = Keyed.stream(["bootstrap", seeds, samples])
  const resampled = pairs.map(() => new Float64Array(RESAMPLES))
  const mean = (gains: ReadonlyArray<Int8Array>, ofSeed: ArrayLike<number>, ofSample: ArrayLike<number>) => {
    let total = 0
    gains.forEach((row, t) => {
      let sum = 0
      for (let i = 0; i < samples; i++) sum += row[i]! * ofSample[i]!
      total += sum * ofSeed[t]!
    })
    return total / (seeds * samples)
  }
  for (let r = 0; r < RESAMPLES; r++) {
    const [ofSeed, ofSample] = [redraw(stream, seeds), redraw(stream, samples)]
    pairs.forEach(({ gains }, p) => (resampled[p]![r] = mean(gains, ofSeed, ofSample)))
  }
  const once = { seeds: new Uint16Array(seeds).fill(1), samples: new Uint16Array(samples).fill(1) }
  return pairs.map(({ method, against, gains }, p): Comparison => {
    const sorted = resampled[p]!.toSorted()
    const quantile = (q: number) => sorted[Math.round(q * (RESAMPLES - 1))]!
    const difference = mean(gains, once.seeds, once.samples)
    return { method, against, difference, low: quantile(0.025), high: quantile(0.975) }
  })
}

/** What the intervals say, and what they leave out. */
export const scope =
  "Intervals: paired bootstrap over seeds and test samples; other data, and several comparisons at once, are not covered."

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
