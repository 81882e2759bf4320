/**
 * The comparison of methods over several data sets by their ranks (Demšar, "Statistical comparisons of classifiers over
 * multiple data sets", JMLR 2006). On each data set the best method has rank 1, and equal ones share the mean of their
 * ranks. Friedman's test says if the mean ranks differ beyond chance, and Nemenyi's which pairs do.
 */
import { Schema } from "effect"
import { ReportError } from "../ReportError.ts"
import { type MethodScores, Name } from "../sections/Scores.ts"
import { chiSquareTail, fisherTail, rangeQuantile } from "./Distributions.ts"
import { mean } from "./Summary.ts"

/** One metric of several methods on several data sets. */
export const Table = Schema.Struct({
  metric: Name,
  methods: Schema.Array(Schema.String),
  /** Each data set with the values of the methods, in their order. */
  dataSets: Schema.Array(Schema.Struct({ name: Schema.String, values: Schema.Array(Schema.Finite) }))
})

/** One metric of several methods on several data sets. */
export type Table = typeof Table.Type

/** The mean ranks of methods over data sets, and what tests say of them. */
export interface Ranks {
  readonly dataSets: number
  /** The methods by their mean ranks, the best first. */
  readonly methods: ReadonlyArray<{ readonly name: string; readonly rank: number }>
  /** Friedman's χ² with k − 1 degrees of freedom, corrected for ties, and its p-value. */
  readonly chiSquare: number
  readonly chiSquareP: number
  /** Iman and Davenport's F with k − 1 and (k − 1)(N − 1) degrees of freedom, infinite where all data sets agree, and its p-value. */
  readonly f: number
  readonly fP: number
  /** Nemenyi's critical difference at 5 %: methods whose mean ranks are at least as far apart differ. */
  readonly criticalDifference: number
  /** The largest sets of methods that do not differ, as the places of the first and the last. */
  readonly alike: ReadonlyArray<readonly [number, number]>
}

/** The level of the tests. */
export const ALPHA = 0.05

const AT = "the comparison over data sets"

const refuse = (problem: string): never => {
  throw new ReportError({ at: AT, problem })
}

/** The values of which the larger is the better. */
const goodness = (metric: Table["metric"], x: number): number => {
  if (metric === "overconfidence") return -Math.abs(x)
  return metric === "calibrationError" || metric === "negativeLogLikelihood" ? -x : x
}

/** The ranks of values, the largest first; equal ones share the mean of their ranks. */
export const ranksOf = (values: ReadonlyArray<number>): ReadonlyArray<number> =>
  values.map((x) => {
    const above = values.filter((other) => other > x).length
    const equal = values.filter((other) => other === x).length
    return above + (equal + 1) / 2
  })

/** Throws a `ReportError` for fewer than two methods or data sets, two methods of one name, or a missing value. */
export const check = ({ methods, dataSets }: Table): void => {
  if (methods.length < 2) refuse(`there have to be two methods or more: there are ${methods.length}`)
  if (dataSets.length < 2) refuse(`there have to be two data sets or more: there are ${dataSets.length}`)
  const twice = methods.find((name, m) => methods.indexOf(name) < m)
  if (twice !== undefined) refuse(`there are two methods "${twice}"`)
  for (const { name, values } of dataSets) {
    if (values.length > methods.length) {
      refuse(`the data set "${name}" has ${values.length} values, and there are ${methods.length} methods`)
    }
    const missing = methods.find((_, m) => !Number.isFinite(values[m]))
    if (missing !== undefined) refuse(`the data set "${name}" has no value of the method "${missing}"`)
  }
}

/** The intervals of places whose first and last mean ranks are closer than the critical difference; none inside of another. */
const alikeOf = (ranks: ReadonlyArray<number>, difference: number): Ranks["alike"] =>
  ranks
    .map((rank, first) => [first, ranks.findLastIndex((other) => other - rank < difference)] as const)
    .filter(([first, last], i, all) => last > first && (i === 0 || all[i - 1]![1] < last))

/** Nemenyi's critical difference of the mean ranks of k methods over N data sets: q √(k(k+1)/6N). */
export const criticalDifference = (methods: number, dataSets: number, alpha = ALPHA): number =>
  (rangeQuantile(1 - alpha, methods) / Math.SQRT2) * Math.sqrt((methods * (methods + 1)) / (6 * dataSets))

/** Ranks methods over data sets. Throws a `ReportError` for fewer than two of either, or a missing value. */
export const of = (table: Table): Ranks => {
  check(table)
  const { metric, methods, dataSets } = table
  const [k, n] = [methods.length, dataSets.length]
  const ranks = dataSets.map(({ values }) => ranksOf(values.map((x) => goodness(metric, x))))
  const means = methods.map((_, m) => mean(ranks.map((row) => row[m]!)))
  // The variance of ranks within data sets, which is k(k + 1)/12 without ties.
  const centre = (k + 1) / 2
  const within = ranks.flat().reduce((sum, rank) => sum + (rank - centre) ** 2, 0) / (n * (k - 1))
  const among = n * means.reduce((sum, rank) => sum + (rank - centre) ** 2, 0)
  const chiSquare = within === 0 ? 0 : among / within
  const left = n * (k - 1) - chiSquare
  // All data sets rank the methods alike, but for rounding.
  const agree = within > 0 && left < 1e-9 * n * (k - 1)
  const f = agree ? Infinity : ((n - 1) * chiSquare) / left
  const sorted = methods.map((name, m) => ({ name, rank: means[m]! })).toSorted((a, b) => a.rank - b.rank)
  const difference = criticalDifference(k, n)
  return {
    dataSets: n,
    methods: sorted,
    chiSquare,
    chiSquareP: chiSquareTail(chiSquare, k - 1),
    f,
    fP: agree ? 0 : fisherTail(f, k - 1, (k - 1) * (n - 1)),
    criticalDifference: difference,
    alike: alikeOf(
      sorted.map(({ rank }) => rank),
      difference
    )
  }
}

/** The scores of methods on a data set, of which one metric is taken. */
interface Scored {
  readonly methods: ReadonlyArray<
    Pick<MethodScores, "name"> & { readonly trainings: ReadonlyArray<{ readonly [K in Table["metric"]]: number }> }
  >
}

/** The means over seeds of a metric, from the scores by data set. Throws a `ReportError` where a data set lacks a method. */
export const tableOf = (metric: Table["metric"], dataSets: { readonly [name: string]: Scored }): Table => {
  const all = Object.entries(dataSets)
  const methods = [...new Set(all.flatMap(([, { methods }]) => methods.map(({ name }) => name)))]
  return {
    metric,
    methods,
    dataSets: all.map(([name, scores]) => ({
      name,
      values: methods.map((method) => {
        const found = scores.methods.find((one) => one.name === method)
        if (found === undefined) return refuse(`the data set "${name}" has no value of the method "${method}"`)
        return mean(found.trainings.map((training) => training[metric]))
      })
    }))
  }
}
