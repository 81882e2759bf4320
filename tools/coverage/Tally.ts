/** Counts of what the intervals of simulated tables say, and the bars that they are held to. */
import { Statistics } from "@igm/report"
import { Keyed } from "@igm/tensor"
import { type Design, nameOf } from "./Design.ts"
import * as Table from "./Table.ts"

/** Counts over the tables of a design. */
export interface Tally {
  readonly tables: number
  /** The sum over tables of the share of plain intervals that cover, and of its square. */
  readonly covered: number
  readonly coveredSquared: number
  /** Tables in which a simultaneous interval leaves its true difference out. */
  readonly false: number
  /** Tables in which two methods that differ by the margin are called equivalent within it. */
  readonly equivalent: number
  /** The sums over tables of the mean widths, in points, and of the levels of the simultaneous intervals. */
  readonly plainWidth: number
  readonly width: number
  readonly level: number
}

/** No tables. */
export const empty: Tally = {
  tables: 0,
  covered: 0,
  coveredSquared: 0,
  false: 0,
  equivalent: 0,
  plainWidth: 0,
  width: 0,
  level: 0
}

/** The counts of both. */
export const sum = (a: Tally, b: Tally): Tally => ({
  tables: a.tables + b.tables,
  covered: a.covered + b.covered,
  coveredSquared: a.coveredSquared + b.coveredSquared,
  false: a.false + b.false,
  equivalent: a.equivalent + b.equivalent,
  plainWidth: a.plainWidth + b.plainWidth,
  width: a.width + b.width,
  level: a.level + b.level
})

/** The number of resamples of a table. */
const RESAMPLES = 250

/** Two methods, each of them compared with all others: 9 pairs. */
const pairs: ReadonlyArray<readonly [number, number]> = [0, 1].flatMap((a) =>
  Array.from({ length: Table.METHODS - a - 1 }, (_, i) => [a, a + 1 + i] as const)
)

const contrast = ([a, b]: readonly [number, number]): Statistics.Family.Weights => ({
  [`method ${a}`]: 1,
  [`method ${b}`]: -1
})

const family = pairs.map(contrast)

/** The pair whose true difference is the margin. */
const apart = contrast([0, Table.METHODS - 1])

const mean = (numbers: ReadonlyArray<number>): number => numbers.reduce((a, b) => a + b, 0) / numbers.length

const widthOf = ({ low, high }: Statistics.Family.Interval): number => 100 * (high - low)

/** Simulates tables of a design, those from `first` on in steps of `step` below `tables`. */
export const of = (
  design: Design,
  {
    first,
    step,
    tables,
    normals
  }: { readonly first: number; readonly step: number; readonly tables: number; readonly normals: Float64Array }
): Tally => {
  const samples = Table.samplesOf(design)
  const units = new Set(samples.groups).size || design.samples
  const draws = Statistics.Resamples.draws(units, RESAMPLES)
  let tally = empty
  for (let t = first; t < tables; t += step) {
    const methods = Table.methodsOf(design, Keyed.stream(["coverage", nameOf(design), t]), normals)
    const resamples = Statistics.Resamples.of(
      { ...samples, methods },
      { count: RESAMPLES, metrics: ["accuracy"], draws }
    )
    const { level, found } = Statistics.Family.of(resamples, family, "accuracy")
    const alone = Statistics.Family.of(resamples, [apart], "accuracy").found[0]!
    const claims = found.map((one, i) => {
      const [a, b] = pairs[i]!
      const truth = Table.accuracies[a]! - Table.accuracies[b]!
      const covers = ({ low, high }: Statistics.Family.Interval) => low <= truth && truth <= high
      return { plain: covers(one!.plain), simultaneous: covers(one!.simultaneous) }
    })
    const covered = mean(claims.map(({ plain }) => Number(plain)))
    tally = sum(tally, {
      tables: 1,
      covered,
      coveredSquared: covered ** 2,
      false: Number(claims.some(({ simultaneous }) => !simultaneous)),
      equivalent: Number(alone.bound < Table.MARGIN),
      plainWidth: mean(found.map((one) => widthOf(one!.plain))),
      width: mean(found.map((one) => widthOf(one!.simultaneous))),
      level
    })
  }
  return tally
}

/** A share in percent with its Monte-Carlo error (two standard errors), and if it holds its bar but for that. */
export interface Share {
  readonly percent: number
  readonly error: number
  readonly holds: boolean
}

const share = (percent: number, error: number, [least, most]: readonly [number, number]): Share => ({
  percent,
  error,
  holds: percent + error >= least && percent - error <= most
})

/** The bars, in percent: plain coverage, tables with a false claim, and tables with a false equivalence. */
const BARS = { plain: [93, 97], false: [0, 6], equivalent: [0, 6] } as const

/** Two standard errors of a share of so many tables, in percent; of one that is 0 or 1, as if it were half a table off. */
const errorOf = (count: number, tables: number): number => {
  const p = Math.min(Math.max(count / tables, 0.5 / tables), 1 - 0.5 / tables)
  return 200 * Math.sqrt((p * (1 - p)) / tables)
}

/** The outcome of a design's tables. */
export interface Outcome {
  readonly design: Design
  readonly tables: number
  readonly plain: Share
  readonly false: Share
  readonly equivalent: Share
  /** The mean widths of the plain and the simultaneous intervals, in points. */
  readonly plainWidth: number
  readonly width: number
  readonly level: number
}

/** The shares of a design with their errors. */
export const outcome = (design: Design, tally: Tally): Outcome => {
  const { tables, covered, coveredSquared } = tally
  const coverage = covered / tables
  const spread = Math.max(coveredSquared / tables - coverage ** 2, 0)
  const counted = (count: number, bar: readonly [number, number]) =>
    share((100 * count) / tables, errorOf(count, tables), bar)
  return {
    design,
    tables,
    plain: share(100 * coverage, 200 * Math.sqrt(spread / tables), BARS.plain),
    false: counted(tally.false, BARS.false),
    equivalent: counted(tally.equivalent, BARS.equivalent),
    plainWidth: tally.plainWidth / tables,
    width: tally.width / tables,
    level: tally.level / tables
  }
}

/** Tests whether all bars hold. */
export const holds = ({ plain, false: any, equivalent }: Outcome): boolean =>
  plain.holds && any.holds && equivalent.holds
