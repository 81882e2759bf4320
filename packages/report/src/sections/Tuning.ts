/** The tuning of methods: the chosen settings, their cost, and how sure the choices are, in tables and in words. */
import { Schema } from "effect"
import type { TopLevelSpec } from "vega-lite"
import * as Block from "../Block.ts"
import * as Section from "../Section.ts"
import { table } from "./Basic.ts"
import { SelectedBy, metricTitle } from "./Scores.ts"
import * as TuningWords from "./TuningWords.ts"

/** The scores of a setting on the folds held out; the standard error of their mean takes folds as independent. */
const Scored = Schema.Struct({ scores: Schema.Array(Schema.Finite), mean: Schema.Finite, error: Schema.Finite })

/** A mean of paired differences over folds, with its standard error. */
const Difference = Schema.Struct({ difference: Schema.Finite, error: Schema.Finite })

/** A tried setting; its scores are null if a training has diverged. */
const Trial = Schema.Struct({
  setting: Schema.Record(Schema.String, Schema.Union([Schema.Finite, Schema.String, Schema.Boolean])),
  /** Epochs of one training. */
  epochs: Schema.Int,
  scored: Schema.NullOr(Scored)
})

/** The tuning of one method: the tried settings with their scores, and the chosen one. */
export const TunedMethod = Schema.Struct({
  /** The row of the tuned method, and the method's own name. */
  name: Schema.String,
  of: Schema.String,
  /** The metric. */
  by: SelectedBy,
  seeds: Schema.Array(Schema.Int),
  /** Samples for training, selection and scoring, by fold. */
  folds: Schema.Array(Schema.Struct({ train: Schema.Int, select: Schema.Int, held: Schema.Int })),
  /** The values of each setting, in words. */
  space: Schema.Record(Schema.String, Schema.String),
  /** The number of trials that every method may have. */
  budget: Schema.Int,
  /** In the order in which they were drawn. */
  trials: Schema.Array(Trial).check(Schema.isMinLength(1)),
  /** The place of the trial with the best mean, the first among equals. */
  chosen: Schema.Int,
  /** The place of the trial that each fold alone would choose. */
  byFold: Schema.Array(Schema.Int),
  /** The trial with the next best mean, and how far it is behind; null for a single one. */
  runnerUp: Schema.NullOr(Schema.Struct({ place: Schema.Int, ...Difference.fields })),
  /** The number of trials behind the chosen one by no more than the standard error of the difference, without itself. */
  close: Schema.Int,
  /** An estimate of what the chosen mean is too high by, for being the best of several (`TuningResult`). */
  optimism: Schema.Finite,
  /**
   * The table's row of the method as it is, on the same folds, and the chosen setting's gain over it; null without one. Its
   * epochs are those of one training, or 0 if its scores are those of a trial.
   */
  default: Schema.NullOr(
    Schema.Struct({ epochs: Schema.Int, scored: Schema.NullOr(Scored), gain: Schema.NullOr(Difference) })
  )
})

/** The tuning of one method. */
export type TunedMethod = typeof TunedMethod.Type

type Methods = ReadonlyArray<TunedMethod>

/** The scores of the chosen setting. */
export const chosenOf = ({ trials, chosen }: TunedMethod) => trials[chosen]!

const { scoredWords, settingWords } = TuningWords

/** The rows of the summary: each method's choice, its score and its default's, and the cost. */
export const summary = (methods: Methods): ReadonlyArray<ReadonlyArray<string>> => [
  ["", "chosen", metricTitle(methods[0]!.by), "default", "difference", "trials", "epochs"],
  ...methods.map((method) => {
    const { scored, gain } = method.default ?? { scored: undefined, gain: null }
    return [
      method.of,
      settingWords(chosenOf(method).setting),
      scoredWords(chosenOf(method).scored),
      scored === undefined ? "none" : scoredWords(scored),
      gain === null ? "" : TuningWords.differenceWords(gain),
      String(method.trials.length),
      String(TuningWords.epochsOf(method))
    ]
  })
]

/** The rows of all trials, by method. */
const trialRows = (methods: Methods): ReadonlyArray<ReadonlyArray<string>> =>
  methods.flatMap((method) =>
    method.trials.map(({ setting, epochs, scored }, place) => [
      method.of,
      settingWords(setting),
      scoredWords(scored),
      (scored?.scores ?? []).map((score) => score.toFixed(3)).join(" "),
      String(epochs),
      [
        ...(place === method.chosen ? ["chosen"] : []),
        ...method.byFold.flatMap((of, fold) => (of === place ? [`best of fold ${fold + 1}`] : []))
      ].join(", ")
    ])
  )

/** A dot for each trial, and a tick for the default. */
const spread = (methods: Methods): TopLevelSpec => {
  const title = `${metricTitle(methods[0]!.by)} on folds held out`
  const dots = methods.flatMap(({ of, trials, chosen }) =>
    trials.flatMap(({ scored, setting }, place) =>
      scored === null
        ? []
        : [{ of, score: scored.mean, setting: settingWords(setting), trial: place === chosen ? "chosen" : "tried" }]
    )
  )
  const defaults = methods.flatMap(({ of, default: own }) => {
    const scored = own?.scored ?? null
    return scored === null ? [] : [{ of, score: scored.mean }]
  })
  return {
    data: { values: dots },
    width: 620,
    height: { step: 30 },
    encoding: {
      y: { field: "of", type: "nominal", sort: methods.map(({ of }) => of), title: null },
      x: {
        field: "score",
        type: "quantitative",
        title: defaults.length === 0 ? title : `${title} (bar: default)`,
        scale: { zero: false, nice: true }
      }
    },
    layer: [
      { data: { values: defaults }, mark: { type: "tick", thickness: 3, size: 20, color: "#1d2433" } },
      {
        mark: { type: "point", filled: true, size: 60, opacity: 0.65 },
        encoding: {
          color: {
            field: "trial",
            type: "nominal",
            scale: { domain: ["chosen", "tried"], range: ["#d1495b", "#2f6fde"] },
            title: null
          }
        }
      }
    ]
  }
}

const kind = Section.make("tuning", {
  data: Schema.Array(TunedMethod).check(Schema.isMinLength(1)),
  draw: (methods) => {
    const [header, ...rows] = summary(methods)
    const small = Block.paragraph(TuningWords.scope(methods), "small print")
    const said = methods.map((method) => {
      const [first, ...others] = TuningWords.verdict(method)
      return Block.paragraph([{ name: method.of, text: first! }, ...others])
    })
    return [small, Block.table(header!, rows), ...said, Block.chart("tuning", spread(methods))]
  }
})

/** The choices of the tuned methods of a table, one at least: their scores, their cost, and how sure they are. */
export const tuning = (methods: Methods): Section.Section => kind("Tuning", methods, { terminal: true })

/** All trials of the tuned methods of a table, folded. */
export const trials = (methods: Methods): Section.Section =>
  table(
    "Trials of the tuning",
    ["method", "setting", metricTitle(methods[0]?.by ?? ""), "by fold", "epochs", ""],
    trialRows(methods),
    { folded: true }
  )
