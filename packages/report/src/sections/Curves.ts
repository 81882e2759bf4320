/** Learning curves: the loss of the head whose turn it is, and the metric that selects the epoch. */
import { Schema } from "effect"
import type { TopLevelSpec } from "vega-lite"
import * as Block from "../Block.ts"
import * as Section from "../Section.ts"
import { metricTitle } from "./Scores.ts"

/** An epoch of a training, and the head that it trained. */
export const at = {
  method: Schema.String,
  seed: Schema.Int,
  /** The turn of the training that the epoch belongs to, from 1. */
  turn: Schema.Int,
  head: Schema.String,
  /** Counted over the whole training, from 1. */
  epoch: Schema.Int
}

/** An epoch's loss, and the metric that selects with its value on the split that selects. */
export const CurveEpoch = Schema.Struct({
  ...at,
  loss: Schema.Finite,
  selectedBy: Schema.String,
  selected: Schema.Finite
})

/** An epoch's loss, and the metric that selects with its value on the split that selects. */
export type CurveEpoch = typeof CurveEpoch.Type

/** Epochs of each method's first seed, by method in the order in which they come. */
export const ofFirstSeed = <E extends { readonly method: string; readonly seed: number }>(
  epochs: ReadonlyArray<E>
): ReadonlyMap<string, ReadonlyArray<E>> => {
  const methods = Map.groupBy(epochs, ({ method }) => method)
  return new Map([...methods].map(([name, own]) => [name, own.filter(({ seed }) => seed === own[0]!.seed)]))
}

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

const chart = (epochs: ReadonlyArray<CurveEpoch>): TopLevelSpec => {
  const methods = ofFirstSeed(epochs)
  return {
    data: {
      values: [...methods.values()].flat().map(({ method, epoch, head, turn, loss, selectedBy, selected }) => ({
        method,
        epoch,
        head,
        turn,
        loss,
        selectedBy,
        selected
      }))
    },
    vconcat: [...methods].map(([method, own]) => ({
      title: `${method}, seed ${own[0]!.seed}`,
      transform: [{ filter: `datum.method === ${JSON.stringify(method)}` }],
      hconcat: [
        panel("loss", "training loss"),
        panel("selected", `validation ${metricTitle(own[0]!.selectedBy)} (fused)`)
      ]
    }))
  } as TopLevelSpec
}

const section = Section.make("curves", {
  data: Schema.Array(CurveEpoch),
  draw: (epochs) => (epochs.length === 0 ? [] : [Block.chart("curves", chart(epochs))])
})

/** Learning curves of each method with its first seed. */
export const curves = (epochs: ReadonlyArray<CurveEpoch>): Section.Section => section("Learning curves", epochs)
