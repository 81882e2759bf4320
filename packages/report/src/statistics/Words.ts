/**
 * Differences in plain words. A difference is shown where its simultaneous interval leaves 0 out, and equivalence where
 * the difference is shown to lie within the margin; all else is open, and the words say how large a difference would
 * have had to be. Digits follow the verdict: as many as it takes to see it.
 */
import type { Metric } from "@igm/gradient"
import { metricTitle } from "../sections/Scores.ts"
import type { Comparison, Design, Difference } from "./Comparison.ts"

/** Less than what rounding leaves of equal numbers. */
const NOTHING = 1e-9

/** True if the simultaneous interval leaves 0 out. */
export const isDifferent = ({ simultaneous: { low, high } }: Pick<Difference, "simultaneous">): boolean =>
  low > NOTHING || high < -NOTHING

/** True if the difference is shown to lie within the margin. */
export const isEquivalent = ({ bound }: Pick<Difference, "bound">, { margin }: Pick<Design, "margin">): boolean =>
  margin !== null && bound < margin

/** The name of a metric where it is shown. */
export const title = (metric: keyof Metric.Metrics): string => metricTitle(metric)

const symbols: { readonly [name: string]: string } = { tau: "τ", rho: "ρ", alpha: "α" }

/** The symbol of a setting, or its name. */
export const symbol = (setting: string): string => (Object.hasOwn(symbols, setting) ? symbols[setting]! : setting)

/** Metrics in [0, 1] are told in points, that is, percent. */
const isShare = (metric: keyof Metric.Metrics): boolean => metric !== "negativeLogLikelihood"

/** The unit of a metric's differences. */
export const unitOf = (metric: keyof Metric.Metrics): string => (isShare(metric) ? "points" : "nats")

const signed = (x: number, digits: number): string => {
  const text = x.toFixed(digits)
  return Number(text) > 0 ? `+${text}` : Number(text) === 0 ? (0).toFixed(digits) : text.replace("-", "−")
}

/** The most decimals that a number is written with: those at which the least that counts as something is not 0. */
const MOST = 9

/** The least number of decimals at which no number other than 0 in the list reads as 0. */
const digitsOf = (numbers: ReadonlyArray<number>, least: number): number => {
  let digits = least
  while (digits < MOST && numbers.some((x) => x !== 0 && Number(x.toFixed(digits)) === 0)) digits++
  return digits
}

const factorOf = (metric: keyof Metric.Metrics): number => (isShare(metric) ? 100 : 1)

/** Writes differences of a metric, in points or nats, with as many decimals as it takes that none of these numbers reads as 0. */
export const writer = (metric: keyof Metric.Metrics, numbers: ReadonlyArray<number>): ((x: number) => string) => {
  const factor = factorOf(metric)
  const digits = digitsOf(
    numbers.map((x) => factor * x),
    isShare(metric) ? 2 : 3
  )
  return (x) => signed(factor * x, digits)
}

/** "+0.86 points [+0.04, +1.69]". */
export const interval = (metric: keyof Metric.Metrics, difference: Difference): string => {
  const { low, high } = difference.simultaneous
  const write = writer(metric, isDifferent(difference) ? [difference.difference, low, high] : [])
  return `${write(difference.difference)} ${unitOf(metric)} [${write(low)}, ${write(high)}]`
}

/** A size without a sign. */
const size = (metric: keyof Metric.Metrics, x: number): string => {
  const value = factorOf(metric) * x
  const text = value.toFixed(digitsOf([value], isShare(metric) ? 1 : 3))
  return isShare(metric) && Number(text) === 1 ? "1 point" : `${text} ${unitOf(metric)}`
}

/** The words for more and less of a metric. */
const moreOrLess = (metric: keyof Metric.Metrics, isMore: boolean): string => {
  if (metric === "accuracy") return isMore ? "more accurate than" : "less accurate than"
  return `${isMore ? "higher" : "lower"} in ${metricTitle(metric)} than`
}

const SAME = "the same on every sample"

/** "below 0.98": the least margin at which the two one-sided tests succeed, rounded up, and so below the one that is named. */
const below = ({ bound }: Difference, { metric, margin }: Design): string => {
  const [least, most] = [factorOf(metric) * bound, factorOf(metric) * margin!]
  let digits = isShare(metric) ? 2 : 3
  const up = () => Math.ceil(least * 10 ** digits) / 10 ** digits
  while (up() >= most && digits < 6) digits++
  return `below ${up().toFixed(digits)}`
}

/** The verdict on a difference: shown, equivalent, or open with the size that would have been seen. */
export const conclusion = (difference: Difference, design: Design): string => {
  const { metric, margin } = design
  if (difference.error === 0 && difference.difference === 0) return SAME
  if (isEquivalent(difference, design))
    return `equivalent within ${size(metric, margin!)} (${below(difference, design)})`
  if (isDifferent(difference)) return "a difference"
  return `no difference shown; one of ${size(metric, difference.detectable)} would have been`
}

/** A comparison in plain words. */
export const verdict = (comparison: Comparison, design: Design): string => {
  const { method, against, difference } = comparison
  const { metric, margin } = design
  const found = interval(metric, comparison)
  if (isDifferent(comparison)) {
    const equal = isEquivalent(comparison, design) ? `, within the margin of ${size(metric, margin!)}` : ""
    return `${method} is ${moreOrLess(metric, difference > 0)} ${against}: ${found}${equal}`
  }
  const said = conclusion(comparison, design)
  return `${method} and ${against}: ${said === SAME ? said : `${found}, ${said}`}`
}

/** The number of seeds that are not few, and the degrees of freedom below which seeds make most of a difference. */
const [ENOUGH, HARDLY] = [5, 6]

/** The number of groups or samples below which next to nothing is known of others. */
const FEW = 5

const counted = (n: number, one: string): string => `${n} ${one}${n === 1 ? "" : "s"}`

/** The scope of the intervals, and where the design is too small for them, in sentences. */
export const scope = ({
  seeds: [least, most],
  freedom,
  samples,
  groups,
  margin,
  metric
}: Design): ReadonlyArray<string> => {
  const drawn =
    groups === null
      ? counted(samples, "test sample")
      : `${counted(groups, "group")} of ${counted(samples, "test sample")}`
  const seeds = least === most ? counted(most, "seed") : `${least} to ${most} seeds`
  return [
    "Intervals are simultaneous: in 95 % of experiments all of this list hold the true differences.",
    `They are for ${most === 1 ? "other test samples" : "other seeds and other test samples"} (${seeds}, ${drawn}), not for other training data.`,
    "Where no difference is shown: one of the size that is named would have been in four of five experiments.",
    ...(margin === null
      ? []
      : [
          `Equivalent: two one-sided tests show a difference of less than ${size(metric, margin)}, the margin that the program names.`
        ]),
    ...(least === 1 ? ["With one seed the intervals say nothing of what another seed would give."] : []),
    ...(least === 2
      ? ["Two seeds are too few: where seeds differ, these intervals are too narrow. Take three or more."]
      : []),
    ...(least > 2 && least < ENOUGH && freedom !== null && freedom < HARDLY
      ? [`Some of these differences vary more with the seed than with the test samples, and ${least} seeds are few.`]
      : []),
    ...((groups ?? samples) < FEW ? [`There are only ${drawn}: how others would do is hardly known.`] : [])
  ]
}
