/** The table of a cross-validation, which setting it chose, and how sure that choice is, in words. */
import { Schema } from "effect"
import * as Block from "../Block.ts"
import * as Section from "../Section.ts"
import { metricTitle } from "./Scores.ts"

/** The scores of settings on the folds held out of a cross-validation, and the chosen setting. */
export const Choice = Schema.Struct({
  /** The metric. */
  by: Schema.String,
  seeds: Schema.Array(Schema.Int),
  /** Samples trained on in each fold. */
  folds: Schema.Array(Schema.Struct({ train: Schema.Int })),
  settings: Schema.Array(
    Schema.Struct({
      setting: Schema.Record(Schema.String, Schema.Finite),
      /** By fold. */
      scores: Schema.Array(Schema.Finite),
      mean: Schema.Finite,
      /** The standard error of the mean over folds. */
      error: Schema.Finite
    })
  ),
  /** The place of the chosen setting. */
  chosen: Schema.Int,
  /** The setting with the next best mean, and the paired differences to it over folds; null in a grid of one. */
  runnerUp: Schema.NullOr(
    Schema.Struct({
      place: Schema.Int,
      difference: Schema.Finite,
      error: Schema.Finite,
      /** True if the mean difference is larger than its standard error, which is weak evidence. */
      beyond: Schema.Boolean
    })
  )
})

/** The scores of settings on the folds held out of a cross-validation, and the chosen setting. */
export type Choice = typeof Choice.Type

const symbols: { readonly [name: string]: string } = { tau: "τ", rho: "ρ" }

/** 0.4, but 1e-4. */
const written = (value: number): string =>
  value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential() : String(value)

const symbolOf = (name: string): string => symbols[name] ?? name

const metricOf = ({ by }: Pick<Choice, "by">): string => metricTitle(by)

const namesOf = ({ settings }: Choice): ReadonlyArray<string> => Object.keys(settings[0]?.setting ?? {}).map(symbolOf)

const inWords = ({ settings }: Choice, place: number): string =>
  Object.entries(settings[place]!.setting)
    .map(([name, value]) => `${symbolOf(name)} = ${written(value)}`)
    .join(", ")

/** "Selection of τ and ρ". */
export const title = (choice: Choice): string => `Selection of ${namesOf(choice).join(" and ")}`

/** The rows of the table as text: the setting, its mean ± standard error, each fold's score, and the mark of the choice. */
export const rows = (choice: Choice): ReadonlyArray<ReadonlyArray<string>> => [
  [...namesOf(choice), metricOf(choice), "by fold", ""],
  ...choice.settings.map(({ setting, mean, error, scores }, place) => [
    ...Object.values(setting).map(written),
    `${mean.toFixed(3)} ± ${error.toFixed(3)}`,
    scores.map((score) => score.toFixed(3)).join(" "),
    place === choice.chosen ? "← chosen" : ""
  ])
]

/** The chosen setting, and a sentence that says if the scores can tell it from the runner-up. */
export const verdict = (choice: Choice): readonly [string, string] => {
  const chosen = `Chosen: ${inWords(choice, choice.chosen)}.`
  if (choice.runnerUp === null) return [chosen, "It is the only setting."]
  const { place, difference, error, beyond } = choice.runnerUp
  const other = inWords(choice, place)
  if (Math.abs(difference) < 1e-9) return [chosen, `The mean of ${other} is the same; the first in the table is taken.`]
  const paired = `paired difference ${difference.toFixed(4)}, standard error ${error.toFixed(4)}`
  return beyond
    ? [chosen, `Ahead of ${other} by more than one standard error, which is weak evidence (${paired}).`]
    : [chosen, `These folds cannot tell it from ${other}: within one standard error (${paired}).`]
}

/** The origin of the numbers, and what they leave out, in a few sentences. */
export const scope = ({ folds, seeds, by }: Choice): ReadonlyArray<string> => {
  const sizes = folds.map(({ train }) => train)
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)]
  const samples = least === most ? String(least) : `${least} to ${most}`
  const over = seeds.length === 1 ? "one seed" : `mean of ${seeds.length} seeds`
  return [
    `${folds.length}-fold cross-validation by group on training and validation samples: ${metricOf({ by })}, ${over}, mean ± standard error over folds.`,
    `Heads train on ${samples} samples, the next fold selects the epoch, and the fold held out is scored.`,
    "Folds share training samples, so that standard errors are approximate; the best of several means is too high on average.",
    "The choice promises nothing about the test split."
  ]
}

const section = Section.make("choice", {
  data: Choice,
  draw: (choice) => {
    const [header, ...body] = rows(choice)
    return [
      Block.paragraph(scope(choice), "small print"),
      Block.table(header!, body, { markedRow: choice.chosen }),
      Block.paragraph(verdict(choice), "headline")
    ]
  }
})

/** The cross-validation that chose the settings. */
export const choice = (choice: Choice): Section.Section => section(title(choice), choice, { terminal: true })
