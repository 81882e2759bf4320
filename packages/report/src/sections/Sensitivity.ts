/** A curve of a metric over the values of one setting, with 95 % intervals. */
import { Schema } from "effect"
import type { TopLevelSpec } from "vega-lite"
import * as Block from "../Block.ts"
import * as Section from "../Section.ts"
import { Interval } from "../statistics/Comparison.ts"
import * as Family from "../statistics/Family.ts"
import type { Resamples } from "../statistics/Resamples.ts"
import { Name, metricTitle } from "./Scores.ts"

const Curve = Schema.Struct({
  split: Schema.String,
  setting: Schema.String,
  by: Name,
  /** The value in use. */
  at: Schema.Finite,
  points: Schema.Array(Schema.Struct({ value: Schema.Finite, mean: Schema.Finite, ...Interval.fields }))
})

const chart = ({ split, setting, by, at, points }: typeof Curve.Type): TopLevelSpec => {
  const isLog = points.every(({ value }) => value > 0)
  const x = {
    field: "value",
    type: "quantitative",
    title: setting,
    scale: isLog ? { type: "log" } : {},
    axis: { values: points.map(({ value }) => value), format: "~g", labelOverlap: true }
  }
  return {
    data: { values: points.map((point) => ({ ...point, used: point.value === at })) },
    width: 420,
    height: 200,
    layer: [
      {
        mark: { type: "errorbar", color: "#2f6fde" },
        encoding: {
          x,
          y: { field: "low", type: "quantitative", title: `${split} ${metricTitle(by)}`, scale: { zero: false } },
          y2: { field: "high" }
        }
      },
      { mark: { type: "line", color: "#9aa3b2" }, encoding: { x, y: { field: "mean", type: "quantitative" } } },
      {
        mark: { type: "point", filled: true, size: 70 },
        encoding: {
          x,
          y: { field: "mean", type: "quantitative" },
          color: {
            field: "used",
            type: "nominal",
            title: "in use",
            scale: { domain: [false, true], range: ["#2f6fde", "#1d2433"] }
          }
        }
      }
    ]
  } as TopLevelSpec
}

const section = Section.make("sensitivity", {
  data: Curve,
  draw: (curve) => [Block.chart("sensitivity", chart(curve))]
})

/** The curve over the values of a setting, each of which a method has; `at` is the value in use. */
export const sensitivity = (
  title: string,
  resamples: Resamples,
  values: ReadonlyArray<{ readonly value: number; readonly method: string }>,
  { by, setting, at }: { readonly by: Family.Metric; readonly setting: string; readonly at: number }
): Section.Section => {
  const { found } = Family.of(
    resamples,
    values.map(({ method }) => ({ [method]: 1 })),
    by
  )
  const points = values.map(({ value }, i) => {
    const { value: mean, plain } = found[i]!
    return { value, mean, ...plain }
  })
  return section(title, { split: resamples.split, setting, by, at, points })
}
