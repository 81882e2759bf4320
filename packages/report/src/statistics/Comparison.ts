/**
 * The paired comparison of two methods: a bootstrap (Efron and Tibshirani 1993) of the difference in accuracy that draws
 * both the seeds and the test samples again.
 */
import { Keyed } from "@igm/tensor"
import { Schema } from "effect"
import { ReportError } from "../ReportError.ts"
import type { MethodScores, Scores } from "../sections/Scores.ts"

/** A paired comparison: how much more accurate `method` is than `against`, with a 95 % interval. */
export const Comparison = Schema.Struct({
  method: Schema.String,
  against: Schema.String,
  difference: Schema.Finite,
  low: Schema.Finite,
  high: Schema.Finite
})

/** A paired comparison: how much more accurate `method` is than `against`, with a 95 % interval. */
export type Comparison = typeof Comparison.Type

const RESAMPLES = 2000

/** Two methods, and by common seed and sample 1 where the first alone is right, −1 where the second alone is, and else 0. */
interface Pair {
  readonly method: string
  readonly against: string
  readonly gains: ReadonlyArray<Int8Array>
}

type Labels = ArrayLike<number>

/** Trainings are paired by their seeds; those whose seed the other method does not have are left out. */
const gainsOf = (a: MethodScores, b: MethodScores, labels: Labels): ReadonlyArray<Int8Array> =>
  a.trainings.flatMap(({ seed, predicted }) => {
    const other = b.trainings.find((one) => one.seed === seed)?.predicted
    if (other === undefined) return []
    return [Int8Array.from(labels, (label, i) => Number(predicted[i] === label) - Number(other[i] === label))]
  })

/** Draws n of n items with replacement, and counts each item. */
const redraw = (stream: Keyed.Stream, n: number): Uint16Array => {
  const times = new Uint16Array(n)
  for (let i = 0; i < n; i++) times[Keyed.below(stream, n)]!++
  return times
}

const mean = (gains: ReadonlyArray<Int8Array>, ofSeed: ArrayLike<number>, ofSample: ArrayLike<number>): number => {
  let total = 0
  gains.forEach((row, t) => {
    let sum = 0
    for (let i = 0; i < row.length; i++) sum += row[i]! * ofSample[i]!
    total += sum * ofSeed[t]!
  })
  return total / (gains.length * ofSample.length)
}

/** Compares pairs with equally many seeds: they share the resampled seeds and samples. */
const bootstrap = (pairs: ReadonlyArray<Pair>, seeds: number, samples: number): ReadonlyArray<Comparison> => {
  const stream = Keyed.stream(["bootstrap", seeds, samples])
  const resampled = pairs.map(() => new Float64Array(RESAMPLES))
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

const named = (methods: ReadonlyArray<MethodScores>, name: string): MethodScores => {
  const found = methods.find((one) => one.name === name)
  if (found !== undefined) return found
  const known = methods.map((method) => `"${method.name}"`).join(", ")
  throw new ReportError({ at: "the paired comparisons", problem: `there is no method "${name}": there are ${known}` })
}

/**
 * Compares each of some methods with the others, each pair once; methods without a seed in common are not compared. Throws
 * a `ReportError` for the name of no method.
 */
export const compare = (
  { methods, labels }: Pick<Scores, "methods" | "labels">,
  compared: ReadonlyArray<string>
): ReadonlyArray<Comparison> => {
  const pairs = compared.flatMap((name, c) => {
    const method = named(methods, name)
    const others = methods.filter((one) => one.name !== name && !compared.slice(0, c).includes(one.name))
    return others.map((against): Pair => ({
      method: name,
      against: against.name,
      gains: gainsOf(method, against, labels)
    }))
  })
  const alike = Map.groupBy(pairs, ({ gains }) => gains.length)
  const found = new Map(
    [...alike].flatMap(([seeds, own]) =>
      seeds === 0 ? [] : bootstrap(own, seeds, labels.length).map((one, p) => [own[p]!, one] as const)
    )
  )
  return pairs.flatMap((pair) => found.get(pair) ?? [])
}

/** The scope of the intervals, in a sentence. */
export const scope =
  "Intervals: paired bootstrap over seeds and test samples; other data, and several comparisons at once, are not covered."

/** Percentage points with one decimal and a sign. */
const points = (x: number): string => {
  const text = (100 * x).toFixed(1)
  return Number(text) > 0 ? `+${text}` : Number(text) === 0 ? "0.0" : text.replace("-", "−")
}

/** True if the interval leaves 0 out. */
export const isDifferent = ({ low, high }: Comparison): boolean => low > 0 || high < 0

/** A comparison in plain words. */
export const verdict = (comparison: Comparison): string => {
  const { method, against, difference, low, high } = comparison
  const interval = `${points(difference)} points, 95 % interval ${points(low)} to ${points(high)}`
  if (!isDifferent(comparison)) return `${method} and ${against}: no difference that these data can show (${interval})`
  return `${method} is ${difference > 0 ? "more" : "less"} accurate than ${against} (${interval})`
}
