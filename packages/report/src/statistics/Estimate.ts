/**
 * The estimate of a mean over trainings with both of its sources of chance: the seeds and the samples of the split. Seeds
 * and samples are crossed, every training being scored on every sample, so that the variance of the mean is
 *
 *     V = V_seeds + V_samples − V_both
 *
 * (Cameron, Gelbach and Miller 2011), where V_both, which the other two have in common, is what samples and seeds make
 * together. V_seeds is the variance between seeds over their number, V_samples the variance of the mean on resamples. The
 * degrees of freedom are Satterthwaite's: few where seeds dominate, as Student's test over seeds has them, many where
 * samples do.
 *
 * A variance between three seeds is hardly known. Where the table has other methods, V_seeds leans on the mean of theirs
 * with a weight of two degrees of freedom at most (a moderated variance, Smyth 2004). `npm run coverage` simulates how
 * often the intervals cover.
 */
import type { Measured } from "./Resamples.ts"
import { mean } from "./Summary.ts"

/** A mean over trainings, its standard error and the degrees of freedom of that. */
export interface Estimate {
  readonly value: number
  readonly error: number
  readonly freedom: number
}

/** The mean variance between seeds of alike estimates, and the degrees of freedom that they have besides one's own. */
export interface Pooled {
  readonly variance: number
  readonly freedom: number
}

/** The most degrees of freedom that a pooled variance counts for. */
const WEIGHT = 2

/** The variance of numbers (n − 1); 0 for one number. */
export const variance = (numbers: ArrayLike<number>): number => {
  const n = numbers.length
  let [sum, squares] = [0, 0]
  for (let i = 0; i < n; i++) sum += numbers[i]!
  for (let i = 0; i < n; i++) squares += (numbers[i]! - sum / n) ** 2
  return n < 2 ? 0 : squares / (n - 1)
}

/** The variance between seeds of the observed values. */
export const between = (bySeed: ReadonlyArray<Measured>): number => variance(bySeed.map(({ observed }) => observed))

/** The mean over seeds on each resample. */
const averaged = (bySeed: ReadonlyArray<Measured>): Float64Array =>
  Float64Array.from(bySeed[0]!.resampled, (_, r) => mean(bySeed.map(({ resampled }) => resampled[r]!)))

/**
 * The estimate from one measurement by seed, on a split of so many units (groups or samples). With one seed it covers the
 * chance of the samples alone.
 */
export const of = (bySeed: ReadonlyArray<Measured>, units: number, pooled?: Pooled): Estimate => {
  const seeds = bySeed.length
  const value = mean(bySeed.map(({ observed }) => observed))
  // Of a single unit nothing can be said: its chance counts as large as a share can be.
  if (units < 2) return { value, error: 1, freedom: 1 }
  const most = units - 1
  // Resamples of n units vary as much as n − 1 of them do.
  const correction = units / most
  const samples = correction * variance(averaged(bySeed))
  const both =
    seeds === 1
      ? 0
      : Math.max(correction * mean(bySeed.map(({ resampled }) => variance(resampled))) - samples, 0) / (seeds - 1)
  const weight = seeds === 1 ? 0 : Math.min(WEIGHT, pooled?.freedom ?? 0)
  const freedom = seeds - 1 + weight
  const moderated =
    seeds === 1 ? 0 : ((seeds - 1) * between(bySeed) + weight * (pooled?.variance ?? 0)) / freedom / seeds
  // What is left to samples without seeds, and to seeds with and without samples, is no less than nothing.
  const alone = Math.max(samples - both, 0)
  const withSeeds = Math.max(moderated, both)
  const total = alone + withSeeds
  const spread =
    (alone > 0 ? samples ** 2 / most : 0) +
    (moderated > both ? moderated ** 2 / freedom : both ** 2 / ((seeds - 1) * most || 1))
  return { value, error: Math.sqrt(total), freedom: total === 0 ? most : Math.max(total ** 2 / spread, 1) }
}
