/**
 * The metrics of all trainings on the split and on resamples of it. A resample draws the groups of the samples (speakers,
 * subjects) again with replacement, or the samples where each is a group of its own (Efron and Tibshirani 1993). All
 * trainings are scored on the same resamples, so that differences are paired.
 */
import { Metric } from "@igm/gradient"
import { Keyed } from "@igm/tensor"
import type { MethodScores, Scores, TrainingScores } from "../sections/Scores.ts"

/** A metric of a training: on the split, and on each resample. */
export interface Measured {
  readonly observed: number
  readonly resampled: Float64Array
}

/** A metric's name. */
export type Name = keyof Metric.Metrics

/** The metrics of one training by name. */
export type Training = { readonly seed: number } & { readonly [K in Name]?: Measured }

/** Metrics of all trainings on common resamples. */
export interface Resamples {
  readonly split: string
  readonly methods: ReadonlyArray<{
    readonly name: string
    readonly selectedBy: Metric.Score
    readonly trainings: ReadonlyArray<Training>
  }>
  /** The metrics that were computed. */
  readonly metrics: ReadonlyArray<Name>
  /** The number of resamples. */
  readonly count: number
  readonly samples: number
  /** The number of units that are drawn: groups, or samples. */
  readonly units: number
  /** True if groups of several samples are drawn. */
  readonly grouped: boolean
}

/** The part of scores that is resampled. */
export interface Resampled extends Pick<Scores, "split" | "labels" | "groups"> {
  readonly methods: ReadonlyArray<
    Pick<MethodScores, "name" | "selectedBy"> & {
      readonly trainings: ReadonlyArray<Pick<TrainingScores, "seed" | "probabilities">>
    }
  >
}

/** Options of resampling. */
export interface Options {
  /** The number of resamples; 2000 by default. */
  readonly count?: number
  /** The metrics to compute; all by default. */
  readonly metrics?: ReadonlyArray<Name>
  /** The draws, as `draws` makes them: many tables of one size can share them. */
  readonly draws?: ReadonlyArray<Uint16Array>
}

/** The unit of each sample, numbered from 0 in the order in which they come. */
const unitsOf = (groups: ReadonlyArray<string> | undefined, samples: number) => {
  const distinct = [...new Set(groups)]
  if (groups === undefined || distinct.length < 2 || distinct.length === samples) {
    return { of: Int32Array.from({ length: samples }, (_, i) => i), count: samples }
  }
  const places = new Map(distinct.map((group, i) => [group, i]))
  return { of: Int32Array.from(groups, (group) => places.get(group)!), count: distinct.length }
}

/** Draws n of n items with replacement, and counts each item. */
export const redraw = (stream: Keyed.Stream, n: number): Uint16Array => {
  const times = new Uint16Array(n)
  for (let i = 0; i < n; i++) times[Keyed.below(stream, n)]!++
  return times
}

/** Draws n of n units again, count times, and counts each unit; the same numbers for the same n and count. */
export const draws = (units: number, count: number): ReadonlyArray<Uint16Array> => {
  const stream = Keyed.stream(["resamples", units])
  return Array.from({ length: count }, () => redraw(stream, units))
}

const isMean = (metric: Name): metric is Metric.Mean => Metric.means.some((name) => name === metric)

/** A metric of a training that is being measured. */
interface Measuring extends Measured {
  readonly metric: Name
  readonly scorer: Metric.Scorer
}

/** The numbers of a metric's samples as sums by unit: a number that every sample has, and what some units have besides. */
const sumsOf = (numbers: Float64Array, base: number, unitOf: Int32Array, units: number) => {
  const rest = new Float64Array(units)
  for (let i = 0; i < numbers.length; i++) rest[unitOf[i]!]! += numbers[i]! - base
  const places = new Int32Array(units)
  let found = 0
  for (let unit = 0; unit < units; unit++) if (rest[unit] !== 0) places[found++] = unit
  const own = places.slice(0, found)
  return { base, places: own, rest: Float64Array.from(own, (unit) => rest[unit]!) }
}

/** Σ times × rest. */
const added = (
  times: Uint16Array,
  { places, rest }: { readonly places: Int32Array; readonly rest: Float64Array }
): number => {
  let sum = 0
  for (let k = 0; k < places.length; k++) sum += times[places[k]!]! * rest[k]!
  return sum
}

/**
 * Fills in the metrics that are means over samples, which a resample adds up by unit. Most samples are right or most are
 * wrong, so that only the others are counted.
 */
const resampleMeans = (
  all: ReadonlyArray<Measuring>,
  unitOf: Int32Array,
  drawn: ReadonlyArray<Uint16Array>,
  count: number
): void => {
  const units = drawn[0]?.length ?? 0
  const columns = all.flatMap(({ metric, scorer, observed, resampled }) => {
    if (!isMean(metric)) return []
    const base = metric === "accuracy" ? Math.round(observed) : 0
    return [{ ...sumsOf(scorer.bySample[metric](), base, unitOf, units), resampled }]
  })
  if (columns.length === 0) return
  const sizes = sumsOf(new Float64Array(unitOf.length).fill(1), 0, unitOf, units)
  for (let r = 0; r < count; r++) {
    const times = drawn[r]!
    const samples = added(times, sizes)
    for (const column of columns) column.resampled[r] = column.base + added(times, column) / samples
  }
}

/** Fills in the other metrics, each of which is scored anew on each resample. */
const resampleOthers = (
  all: ReadonlyArray<Measuring>,
  unitOf: Int32Array,
  drawn: ReadonlyArray<Uint16Array>,
  count: number
): void => {
  const others = all.filter(({ metric }) => !isMean(metric))
  if (others.length === 0) return
  const times = new Uint16Array(unitOf.length)
  for (let r = 0; r < count; r++) {
    for (let i = 0; i < times.length; i++) times[i] = drawn[r]![unitOf[i]!]!
    for (const { metric, scorer, resampled } of others) resampled[r] = scorer[metric](times)
  }
}

/** Scores all trainings on resamples. Throws a `MetricError` for probabilities that cannot be scored. */
export const of = ({ split, labels, groups, methods }: Resampled, options: Options = {}): Resamples => {
  const { count = 2000, metrics = Metric.names } = options
  const samples = labels.length
  const units = unitsOf(groups, samples)
  const prepared = methods.map(({ name, selectedBy, trainings }) => ({
    name,
    selectedBy,
    trainings: trainings.map(({ seed, probabilities }) => {
      const scorer = Metric.scorer(labels, probabilities)
      const measured = metrics.map((metric): Measuring => ({
        metric,
        scorer,
        observed: scorer[metric](),
        resampled: new Float64Array(count)
      }))
      return { seed, measured }
    })
  }))
  const drawn = options.draws ?? draws(units.count, count)
  const all = prepared.flatMap(({ trainings }) => trainings.flatMap(({ measured }) => measured))
  resampleMeans(all, units.of, drawn, count)
  resampleOthers(all, units.of, drawn, count)
  return {
    split,
    methods: prepared.map(({ name, selectedBy, trainings }) => ({
      name,
      selectedBy,
      trainings: trainings.map(({ seed, measured }) => ({
        seed,
        ...Object.fromEntries(measured.map(({ metric, observed, resampled }) => [metric, { observed, resampled }]))
      }))
    })),
    metrics,
    count,
    samples,
    units: units.count,
    grouped: units.count < samples
  }
}
