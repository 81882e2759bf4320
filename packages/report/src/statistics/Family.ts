/**
 * Intervals for a family of contrasts of methods: plain ones, each of which covers its own value in 95 % of experiments,
 * and simultaneous ones, which all cover theirs in 95 % of experiments. The simultaneous ones are single-step max-|t|: the
 * level of each interval is lowered to the one that max |z| of the family exceeds in 5 % of the shared resamples of seeds
 * and samples, which makes use of how the contrasts depend on each other (Westfall and Young 1993).
 */
import { Keyed } from "@igm/tensor"
import { studentQuantile, twoSided } from "./Distributions.ts"
import * as Estimate from "./Estimate.ts"
import { type Measured, type Name, type Resamples, redraw } from "./Resamples.ts"
import { mean } from "./Summary.ts"

/** A weighted sum of methods: of a difference, 1 for one and −1 for the other. */
export type Weights = { readonly [method: string]: number }

/** The name of a metric. */
export type Metric = Name

/** An interval. */
export interface Interval {
  readonly low: number
  readonly high: number
}

/** A contrast as it is found. */
export interface Found extends Estimate.Estimate {
  /** The seeds that all methods of the contrast have. */
  readonly seeds: ReadonlyArray<number>
  /** The 95 % interval. */
  readonly plain: Interval
  /** The simultaneous 95 % interval of the family. */
  readonly simultaneous: Interval
  /** The smallest difference that would be found in four of five experiments, by the simultaneous interval. */
  readonly detectable: number
  /** The bound such that |value| below it is shown, by the simultaneous level: a two one-sided test at this margin succeeds. */
  readonly bound: number
  /** The probability that the contrast is positive with one training a method, on another split of this size; ties count half. */
  readonly probability: number
}

/** The share of experiments in which an interval may miss. */
export const ALPHA = 0.05

/** The share of experiments in which a difference of the size `detectable` is found. */
export const POWER = 0.8

/** The measurements of a contrast by seed, for the seeds that all of its methods have. */
export const measure = ({ methods, count }: Resamples, weights: Weights, metric: Name) => {
  const parts = Object.entries(weights).flatMap(([name, weight]) => {
    const found = methods.find((method) => method.name === name)
    return weight === 0 || found === undefined ? [] : [{ weight, trainings: found.trainings }]
  })
  const seeds = (parts[0]?.trainings ?? [])
    .map(({ seed }) => seed)
    .filter((seed) => parts.every(({ trainings }) => trainings.some((one) => one.seed === seed)))
    .toSorted((a, b) => a - b)
  const bySeed = seeds.map((seed): Measured => {
    const all = parts.map(({ weight, trainings }) => ({
      weight,
      of: trainings.find((one) => one.seed === seed)![metric]!
    }))
    const resampled = new Float64Array(count)
    for (const { weight, of } of all) for (let r = 0; r < count; r++) resampled[r]! += weight * of.resampled[r]!
    return { observed: all.reduce((sum, { weight, of }) => sum + weight * of.observed, 0), resampled }
  })
  return { seeds, bySeed }
}

/** The methods that have all of these seeds. */
const having = ({ methods }: Resamples, seeds: ReadonlyArray<number>) =>
  methods.filter(({ trainings }) => seeds.every((seed) => trainings.some((one) => one.seed === seed)))

/**
 * The mean variance between these seeds of all contrasts of a table that are like one: of differences of two methods,
 * times half the squares of its weights, for a contrast whose weights add up to 0, and else of single methods.
 */
const pooledOf = (
  resamples: Resamples,
  weights: Weights,
  metric: Name,
  seeds: ReadonlyArray<number>
): Estimate.Pooled => {
  const names = having(resamples, seeds).map(({ name }) => name)
  const own = Object.values(weights)
  const squares = own.reduce((sum, w) => sum + w * w, 0)
  const isDifference = Math.abs(own.reduce((a, b) => a + b, 0)) < 1e-9
  const alike: ReadonlyArray<Weights> = isDifference
    ? names.flatMap((a, i) => names.slice(i + 1).map((b) => ({ [a]: 1, [b]: -1 })))
    : names.map((name) => ({ [name]: 1 }))
  const variances = alike.map((one) => {
    const { seeds: found, bySeed } = measure({ ...resamples, count: 0 }, one, metric)
    return Estimate.between(bySeed.filter((_, i) => seeds.includes(found[i]!)))
  })
  const others = names.length - (isDifference ? 2 : 1)
  return {
    variance: mean(variances) * (isDifference ? squares / 2 : squares),
    freedom: Math.max(others, 0) * (seeds.length - 1)
  }
}

/** The mean over resampled seeds on each resample of the samples, standardised; zeros where nothing varies. */
const standardised = (bySeed: ReadonlyArray<Measured>, draws: ReadonlyArray<Uint16Array>): Float64Array => {
  const means = Float64Array.from(draws, (times, r) => {
    let sum = 0
    for (let s = 0; s < bySeed.length; s++) sum += times[s]! * bySeed[s]!.resampled[r]!
    return sum / bySeed.length
  })
  const centre = mean(Array.from(means))
  const deviation = Math.sqrt(mean(Array.from(means, (x) => (x - centre) ** 2)))
  return means.map((x) => (deviation === 0 ? 0 : (x - centre) / deviation))
}

/**
 * The level at which each interval of a family is taken, so that all of them cover in 1 − α of experiments: the two-sided
 * p-value of the 1 − α quantile of max |z| over the family. α itself for a family of one.
 */
export const levelOf = (family: ReadonlyArray<Float64Array>, alpha = ALPHA): number => {
  if (family.length < 2) return alpha
  const most = Float64Array.from(family[0]!, (_, r) =>
    family.reduce((max, z) => Math.max(max, Math.abs(z[r]!)), 0)
  ).toSorted()
  const quantile = most[Math.min(most.length - 1, Math.ceil((1 - alpha) * most.length))]!
  return Math.min(Math.max(twoSided(quantile), alpha / family.length), alpha)
}

/** The intervals of an estimate, at the level that each one of its family has, and what they could show. */
export const describe = (estimate: Estimate.Estimate, level: number) => {
  const { value, error, freedom } = estimate
  const reach = (p: number) => (error === 0 ? 0 : studentQuantile(p, freedom) * error)
  const around = (level: number): Interval => ({
    low: value - reach(1 - level / 2),
    high: value + reach(1 - level / 2)
  })
  return {
    ...estimate,
    plain: around(ALPHA),
    simultaneous: around(level),
    detectable: reach(1 - level / 2) + reach(POWER),
    bound: Math.abs(value) + reach(1 - level)
  }
}

/** True for 0 but for rounding. */
const isZero = (x: number): boolean => Math.abs(x) < 1e-12

const probabilityOf = (bySeed: ReadonlyArray<Measured>): number =>
  mean(
    bySeed.map(({ resampled }) => {
      let sum = 0
      for (const x of resampled) sum += isZero(x) ? 0.5 : Number(x > 0)
      return sum / resampled.length
    })
  )

/** The estimates and intervals of a family of contrasts in one metric; contrasts without a common seed are left out. */
export const of = (
  resamples: Resamples,
  family: ReadonlyArray<Weights>,
  metric: Name
): { readonly level: number; readonly found: ReadonlyArray<Found | null> } => {
  const measured = family.map((weights) => measure(resamples, weights, metric))
  // Contrasts on the same seeds share what is drawn of them.
  const drawn = new Map<string, ReadonlyArray<Uint16Array>>()
  const drawsOf = (seeds: ReadonlyArray<number>) => {
    const key = JSON.stringify(seeds)
    const stream = Keyed.stream(["seeds", ...seeds])
    const found = drawn.get(key) ?? Array.from({ length: resamples.count }, () => redraw(stream, seeds.length))
    drawn.set(key, found)
    return found
  }
  const level = levelOf(
    measured.flatMap(({ seeds, bySeed }) => (seeds.length === 0 ? [] : [standardised(bySeed, drawsOf(seeds))]))
  )
  const found = measured.map(({ seeds, bySeed }, i): Found | null => {
    const weights = family[i]!
    if (seeds.length === 0) return null
    // What is the same on every sample with every seed leans on nothing.
    const isNothing = bySeed.every(({ observed, resampled }) => isZero(observed) && resampled.every(isZero))
    const pooled = isNothing ? undefined : pooledOf(resamples, weights, metric, seeds)
    return {
      ...describe(Estimate.of(bySeed, resamples.units, pooled), level),
      seeds,
      probability: probabilityOf(bySeed)
    }
  })
  return { level, found }
}
