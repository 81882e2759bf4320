/**
 * Contrasts: weighted sums of methods that answer one question each, such as what an ingredient gives. They are a family
 * of their own, with simultaneous intervals.
 */
import { Schema } from "effect"
import type { TopLevelSpec } from "vega-lite"
import * as Block from "../Block.ts"
import * as Section from "../Section.ts"
import { Design, Difference, type Options, family } from "../statistics/Comparison.ts"
import type { Weights } from "../statistics/Family.ts"
import type { Resamples } from "../statistics/Resamples.ts"
import * as Words from "../statistics/Words.ts"
import { metricTitle } from "./Scores.ts"

const Contrasts = Schema.Struct({
  design: Design,
  contrasts: Schema.Array(Schema.Struct({ name: Schema.String, ...Difference.fields })),
  remarks: Schema.Array(Schema.String),
  /** The name of the figure's file; null for none. */
  figure: Schema.NullOr(Schema.String)
})

type Contrasts = typeof Contrasts.Type

/** A contrast by its name. */
export interface Contrast {
  readonly name: string
  readonly weights: Weights
}

const chart = ({ design: { metric }, contrasts }: Contrasts): TopLevelSpec => {
  const factor = Words.unitOf(metric) === "points" ? 100 : 1
  const names = contrasts.map(({ name }) => name)
  return {
    data: {
      values: contrasts.map(({ name, difference, simultaneous, plain }) => ({
        name,
        difference: factor * difference,
        low: factor * simultaneous.low,
        high: factor * simultaneous.high,
        plainLow: factor * plain.low,
        plainHigh: factor * plain.high
      }))
    },
    title: {
      text: "thick: each by itself; thin: all of them together (95 %)",
      anchor: "start",
      fontSize: 11,
      fontWeight: "normal"
    },
    width: 340,
    height: { step: 26 },
    encoding: { y: { field: "name", type: "nominal", sort: names, title: null, axis: { labelLimit: 600 } } },
    layer: [
      {
        mark: { type: "rule", color: "#9aa3b2" },
        encoding: { x: { datum: 0, type: "quantitative" }, y: { value: 0 }, y2: { value: "height" } }
      },
      {
        mark: { type: "rule", color: "#2f6fde" },
        encoding: {
          x: { field: "low", type: "quantitative", title: `${metricTitle(metric)}, ${Words.unitOf(metric)}` },
          x2: { field: "high" }
        }
      },
      {
        mark: { type: "rule", color: "#2f6fde", strokeWidth: 4 },
        encoding: { x: { field: "plainLow", type: "quantitative" }, x2: { field: "plainHigh" } }
      },
      {
        mark: { type: "point", filled: true, size: 60, color: "#1d2433" },
        encoding: { x: { field: "difference", type: "quantitative" } }
      }
    ]
  } as TopLevelSpec
}

/** "mixup: +0.82 points [+0.04, +1.66]". */
const sentence = (contrast: Contrasts["contrasts"][number], design: Design): string => {
  const found = Words.conclusion(contrast, design)
  const numbers = Words.interval(design.metric, contrast)
  if (contrast.error === 0 && contrast.difference === 0) return `${contrast.name}: ${found}`
  return Words.isDifferent(contrast) && !Words.isEquivalent(contrast, design)
    ? `${contrast.name}: ${numbers}`
    : `${contrast.name}: ${numbers}; ${found}`
}

const section = Section.make("contrasts", {
  data: Contrasts,
  draw: (all) => {
    const { design, contrasts, remarks, figure } = all
    if (contrasts.length === 0 && remarks.length === 0) return []
    const lines = contrasts.map((one) => ({
      text: sentence(one, design),
      ...(Words.isDifferent(one) ? { strong: true } : {})
    }))
    return [
      ...(contrasts.length === 0 ? [] : [Block.paragraph(Words.scope(design), "small print")]),
      Block.list([...lines, ...remarks]),
      ...(figure === null || contrasts.length === 0 ? [] : [Block.chart(figure, chart(all))])
    ]
  }
})

/**
 * Contrasts of methods in one metric, in words and as a figure; those of methods without a common seed are left out.
 * Throws a `ReportError` for a margin that is not positive.
 */
export const contrasts = (
  title: string,
  resamples: Resamples,
  contrasts: ReadonlyArray<Contrast>,
  options: Options & Section.Options & { readonly remarks?: ReadonlyArray<string>; readonly figure?: string } = {}
): Section.Section => {
  const { by, margin, remarks = [], figure = null, ...display } = options
  const { design, differences } = family(
    resamples,
    contrasts.map(({ weights }) => weights),
    { by, margin }
  )
  const found = contrasts.flatMap(({ name }, i) => {
    const difference = differences[i]
    return difference === null || difference === undefined ? [] : [{ name, ...difference }]
  })
  return section(title, { design, contrasts: found, remarks, figure }, display)
}
