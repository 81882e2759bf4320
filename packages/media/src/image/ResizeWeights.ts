/**
 * The weights of a resize along one axis, as Pillow computes them: a kernel around the centre of each output pixel,
 * which widens when the picture shrinks (antialiasing), truncated at the borders, normalised, and rounded to fixed
 * point. Pixel i covers [i, i + 1), so its centre is i + ½.
 */

/** The kernel: a triangle of half-width 1, or Keys' cubic convolution with a = −½, of half-width 2. */
export type Filter = "bilinear" | "bicubic"

/** A range of pixels; the end is exclusive. */
export type Range = readonly [from: number, to: number]

/** The number of fractional bits of the weights, as in `Kernels`. */
const BITS = 22

const kernels: {
  readonly [F in Filter]: { readonly support: number; readonly weight: (x: number) => number }
} = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: {
    support: 2,
    weight: (signed) => {
      const x = Math.abs(signed)
      if (x < 1) return (1.5 * x - 2.5) * x * x + 1
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0
    }
  }
}

/**
 * The weights of each output pixel i along an axis: `count[i]` inputs from `start[i]` on, with the weights from index
 * `i * taps` on.
 */
export interface Weights {
  readonly taps: number
  readonly start: Int32Array
  readonly count: Int32Array
  readonly weights: Int32Array
  /**
   * The same weights in pairs for SIMD, `pairs` for every output: both divided by 2¹² and rounded down, then both
   * remainders; padded with 0.
   */
  readonly pairs: number
  readonly paired: Int16Array
}

/**
 * Computes the weights that resize `from` pixels to `to`. They sum to 1 before they are rounded to multiples of 2⁻²².
 */
export const weightsOf = (filter: Filter, from: number, to: number): Weights => {
  const { support, weight } = kernels[filter]
  const scale = from / to
  const stretch = Math.max(1, scale)
  const reach = support * stretch
  const taps = Math.ceil(reach) * 2 + 1
  const start = new Int32Array(to)
  const count = new Int32Array(to)
  const weights = new Int32Array(to * taps)
  const row = new Float64Array(taps)
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale
    const first = Math.max(0, Math.trunc(centre - reach + 0.5))
    const n = Math.min(from, Math.trunc(centre + reach + 0.5)) - first
    let sum = 0
    for (let t = 0; t < n; t++) sum += row[t] = weight((t + first - centre + 0.5) * (1 / stretch))
    for (let t = 0; t < n; t++) {
      const fixed = (row[t]! / sum) * 2 ** BITS
      weights[i * taps + t] = Math.trunc(fixed < 0 ? fixed - 0.5 : fixed + 0.5)
    }
    start[i] = first
    count[i] = n
  }
  const pairs = Math.ceil(count.reduce((a, b) => Math.max(a, b)) / 2)
  const paired = new Int16Array(to * pairs * 4)
  for (let i = 0; i < to; i++) {
    for (let t = 0; t < count[i]!; t++) {
      const at = (i * pairs + (t >> 1)) * 4 + (t & 1)
      const weight = weights[i * taps + t]!
      paired[at] = weight >> 12
      paired[at + 2] = weight & 0xfff
    }
  }
  return { taps, start, count, weights, pairs, paired }
}

/** The range of inputs that a range of outputs depends on. */
export const needed = ({ start, count }: Weights, [from, to]: Range): Range => [
  start[from]!,
  start[to - 1]! + count[to - 1]!
]
