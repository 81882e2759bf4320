/** Times, and ratios of medians with an interval. */
import { Keyed } from "@igm/tensor"

/** The median. */
export const median = (numbers: ReadonlyArray<number>): number => {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** A ratio of medians with its 95 % interval. */
export interface Ratio {
  readonly ratio: number
  readonly low: number
  readonly high: number
}

const DRAWS = 2000

/**
 * The ratio median(a)/median(b) of times measured in turns; the interval is of the paired bootstrap, which draws whole
 * repeats, so that a slow minute of the machine counts on both sides.
 */
export const ratio = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): Ratio => {
  const stream = Keyed.stream(["bootstrap", a.length])
  const drawn = Array.from({ length: DRAWS }, () => {
    const rows = a.map(() => Keyed.below(stream, a.length))
    return median(rows.map((i) => a[i]!)) / median(rows.map((i) => b[i]!))
  }).toSorted((x, y) => x - y)
  return {
    ratio: median(a) / median(b),
    low: drawn[Math.floor(0.025 * DRAWS)]!,
    high: drawn[Math.ceil(0.975 * DRAWS) - 1]!
  }
}

/** A ratio in words. */
export const show = ({ ratio, low, high }: Ratio, digits = 2): string =>
  `${ratio.toFixed(digits)} [${low.toFixed(digits)}, ${high.toFixed(digits)}]`
