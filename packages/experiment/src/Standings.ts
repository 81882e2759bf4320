/**
 * What a cross-validation found: the scores of each setting, their mean and standard error over folds, and the setting
 * with the best mean. Folds share training samples, so that standard errors are approximate; and the best of several
 * means is too high on average. The choice is a choice: it promises nothing about the accuracy on other data.
 */
import { Schema } from "effect"

/** The metrics by which settings can be compared. */
const Score = Schema.Literals(["accuracy", "macroF1", "meanAveragePrecision"])

/** A setting: a number for each name of the grid. */
const Setting = Schema.Record(Schema.String, Schema.Finite)

/** A cross-validation's table and choice. */
export const Standings = Schema.Struct({
  by: Score,
  seeds: Schema.Array(Schema.Int),
  /** Samples trained on, selected on and scored on, fold by fold. */
  folds: Schema.Array(Schema.Struct({ train: Schema.Int, select: Schema.Int, held: Schema.Int })),
  settings: Schema.Array(
    Schema.Struct({
      setting: Setting,
      /** By fold: the mean over the seeds. */
      scores: Schema.Array(Schema.Finite),
      mean: Schema.Finite,
      /** The standard error of the mean over folds. */
      error: Schema.Finite
    })
  ),
  /** The place of the chosen setting in the table. */
  chosen: Schema.Int,
  /** The setting with the next best mean, and the paired differences to it over folds; none in a grid of one. */
  runnerUp: Schema.NullOr(
    Schema.Struct({
      place: Schema.Int,
      difference: Schema.Finite,
      error: Schema.Finite,
      /** Whether the mean difference is larger than its standard error, which is weak evidence. */
      beyond: Schema.Boolean
    })
  )
})

/** A cross-validation's table and choice. */
export type Standings = typeof Standings.Type

/** What stands before scores are compared; `scores` by setting, fold and seed. */
export interface Scored extends Pick<Standings, "by" | "seeds" | "folds"> {
  readonly settings: ReadonlyArray<Standings["settings"][number]["setting"]>
  readonly scores: ReadonlyArray<ReadonlyArray<ReadonlyArray<number>>>
}

/** Means closer than this are ties, since equal scores in another order sum up differently. */
const TIE = 1e-12

const mean = (numbers: ReadonlyArray<number>) => numbers.reduce((a, b) => a + b, 0) / numbers.length

/** The standard error of the mean, with n − 1. */
const errorOf = (numbers: ReadonlyArray<number>) => {
  const m = mean(numbers)
  const squares = numbers.reduce((total, x) => total + (x - m) ** 2, 0)
  return Math.sqrt(squares / (numbers.length - 1) / numbers.length)
}

/** The place of the best mean, ties to the first. */
const bestOf = (settings: Standings["settings"], left: ReadonlyArray<number>): number | undefined =>
  left.reduce<number | undefined>(
    (best, i) => (best === undefined || settings[i]!.mean > settings[best]!.mean + TIE ? i : best),
    undefined
  )

/** Compares the settings: the best mean is chosen, ties to the first. */
export const of = ({ by, seeds, folds, settings, scores }: Scored): Standings => {
  const rows = settings.map((setting, i) => {
    const byFold = scores[i]!.map(mean)
    return { setting, scores: byFold, mean: mean(byFold), error: errorOf(byFold) }
  })
  const all = rows.map((_, i) => i)
  const chosen = bestOf(rows, all)!
  const place = bestOf(
    rows,
    all.filter((i) => i !== chosen)
  )
  return {
    by,
    seeds,
    folds,
    settings: rows,
    chosen,
    runnerUp: place === undefined ? null : compare(rows, chosen, place)
  }
}

const compare = (settings: Standings["settings"], chosen: number, place: number): Standings["runnerUp"] => {
  const differences = settings[chosen]!.scores.map((score, fold) => score - settings[place]!.scores[fold]!)
  const [difference, error] = [mean(differences), errorOf(differences)]
  return { place, difference, error, beyond: difference > error + TIE }
}

/** The chosen setting. */
export const choice = ({ settings, chosen }: Standings) => settings[chosen]!.setting
