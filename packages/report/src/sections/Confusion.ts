/** The confusion matrix of a method. */
import { Metric } from "@igm/gradient"
import { Schema } from "effect"
import type { TopLevelSpec } from "vega-lite"
import * as Block from "../Block.ts"
import { ReportError } from "../ReportError.ts"
import * as Section from "../Section.ts"
import type { Scores } from "./Scores.ts"

const Confusion = Schema.Struct({
  method: Schema.String,
  seed: Schema.Int,
  classes: Schema.Array(Schema.String),
  /** Counts by label (row) and prediction (column). */
  counts: Schema.Array(Schema.Array(Schema.Int))
})

/**
 * The name of a class by its number, as an expression. Vega keeps values as keys of objects, and has its own idea of the word
 * "constructor" in an expression: names are neither.
 */
const labelExpr = "classes[datum.value]"

const chart = ({ counts, classes }: typeof Confusion.Type): TopLevelSpec => ({
  data: {
    values: counts.flatMap((row, label) =>
      row.map((count, column) => ({ row: label, label: classes[label]!, column, predicted: classes[column]!, count }))
    )
  },
  params: [{ name: "classes", value: [...classes] }],
  width: 360,
  height: 360,
  encoding: {
    x: {
      field: "column",
      type: "ordinal",
      title: "predicted",
      axis: { labelAngle: -40, grid: false, labelExpr }
    },
    y: { field: "row", type: "ordinal", title: "label", axis: { grid: false, labelExpr } }
  },
  layer: [
    {
      mark: "rect",
      encoding: { color: { field: "count", type: "quantitative", scale: { scheme: "blues" }, legend: null } }
    },
    {
      mark: { type: "text", fontSize: 11 },
      encoding: {
        text: { field: "count", type: "quantitative" },
        color: {
          condition: { test: `datum.count > ${Math.max(...counts.flat()) / 2}`, value: "white" },
          value: "#475063"
        }
      }
    }
  ]
})

const section = Section.make("confusion", {
  data: Confusion,
  draw: (confusion) => [Block.chart("confusion", chart(confusion))]
})

/** The confusion matrix of the first training of a method, by default of the first one. Throws a `ReportError` where there is none. */
export const confusion = ({ classes, labels, methods }: Scores, method?: string): Section.Section => {
  const found = methods.find(({ name }) => method === undefined || name === method)
  const training = found?.trainings[0]
  if (found === undefined || training === undefined) {
    throw new ReportError({ at: "the confusion matrix", problem: `there is no training of ${method ?? "any method"}` })
  }
  return section(`Confusion matrix of ${found.name}`, {
    method: found.name,
    seed: training.seed,
    classes,
    counts: Metric.confusion(labels, Metric.predictions(training.probabilities), classes.length)
  })
}
