/** Each method's metrics with their 95 % intervals. */
import { Schema } from "effect"
import * as Block from "../Block.ts"
import * as Section from "../Section.ts"
import { Interval } from "../statistics/Comparison.ts"
import * as Family from "../statistics/Family.ts"
import type { Resamples } from "../statistics/Resamples.ts"
import { Name, metricTitle } from "./Scores.ts"

const written = (x: number): string => x.toFixed(3).replace("-", "−")

const section = Section.make(
  "intervals",
  {
    data: Schema.Struct({
      metrics: Schema.Array(Name),
      methods: Schema.Array(
        Schema.Struct({
          name: Schema.String,
          values: Schema.Array(Schema.Struct({ value: Schema.Finite, ...Interval.fields }))
        })
      )
    }),
    draw: ({ metrics, methods }) => [
      Block.table(
        ["", ...metrics.map(metricTitle)],
        methods.map(({ name, values }) => [
          name,
          ...values.map(({ value, low, high }) => `${written(value)} [${written(low)}, ${written(high)}]`)
        ]),
        {
          notes: [
            "Means over seeds with 95 % intervals for other seeds and other test samples. Whether two methods differ is not read from these, but from their paired difference."
          ]
        }
      )
    ]
  },
  { folded: true }
)

/** The least and the most that a metric can be. */
const rangeOf = (metric: Family.Metric): readonly [number, number] => {
  if (metric === "negativeLogLikelihood") return [0, Infinity]
  return metric === "overconfidence" ? [-1, 1] : [0, 1]
}

/** Each method's metrics with their 95 % intervals, as far as a metric can go. */
export const intervals = (resamples: Resamples): Section.Section => {
  const { metrics, methods } = resamples
  const family = methods.map(({ name }) => ({ [name]: 1 }))
  const byMetric = metrics.map((metric) => {
    const [least, most] = rangeOf(metric)
    return Family.of(resamples, family, metric).found.map((found) => ({
      value: found!.value,
      low: Math.max(found!.plain.low, least),
      high: Math.min(found!.plain.high, most)
    }))
  })
  return section("Every metric with its interval", {
    metrics,
    methods: methods.map(({ name }, m) => ({ name, values: byMetric.map((values) => values[m]!) }))
  })
}
