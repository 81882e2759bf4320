/** Paired comparisons of methods in one metric, as a family with simultaneous intervals. */
import { Schema } from "effect"
import { ReportError } from "../ReportError.ts"
import { Name, metricTitle } from "../sections/Scores.ts"
import * as Family from "./Family.ts"
import type { Resamples } from "./Resamples.ts"

/** An interval. */
export const Interval = Schema.Struct({ low: Schema.Finite, high: Schema.Finite })

/** A difference as it is found, in the metric's own unit. */
export const Difference = Schema.Struct({
  difference: Schema.Finite,
  /** The standard error, and its degrees of freedom. */
  error: Schema.Finite,
  freedom: Schema.Finite,
  /** The 95 % interval of this difference by itself. */
  plain: Interval,
  /** The 95 % interval that covers together with those of the whole family. */
  simultaneous: Interval,
  /** The smallest difference that four of five experiments like this one would show. */
  detectable: Schema.Finite,
  /** The least margin within which the difference is shown to lie. */
  bound: Schema.Finite,
  /** The probability that it is positive with one training a method on another split of this size. */
  probability: Schema.Finite
})

/** A difference as it is found. */
export type Difference = typeof Difference.Type

/** The design that a family of differences rests on. */
export const Design = Schema.Struct({
  metric: Name,
  /** The level at which each simultaneous interval is taken. */
  level: Schema.Finite,
  /** Differences smaller than this do not matter; null where nobody said so. */
  margin: Schema.NullOr(Schema.Finite),
  /** The number of seeds: the least and the most of the family. */
  seeds: Schema.Tuple([Schema.Int, Schema.Int]),
  /** The fewest degrees of freedom of a difference of the family; null where there is none. */
  freedom: Schema.NullOr(Schema.Finite),
  samples: Schema.Int,
  /** The number of groups that are resampled; null where samples are. */
  groups: Schema.NullOr(Schema.Int)
})

/** The design that a family of differences rests on. */
export type Design = typeof Design.Type

/** A paired comparison: how much more of the metric `method` has than `against`. */
export const Comparison = Schema.Struct({ method: Schema.String, against: Schema.String, ...Difference.fields })

/** A paired comparison. */
export type Comparison = typeof Comparison.Type

/** A family of paired comparisons. */
export const Comparisons = Schema.Struct({ design: Design, pairs: Schema.Array(Comparison) })

/** A family of paired comparisons. */
export type Comparisons = typeof Comparisons.Type

/** Options of comparisons. */
export interface Options {
  /** The metric; by default the one that selects the first method's epochs. */
  readonly by?: Family.Metric
  /** The margin of equivalence in the metric's unit, such as 0.01 for a point of accuracy. */
  readonly margin?: number
}

const AT = "the paired comparisons"

/** The design and the differences of a family of contrasts, null for those without a common seed. */
export const family = (
  resamples: Resamples,
  contrasts: ReadonlyArray<Family.Weights>,
  { by, margin = null }: { readonly by?: Family.Metric | undefined; readonly margin?: number | null | undefined } = {}
): { readonly design: Design; readonly differences: ReadonlyArray<Difference | null> } => {
  const metric = by ?? resamples.methods[0]?.selectedBy ?? "accuracy"
  if (!resamples.metrics.includes(metric)) {
    throw new ReportError({ at: AT, problem: `${metricTitle(metric)} was not resampled` })
  }
  if (margin !== null && !(margin > 0)) {
    throw new ReportError({ at: AT, problem: `a margin of ${margin}: give a positive one, or none` })
  }
  const { level, found } = Family.of(resamples, contrasts, metric)
  const seeds = found.flatMap((one) => (one === null ? [] : [one.seeds.length]))
  return {
    design: {
      metric,
      level,
      margin,
      seeds: seeds.length === 0 ? [0, 0] : [Math.min(...seeds), Math.max(...seeds)],
      freedom: seeds.length === 0 ? null : Math.min(...found.flatMap((one) => (one === null ? [] : [one.freedom]))),
      samples: resamples.samples,
      groups: resamples.grouped ? resamples.units : null
    },
    differences: found.map((one) => {
      if (one === null) return null
      const { value, seeds: _, ...rest } = one
      return { difference: value, ...rest }
    })
  }
}

/**
 * Compares each of some methods with the others, each pair once; methods without a seed in common are not compared.
 * Throws a `ReportError` for the name of no method, a metric that was not
 * resampled, or a margin that is not positive.
 */
export const compare = (resamples: Resamples, compared: ReadonlyArray<string>, options: Options = {}): Comparisons => {
  const names = resamples.methods.map(({ name }) => name)
  const unknown = compared.find((name) => !names.includes(name))
  if (unknown !== undefined) {
    const known = names.map((name) => `"${name}"`).join(", ")
    throw new ReportError({ at: AT, problem: `there is no method "${unknown}": there are ${known}` })
  }
  const pairs = compared.flatMap((method, c) =>
    names.flatMap((against) =>
      against === method || compared.slice(0, c).includes(against) ? [] : [{ method, against }]
    )
  )
  const { design, differences } = family(
    resamples,
    pairs.map(({ method, against }) => ({ [method]: 1, [against]: -1 })),
    options
  )
  return {
    design,
    pairs: pairs.flatMap((pair, i) => {
      const difference = differences[i]
      return difference === null || difference === undefined ? [] : [{ ...pair, ...difference }]
    })
  }
}
