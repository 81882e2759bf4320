/** Methods over several data sets: their mean ranks, and which of them differ by Nemenyi's test, as a figure and in words. */
import type { TopLevelSpec } from "vega-lite"
import * as Block from "../Block.ts"
import * as Section from "../Section.ts"
import * as Friedman from "../statistics/Friedman.ts"
import { metricTitle } from "./Scores.ts"

/** A line of the figure: mean ranks from left to right, levels downwards. */
interface Line {
  readonly x: number
  readonly x2: number
  readonly y: number
  readonly y2: number
}

const across = (x: number, x2: number, y: number): Line => ({ x, x2, y, y2: y })

/**
 * The places of a critical-difference figure: from the axis a line down from each mean rank and out to the method's name,
 * the better half to the left, and bars that join methods which do not differ.
 */
const placesOf = ({ methods, alike, criticalDifference }: Friedman.Ranks) => {
  const k = methods.length
  const bars = alike.map(([first, last], i) =>
    across(methods[first]!.rank - 0.04, methods[last]!.rank + 0.04, 0.5 + 0.45 * i)
  )
  const start = 0.6 + 0.45 * alike.length + 0.4
  const names = methods.map(({ name, rank }, m) => {
    const isLeft = m < Math.ceil(k / 2)
    return { text: `${name}: ${rank.toFixed(2)}`, isLeft, rank, x: isLeft ? 1 : k, y: start + (isLeft ? m : k - 1 - m) }
  })
  const lines = names.flatMap(({ rank, x, y }): ReadonlyArray<Line> => [
    { x: rank, x2: rank, y: 0, y2: y },
    across(rank, x, y)
  ])
  const foot = start + Math.ceil(k / 2) + 0.6
  return { bars, names, lines, scale: across(1, 1 + criticalDifference, foot), foot }
}

const figure = (ranks: Friedman.Ranks): TopLevelSpec => {
  const { bars, names, lines, scale, foot } = placesOf(ranks)
  const k = ranks.methods.length
  const axis = { orient: "top", values: Array.from({ length: k }, (_, i) => i + 1), format: "d", grid: false } as const
  const encoding = {
    x: {
      field: "x",
      type: "quantitative",
      title: "mean rank (1 is best)",
      scale: { domain: [1, Math.max(k, scale.x2)] as Array<number>, nice: false, zero: false },
      axis
    },
    y: {
      field: "y",
      type: "quantitative",
      scale: { domain: [0, foot + 0.4] as Array<number>, reverse: true, nice: false, zero: false },
      axis: null
    }
  } as const
  const rules = (values: ReadonlyArray<Line>, color: string, strokeWidth: number) => ({
    data: { values: values.map((line) => ({ ...line })) },
    mark: { type: "rule", color, strokeWidth } as const,
    encoding: { ...encoding, x2: { field: "x2" }, y2: { field: "y2" } }
  })
  const texts = (
    values: ReadonlyArray<{ readonly text: string; readonly x: number; readonly y: number }>,
    isLeft: boolean
  ) => ({
    data: { values: values.map(({ text, x, y }) => ({ text, x, y })) },
    mark: {
      type: "text",
      align: isLeft ? "right" : "left",
      dx: isLeft ? -6 : 6,
      color: "#1d2433",
      fontSize: 12
    } as const,
    encoding: { ...encoding, text: { field: "text", type: "nominal" } as const }
  })
  return {
    width: 440,
    height: 24 * foot,
    view: { stroke: null },
    layer: [
      rules(lines, "#7b8494", 1),
      rules(bars, "#2f6fde", 5),
      texts(
        names.filter(({ isLeft }) => isLeft),
        true
      ),
      texts(
        names.filter(({ isLeft }) => !isLeft),
        false
      ),
      rules([scale], "#1d2433", 2),
      texts(
        [
          {
            text: `critical difference ${ranks.criticalDifference.toFixed(2)}: bars join methods that are closer`,
            x: scale.x2,
            y: scale.y
          }
        ],
        false
      )
    ]
  }
}

const probability = (p: number): string => (p < 0.001 ? "p < 0.001" : `p = ${p.toFixed(3)}`)

/** Friedman's test, in a sentence. */
const test = ({ methods, dataSets, f, fP }: Friedman.Ranks): string => {
  const k = methods.length
  const degrees = `F(${k - 1}, ${(k - 1) * (dataSets - 1)})`
  const found =
    f === Infinity
      ? "all data sets rank the methods alike"
      : `${degrees} = ${f.toFixed(2)}, ${probability(fP)}, by Friedman's test as Iman and Davenport have it`
  return `${fP < Friedman.ALPHA ? "They differ beyond chance" : "No difference between them is shown"}: ${found}.`
}

/** The pairs that differ by Nemenyi's test: of each method, those that it ranks above. */
const differences = ({ methods, criticalDifference }: Friedman.Ranks): ReadonlyArray<string> =>
  methods.flatMap(({ name, rank }, m) => {
    const worse = methods.slice(m + 1).filter((other) => other.rank - rank >= criticalDifference)
    return worse.length === 0 ? [] : [`${name} ranks above ${worse.map((other) => other.name).join(", ")}`]
  })

/** The ranks in sentences. */
const sentences = (ranks: Friedman.Ranks, metric: Friedman.Table["metric"]): ReadonlyArray<string> => {
  const { methods, dataSets, criticalDifference } = ranks
  const apart = criticalDifference.toFixed(2)
  const most = methods.length - 1
  return [
    `Mean ranks of ${methods.length} methods in ${metricTitle(metric)} over ${dataSets} data sets. ${test(ranks)}`,
    differences(ranks).length === 0
      ? `No two methods differ by Nemenyi's test, for which mean ranks have to be ${apart} apart.`
      : `Nemenyi's test, for which mean ranks have to be ${apart} apart, shows these differences:`,
    ...(criticalDifference > most
      ? [
          `With ${dataSets} data sets none could have been shown, since mean ranks are at most ${most} apart: take more, or compare on each.`
        ]
      : [])
  ]
}

const section = Section.make("critical-difference", {
  data: Friedman.Table,
  draw: (table) => {
    const ranks = Friedman.of(table)
    const shown = differences(ranks)
    return [
      Block.paragraph(sentences(ranks, table.metric)),
      ...(shown.length === 0 ? [] : [Block.list(shown)]),
      Block.chart("critical-difference", figure(ranks))
    ]
  }
})

/**
 * Compares methods over several data sets by one metric, as `Friedman.tableOf` takes it from scores. Throws a
 * `ReportError` for fewer than two methods or data sets, or a missing value.
 */
export const criticalDifference = (
  title: string,
  table: Friedman.Table,
  options?: Section.Options
): Section.Section => {
  Friedman.check(table)
  return section(title, table, options)
}
