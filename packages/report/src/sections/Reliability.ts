/**
 * Calibration: how sure methods are of their predictions, and how often they are right where they are that sure. The
 * temperatures that would mend it are fitted on the validation split.
 */
import { Calibration, Metric } from "@igm/gradient"
import { Schema } from "effect"
import type { TopLevelSpec } from "vega-lite"
import * as Block from "../Block.ts"
import * as Section from "../Section.ts"
import { mean, meanAndDeviation } from "../statistics/Summary.ts"
import type { Scores } from "./Scores.ts"

const Measures = Schema.Struct({
  calibrationError: Schema.Finite,
  overconfidence: Schema.Finite,
  negativeLogLikelihood: Schema.Finite
})

const Reliability = Schema.Array(
  Schema.Struct({
    name: Schema.String,
    trainings: Schema.Array(
      Schema.Struct({
        seed: Schema.Int,
        ...Measures.fields,
        /** The temperature, and the measures at it; null where none was fitted. */
        tempered: Schema.NullOr(Schema.Struct({ temperature: Schema.Finite, ...Measures.fields }))
      })
    ),
    /** The reliability diagram of the first seed. */
    bins: Schema.Array(Schema.Struct({ share: Schema.Finite, confidence: Schema.Finite, accuracy: Schema.Finite }))
  })
)

type Reliability = typeof Reliability.Type

const chart = (methods: Reliability): TopLevelSpec =>
  ({
    data: { values: methods.flatMap(({ name, bins }) => bins.map((bin) => ({ name, ...bin }))) },
    facet: { field: "name", type: "nominal", title: null, sort: methods.map(({ name }) => name) },
    columns: 4,
    spec: {
      width: 150,
      height: 150,
      layer: [
        {
          data: {
            values: [
              { x: 0, y: 0 },
              { x: 1, y: 1 }
            ]
          },
          mark: { type: "line", color: "#c9ced6", strokeDash: [4, 4] },
          encoding: { x: { field: "x", type: "quantitative" }, y: { field: "y", type: "quantitative" } }
        },
        {
          mark: { type: "line", color: "#2f6fde" },
          encoding: {
            x: { field: "confidence", type: "quantitative", title: "confidence", scale: { domain: [0, 1] } },
            y: { field: "accuracy", type: "quantitative", title: "accuracy", scale: { domain: [0, 1] } }
          }
        },
        {
          mark: { type: "point", filled: true, color: "#2f6fde", opacity: 0.8 },
          encoding: {
            x: { field: "confidence", type: "quantitative" },
            y: { field: "accuracy", type: "quantitative" },
            size: { field: "share", type: "quantitative", title: "share of samples" }
          }
        }
      ]
    }
  }) as TopLevelSpec

const direction = (bias: number): string =>
  Math.abs(bias) < 0.005 ? "" : bias > 0 ? " (too sure of itself)" : " (not sure enough)"

/** The calibration of a method in a sentence. */
const sentence = ({ name, trainings }: Reliability[number]): string => {
  const of = (f: (one: Reliability[number]["trainings"][number]) => number) => mean(trainings.map(f))
  const bias = of(({ overconfidence }) => overconfidence)
  const found = `${name}: ECE ${of(({ calibrationError }) => calibrationError).toFixed(3)}${direction(bias)}`
  const tempered = trainings.flatMap(({ tempered: one }) => (one === null ? [] : [one]))
  if (tempered.length === 0) return `${found}.`
  const at = mean(tempered.map(({ temperature }) => temperature)).toFixed(2)
  const after = mean(tempered.map(({ calibrationError }) => calibrationError)).toFixed(3)
  return `${found}; at a temperature of ${at}, ${after}.`
}

const section = Section.make("reliability", {
  data: Reliability,
  draw: (methods) => {
    const isTempered = methods.some(({ trainings }) => trainings.some(({ tempered }) => tempered !== null))
    const rows = methods.map(({ name, trainings }) => {
      const of = (f: (one: (typeof trainings)[number]) => number | undefined) => {
        const all = trainings.flatMap((one) => f(one) ?? [])
        return all.length === 0 ? "" : meanAndDeviation(all)
      }
      const before = [
        of((one) => one.calibrationError),
        of((one) => one.overconfidence),
        of((one) => one.negativeLogLikelihood)
      ]
      const after = [
        of(({ tempered }) => tempered?.temperature),
        of(({ tempered }) => tempered?.calibrationError),
        of(({ tempered }) => tempered?.negativeLogLikelihood)
      ]
      return [name, ...before, ...(isTempered ? after : [])]
    })
    const header = ["", "ECE", "confidence − accuracy", "NLL"]
    const tempered = isTempered ? ["temperature", "ECE at it", "NLL at it"] : []
    return [
      Block.list(methods.map(sentence)),
      Block.table([...header, ...tempered], rows, {
        notes: isTempered ? ["Temperatures are fitted on the validation split; they change no prediction."] : []
      }),
      Block.chart("reliability", chart(methods))
    ]
  }
})

const measures = ({ calibrationError, overconfidence, negativeLogLikelihood }: Metric.Metrics) => ({
  calibrationError,
  overconfidence,
  negativeLogLikelihood
})

/** The calibration of all methods; `temperatures` has one for each training, by method and seed in order. */
export const reliability = ({ methods, labels }: Scores, temperatures?: ReadonlyArray<number>): Section.Section => {
  const places = methods.map((_, m) => methods.slice(0, m).reduce((n, { trainings }) => n + trainings.length, 0))
  return section(
    "Calibration",
    methods.map(({ name, trainings }, m) => ({
      name,
      trainings: trainings.map((training, t) => {
        const temperature = temperatures?.[places[m]! + t]
        return {
          seed: training.seed,
          ...measures(training),
          tempered:
            temperature === undefined
              ? null
              : { temperature, ...measures(Metric.of(labels, Calibration.at(temperature, training.probabilities))) }
        }
      }),
      bins: trainings.length === 0 ? [] : Calibration.bins(labels, trainings[0]!.probabilities)
    }))
  )
}
