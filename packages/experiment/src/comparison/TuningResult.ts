/**
 * The result of tuning one method: the scores of each trial, their mean and standard error over folds, and the trial with
 * the best mean. Folds share training samples, so the standard errors are approximate; and the best of several means is
 * biased upwards. The selection guarantees nothing about the accuracy on other data.
 */
import type { Tuning } from "@igm/report"

type TunedMethod = Tuning.TunedMethod
type Trial = TunedMethod["trials"][number]
type Scored = NonNullable<Trial["scored"]>

/** The scores of a method by fold and seed; null if a training has diverged. */
export type Scores = ReadonlyArray<ReadonlyArray<number>> | null

/** A method that was tried: the epochs of one training, and its scores. */
interface Tried {
  readonly epochs: number
  readonly scores: Scores
}

/** The trials of a method, and its default if it has one, before they are compared. */
export interface Given extends Pick<TunedMethod, "name" | "of" | "by" | "seeds" | "folds" | "space" | "budget"> {
  readonly trials: ReadonlyArray<Tried & Pick<Trial, "setting">>
  /** Its epochs are 0 if its scores are those of a trial. */
  readonly default: Tried | null
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

const scoredOf = (scores: Scores): Scored | null => {
  if (scores === null) return null
  const byFold = scores.map(mean)
  return { scores: byFold, mean: mean(byFold), error: errorOf(byFold) }
}

/** The place of the best of some numbers, the first among ties; those that are null are left out. */
const bestOf = (numbers: ReadonlyArray<number | null>): number | undefined =>
  numbers.reduce<number | undefined>((best, x, i) => {
    if (x === null) return best
    return best === undefined || x > numbers[best]! + TIE ? i : best
  }, undefined)

/** The mean of paired differences over folds, with its standard error. */
const differenceOf = (a: Scored, b: Scored) => {
  const differences = a.scores.map((score, fold) => score - b.scores[fold]!)
  return { difference: mean(differences), error: errorOf(differences) }
}

/**
 * Compares the trials and selects the best mean, the first among ties; null if all have diverged. Its optimism is
 * estimated by the mean over folds of the best score of the fold less the chosen one's (Tibshirani and Tibshirani, "A bias
 * correction for the minimum error rate in cross-validation", 2009).
 */
export const of = ({ trials: tried, default: own, ...rest }: Given): TunedMethod | null => {
  const trials = tried.map(({ setting, epochs, scores }) => ({ setting, epochs, scored: scoredOf(scores) }))
  const means = trials.map(({ scored }) => scored?.mean ?? null)
  const chosen = bestOf(means)
  if (chosen === undefined) return null
  const best = trials[chosen]!.scored!
  const byFold = best.scores.map((_, fold) => bestOf(trials.map(({ scored }) => scored?.scores[fold] ?? null))!)
  const second = bestOf(means.map((one, i) => (i === chosen ? null : one)))
  const behind = trials.map(({ scored }, i) => (scored === null || i === chosen ? null : differenceOf(best, scored)))
  const scored = own === null ? null : scoredOf(own.scores)
  return {
    ...rest,
    trials,
    chosen,
    byFold,
    runnerUp: second === undefined ? null : { place: second, ...behind[second]! },
    close: behind.filter((one) => one !== null && one.difference <= one.error + TIE).length,
    optimism: mean(byFold.map((place, fold) => trials[place]!.scored!.scores[fold]! - best.scores[fold]!)),
    default:
      own === null ? null : { epochs: own.epochs, scored, gain: scored === null ? null : differenceOf(best, scored) }
  }
}
