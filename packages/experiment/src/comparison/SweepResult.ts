/**
 * The result of a cross-validation: the scores of each setting, their mean and standard error over folds, and the
 * setting with the best mean. Folds share training samples, so the standard errors are approximate; and the best of
 * several means is biased upwards. The selection guarantees nothing about the accuracy on other data.
 */
import { Choice } from "@igm/report"
import { Schema } from "effect"

/** The metrics by which settings can be compared. */
const Score = Schema.Literals(["accuracy", "macroF1", "meanAveragePrecision"])

/** The table of scores and the selected setting: what the report shows of it, with all that each fold holds. */
export const SweepResult = Schema.Struct({
  ...Choice.Choice.fields,
  by: Score,
  /** The numbers of samples for training, selection and scoring, by fold. */
  folds: Schema.Array(Schema.Struct({ train: Schema.Int, select: Schema.Int, held: Schema.Int }))
})

/** The table of scores and the selected setting. */
export type SweepResult = typeof SweepResult.Type

/** The scores of a cross-validation by setting, fold and seed, before they are compared. */
export interface Scored extends Pick<SweepResult, "by" | "seeds" | "folds"> {
  readonly settings: ReadonlyArray<SweepResult["settings"][number]["setting"]>
  readonly scores: ReadonlyArray<ReadonlyArray<ReadonlyArray<number>>>
}

/** The difference below which means count as ties, since floating-point sums depend on the order. */
const TIE = 1e-12

const mean = (numbers: ReadonlyArray<number>) => numbers.reduce((a, b) => a + b, 0) / numbers.length

/** The standard error of the mean, with the n − 1 estimate of the variance. */
const errorOf = (numbers: ReadonlyArray<number>) => {
  const m = mean(numbers)
  const squares = numbers.reduce((total, x) => total + (x - m) ** 2, 0)
  return Math.sqrt(squares / (numbers.length - 1) / numbers.length)
}

/** The index of the best mean, the first among ties. */
const bestOf = (settings: SweepResult["settings"], left: ReadonlyArray<number>): number | undefined =>
  left.reduce<number | undefined>(
    (best, i) => (best === undefined || settings[i]!.mean > settings[best]!.mean + TIE ? i : best),
    undefined
  )

/** Compares the settings and selects the best mean, the first among ties. */
export const of = ({ by, seeds, folds, settings, scores }: Scored): SweepResult => {
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

const compare = (settings: SweepResult["settings"], chosen: number, place: number): SweepResult["runnerUp"] => {
  const differences = settings[chosen]!.scores.map((score, fold) => score - settings[place]!.scores[fold]!)
  const [difference, error] = [mean(differences), errorOf(differences)]
  return { place, difference, error, beyond: difference > error + TIE }
}

/** The selected setting. */
export const choice = ({ settings, chosen }: SweepResult) => settings[chosen]!.setting
