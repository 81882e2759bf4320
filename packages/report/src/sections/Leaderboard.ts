/** The table of results: each method's metrics over its seeds, and a figure of the metric that the program selects by. */
import { Schema } from "effect"
import type { TopLevelSpec } from "vega-lite"
import * as Block from "../Block.ts"
import * as Section from "../Section.ts"
import { meanAndDeviation } from "../statistics/Summary.ts"
import { type Scores, SelectedBy, columns, metricTitle, metrics, selectors } from "./Scores.ts"

/** Each method's metrics by seed. */
export const Leaderboard = Schema.Struct({
  split: Schema.String,
  methods: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      selectedBy: SelectedBy,
      trainings: Schema.Array(Schema.Struct({ seed: Schema.Int, ...metrics })).check(Schema.isMinLength(1))
    })
  ).check(Schema.isMinLength(1))
})

/** Each method's metrics by seed. */
export type Leaderboard = typeof Leaderboard.Type

/** The layers of the figure. */
type Layers = Extract<TopLevelSpec, { readonly layer: unknown }>["layer"]

const dots = (by: string): Layers => [
  {
    mark: { type: "tick", thickness: 3, size: 20, color: "#1d2433" },
    encoding: { x: { aggregate: "mean", field: by } }
  },
  { mark: { type: "point", filled: true, size: 60, opacity: 0.65, color: "#2f6fde" } }
]

const bars = (by: string): Layers => [
  { mark: { type: "bar", size: 16, color: "#2f6fde" } },
  {
    mark: { type: "text", align: "left", dx: 5, color: "#1d2433" },
    encoding: { text: { field: by, type: "quantitative", format: ".3f" } }
  }
]

/**
 * A dot for a seed, a tick for the mean. Where each method has one seed there is no spread to look at, but a score: a bar
 * from 0 with its number.
 */
const results = ({ split, methods }: Leaderboard): TopLevelSpec => {
  const by = methods[0]!.selectedBy
  const isOneSeed = methods.every(({ trainings }) => trainings.length === 1)
  const scale = isOneSeed ? { domain: [0, 1] } : { zero: false, nice: true }
  return {
    data: {
      values: methods.flatMap(({ name, trainings }) =>
        trainings.map((training) => ({ name, [by]: training[by], seed: training.seed }))
      )
    },
    width: 620,
    height: { step: 30 },
    encoding: {
      y: { field: "name", type: "nominal", sort: methods.map(({ name }) => name), title: null },
      x: { field: by, type: "quantitative", title: `${split} ${metricTitle(by)}`, scale, axis: { tickCount: 6 } }
    },
    layer: isOneSeed ? bars(by) : dots(by)
  }
}

/** Said where the metric that selects is another than the accuracy, which one expects to see first. */
const notes = ({ methods }: Leaderboard): ReadonlyArray<string> =>
  methods.every(({ selectedBy }) => selectedBy === "accuracy")
    ? []
    : [`Epochs are selected by ${selectors(methods)}; the first column is ${metricTitle(methods[0]!.selectedBy)}.`]

const table = (leaderboard: Leaderboard): Block.Block => {
  const { methods } = leaderboard
  const keys = columns(methods[0]!.selectedBy)
  const rows = methods.map(({ name, trainings }) => [
    name,
    ...keys.map((key) => meanAndDeviation(trainings.map((training) => training[key])))
  ])
  return Block.table(["", ...keys.map(metricTitle)], rows, { markedColumn: 1, notes: notes(leaderboard) })
}

/** The kind of section, by which the data can be read out of a report: `Section.dataOf(Leaderboard.kind, report)`. */
export const kind = Section.make("leaderboard", {
  data: Leaderboard,
  draw: (leaderboard) => [table(leaderboard), Block.chart("results", results(leaderboard))]
})

const spread = (methods: Scores["methods"]): string => {
  const seeds = methods.map(({ trainings }) => trainings.length)
  const [least, most] = [Math.min(...seeds), Math.max(...seeds)]
  if (most <= 1) return "one seed"
  return `mean ± standard deviation over ${least === most ? most : `${least} to ${most}`} seeds`
}

/** The table of results. */
export const leaderboard = (scores: Pick<Scores, "split" | "methods">): Section.Section => {
  const { split, methods } = scores
  const heading = `${split.slice(0, 1).toUpperCase()}${split.slice(1)} results (${spread(methods)})`
  return kind(`Results on the ${split} split`, scores, { terminal: heading })
}
