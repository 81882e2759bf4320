/** The ledger: what gradient modification did to the gradient, and the perturbation to the weights, epoch by epoch. */
import { Schema } from "effect"
import type { TopLevelSpec } from "vega-lite"
import * as Block from "../Block.ts"
import * as Section from "../Section.ts"
import { at, ofFirstSeed } from "../sections/Curves.ts"
import { mean } from "../statistics/Summary.ts"

/** Measurements on the first batch of an epoch; shares and cosines are in [0, 1]. */
export const LedgerEpoch = Schema.Struct({
  ...at,
  /** ‖G‖, over all weights. */
  gradientNorm: Schema.Finite,
  /** ‖G − G P‖/‖G‖. */
  shareRemoved: Schema.Finite,
  /** Of the angle between G and G P. */
  cosine: Schema.Finite,
  /** The share of weights that the perturbation changes in float32. */
  shareMoved: Schema.Finite
})

/** Measurements on the first batch of an epoch. */
export type LedgerEpoch = typeof LedgerEpoch.Type

const percent = (x: number): string => {
  if (x === 0) return "0 %"
  return x < 0.000001 ? "< 0.0001 %" : `${(100 * x).toFixed(x < 0.001 ? 4 : 1)} %`
}

/** By method and turn, the means over epochs and seeds. */
const table = (epochs: ReadonlyArray<LedgerEpoch>): Block.Block => {
  const rows = [...Map.groupBy(epochs, ({ method }) => method)].flatMap(([method, own]) =>
    [...Map.groupBy(own, ({ turn }) => turn)].map(([turn, of]) => [
      method,
      `${turn}: ${of[0]!.head}`,
      mean(of.map(({ gradientNorm }) => gradientNorm)).toPrecision(3),
      percent(mean(of.map(({ shareRemoved }) => shareRemoved))),
      mean(of.map(({ cosine }) => cosine)).toFixed(4),
      percent(mean(of.map(({ shareMoved }) => shareMoved)))
    ])
  )
  return Block.table(["method", "turn", "gradient norm", "gradient removed", "cosine", "weights moved"], rows)
}

const chart = (epochs: ReadonlyArray<LedgerEpoch>): TopLevelSpec => {
  const methods = ofFirstSeed(epochs)
  const values = [...methods.values()].flat().flatMap(({ method, epoch, head, shareRemoved, shareMoved }) => [
    { method, epoch, head, what: "share of the gradient removed by P", share: shareRemoved },
    { method, epoch, head, what: "share of weights moved by the perturbation", share: shareMoved }
  ])
  return {
    data: { values },
    facet: { row: { field: "method", sort: [...methods.keys()] }, column: { field: "what" } },
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

const LEGEND = [
  "Measured on the first batch of every epoch and averaged over epochs and seeds.",
  "Gradient removed is ‖G − G P‖/‖G‖ over all weights, and gradient norm is ‖G‖; cosine is that of the angle between G and G P.",
  "Weights moved is the share of weights that the perturbation ρ changes at all in float32."
]

const section = Section.make("igm-ledger", {
  data: Schema.Array(LedgerEpoch),
  draw: (epochs) =>
    epochs.length === 0
      ? []
      : [Block.paragraph(LEGEND, "small print"), table(epochs), Block.chart("ledger", chart(epochs))]
})

/** The ledger of trainings: a table of means, and a figure of each method's first seed. */
export const ledger = (epochs: ReadonlyArray<LedgerEpoch>): Section.Section =>
  section("What gradient modification really did", epochs)
