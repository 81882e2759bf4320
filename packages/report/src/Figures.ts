/** The figures of a report as Vega-Lite specifications, which are plain JSON, and their rendering to SVG. */
import type { Config, TopLevelSpec } from "vega-lite"
import { metricTitle } from "./Metrics.ts"
import type { Report } from "./Report.ts"

const config: Config = {
  background: "white",
  font: "system-ui, sans-serif",
  axis: { grid: true, gridColor: "#eef0f3", domainColor: "#c9ced6", tickColor: "#c9ced6", labelColor: "#475063" },
  title: { anchor: "start", color: "#1d2433", fontSize: 13, fontWeight: 600 },
  header: { labelColor: "#1d2433", labelFontSize: 12, labelFontWeight: 600, title: null },
  legend: { labelColor: "#475063", titleColor: "#475063", orient: "bottom", symbolStrokeWidth: 3 },
  range: { category: ["#2f6fde", "#e0662b", "#3b9b6d", "#8a5cc9", "#7b8494", "#b03a5b"] }
}

/** Accuracy of each training on the test split: a dot for a seed, a tick for the mean. */
export const results = ({ methods }: Report): TopLevelSpec => ({
  data: {
    values: methods.flatMap(({ name, trainings }) => trainings.map(({ accuracy, seed }) => ({ name, accuracy, seed })))
  },
  width: 620,
  height: { step: 30 },
  encoding: {
    y: { field: "name", type: "nominal", sort: methods.map(({ name }) => name), title: null },
    x: { field: "accuracy", type: "quantitative", title: "test accuracy", scale: { zero: false, nice: true } }
  },
  layer: [
    {
      mark: { type: "tick", thickness: 3, size: 20, color: "#1d2433" },
      encoding: { x: { aggregate: "mean", field: "accuracy" } }
    },
    { mark: { type: "point", filled: true, size: 60, opacity: 0.65, color: "#2f6fde" } }
  ]
})

/** Learning curves of the methods with turns: the loss of the head in its turn and the metric that selects. */
export const curves = ({ epochs, compared, methods }: Report): TopLevelSpec => {
  const first = methods[0].trainings[0]!.seed
  const shown = epochs.filter(({ method, seed }) => compared.includes(method) && seed === first)
  const panel = (field: "loss" | "selected", title: string): object => ({
    width: 300,
    height: 170,
    layer: [
      { mark: { type: "line", color: "#c9ced6" }, encoding: { detail: { field: "method" } } },
      {
        mark: { type: "point", filled: true, size: 46 },
        encoding: { color: { field: "head", type: "nominal", title: "turn of" } }
      }
    ],
    encoding: {
      x: { field: "epoch", type: "quantitative", title: "epoch", axis: { tickMinStep: 1 } },
      y: { field, type: "quantitative", title, scale: { zero: false } }
    }
  })
  const values = shown.map(({ method, epoch, head, stage, loss, selectedBy, selected }) => ({
    method,
    epoch,
    head,
    stage,
    loss,
    selectedBy,
    selected
  }))
  const byOf = (method: string) =>
    metricTitle(values.find((value) => value.method === method)?.selectedBy ?? "accuracy")
  return {
    data: { values },
    vconcat: compared.map((method) => ({
      title: `${method}, seed ${first}`,
      transform: [{ filter: `datum.method === ${JSON.stringify(method)}` }],
      hconcat: [panel("loss", "training loss"), panel("selected", `validation ${byOf(method)} (fused)`)]
    }))
  } as TopLevelSpec
}

/**
 * The name of a class by its number, as an expression. Vega keeps values as keys of objects, and has its own idea of the word
 * "constructor" in an expression: names are neither.
 */
const labelExpr = "classes[datum.value]"

/** Counts by label and prediction. */
export const confusion = ({ confusion, classes }: Report): TopLevelSpec => ({
  data: {
    values: confusion.flatMap((row, label) =>
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
          condition: { test: `datum.count > ${Math.max(...confusion.flat()) / 2}`, value: "white" },
          value: "#475063"
        }
      }
    }
  ]
})

/** What modification did to the gradient, epoch by epoch: the share removed, and the share of weights moved by ρ. */
export const ledger = ({ epochs, compared, methods }: Report): TopLevelSpec => {
  const first = methods[0].trainings[0]!.seed
  const values = epochs
    .filter(({ method, seed }) => compared.includes(method) && seed === first)
    .flatMap(({ method, epoch, head, shareRemoved, shareMoved }) => [
      { method, epoch, head, what: "share of the gradient removed by P", share: shareRemoved },
      { method, epoch, head, what: "share of weights moved by the perturbation", share: shareMoved }
    ])
  return {
    data: { values },
    facet: { row: { field: "method", sort: [...compared] }, column: { field: "what" } },
    spec: {
      width: 300,
      height: 120,
      mark: { type: "point", filled: true, size: 46 },
      encoding: {
        x: { field: "epoch", type: "quantitative", title: "epoch", axis: { tickMinStep: 1 } },
        y: { field: "share", type: "quantitative", title: null, axis: { format: ".2~p" }, scale: { zero: true } },
        color: { field: "head", type: "nominal", title: "turn of" }
      }
    },
    resolve: { scale: { y: "independent" } }
  } as TopLevelSpec
}

/** All figures of a report, by name; without compared methods there are no learning curves and no ledger. */
export const all = (report: Report): { readonly [name: string]: TopLevelSpec } => ({
  results: results(report),
  ...(report.compared.length === 0 ? {} : { curves: curves(report), ledger: ledger(report) }),
  confusion: confusion(report)
})

/** The SVG of a specification; the same specification always gives the same text. */
export const render = async (spec: TopLevelSpec): Promise<string> => {
  // Loaded where they are needed: a run that was finished before draws nothing.
  const [{ View, parse }, { compile }] = await Promise.all([import("vega"), import("vega-lite")])
  return new View(parse(compile({ ...spec, config } as TopLevelSpec).spec), { renderer: "none" }).toSVG()
}
