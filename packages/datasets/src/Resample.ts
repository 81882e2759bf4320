/**
 * Sound at another rate, as `librosa.load` gives it: a sinc under a Kaiser window with the pass band of soxr's setting
 * "HQ", and zeros beyond both ends of the sound,
 *
 *     y[j] = Σ_i x[i] h(j from/to − i),   h(t) = c/s sinc(c t/s) I0(β √(1 − (t/(s H))²)) / I0(β),   s = max(1, from/to).
 *
 * Cutoff c (a share of the lower Nyquist frequency), β and half width H (in samples at the lower rate) are fitted to
 * impulse responses of soxr 1.1. It converts between rates in small ratios in one step and between others in two or three,
 * whose product is a little steeper, and steeper still over more octaves: hence three kernels. What is not imitated is that
 * its later steps forget what the first one rings before the start of a sound, so that a sound which begins at full
 * volume differs in its first ten samples or so. libsamplerate is no substitute: its best converter passes frequencies up
 * to 0.97 of the Nyquist frequency, soxr up to 0.91.
 */

interface Kernel {
  readonly cutoff: number
  readonly beta: number
  readonly half: number
}

/** For ratios of numbers up to 4. */
const SMALL: Kernel = { cutoff: 0.956872, beta: 13.04, half: 97.2 }
/** For ratios up to 4, and for those of powers of two and thrice such. */
const COMMON: Kernel = { cutoff: 0.95684, beta: 16.06, half: 110.5 }
/** For other ratios above 4. */
const LARGE: Kernel = { cutoff: 0.95684, beta: 17.06, half: 116.6 }

/** Phases of the kernel that are tabulated per sample at the lower rate, at most; between them it is interpolated. */
const PHASES = 2048

/** The number of samples that n become: ⌈n to/from⌉, in librosa's arithmetic. */
export const lengthOf = (n: number, from: number, to: number): number => Math.ceil(n * (to / from))

/** Samples at the rate `from` converted to the rate `to`, both whole numbers of Hz; the same ones if the rates are equal. */
export const resample = (samples: Float32Array, from: number, to: number): Float32Array => {
  if (from === to) return samples
  const table = tableOf(from, to)
  const n = samples.length
  const out = new Float32Array(lengthOf(n, from, to))
  // soxr rounds the length where librosa rounds it up, and librosa fills with zero.
  const computed = Math.min(out.length, Math.floor((n * to) / from + 0.5))
  const { step, phases, taps } = table
  // Zeros on both sides, as far as sums reach.
  const before = taps / 2
  const last = Math.floor((Math.max(0, computed - 1) * step.from) / step.to) + 1
  const padded = new Float64Array(Math.max(before + n, last + taps) + 1)
  padded.set(samples, before)
  if (phases === step.to) everyPhase(table, padded, out.subarray(0, computed))
  else between(table, padded, out.subarray(0, computed))
  return out
}

/** Where every phase is tabulated: those outputs together that have a row of the table in common, four at a time. */
const everyPhase = ({ step, taps, weights }: Table, padded: Float64Array, out: Float32Array): void => {
  for (let r = 0; r < Math.min(step.to, out.length); r++) {
    const remainder = (r * step.from) % step.to
    const row = remainder * taps
    let first = (r * step.from - remainder) / step.to + 1
    let j = r
    for (; j + 3 * step.to < out.length; j += 4 * step.to, first += 4 * step.from) {
      let [a, b, c, d] = [0, 0, 0, 0]
      for (let k = 0, i = first; k < taps; k++, i++) {
        const w = weights[row + k]!
        a += w * padded[i]!
        b += w * padded[i + step.from]!
        c += w * padded[i + 2 * step.from]!
        d += w * padded[i + 3 * step.from]!
      }
      out[j] = a
      out[j + step.to] = b
      out[j + 2 * step.to] = c
      out[j + 3 * step.to] = d
    }
    for (; j < out.length; j += step.to, first += step.from) out[j] = dot(weights, row, padded, first, taps)
  }
}

const dot = (weights: Float64Array, row: number, padded: Float64Array, first: number, taps: number): number => {
  let total = 0
  for (let k = 0; k < taps; k++) total += weights[row + k]! * padded[first + k]!
  return total
}

/** Where phases are interpolated between two rows. */
const between = ({ step, phases, taps, weights }: Table, padded: Float64Array, out: Float32Array): void => {
  for (let j = 0; j < out.length; j++) {
    const remainder = (j * step.from) % step.to
    const first = (j * step.from - remainder) / step.to + 1
    const phase = (remainder / step.to) * phases
    const row = Math.floor(phase)
    const value = dot(weights, row * taps, padded, first, taps)
    out[j] = value + (phase - row) * (dot(weights, (row + 1) * taps, padded, first, taps) - value)
  }
}

interface Table {
  /** The rates without their common divisor. */
  readonly step: { readonly from: number; readonly to: number }
  /** Rows 0 … phases; row p holds h(p/phases + taps/2 − 1 − k) for k < taps. */
  readonly phases: number
  readonly taps: number
  readonly weights: Float64Array
}

/** The tables of the last few pairs of rates; one is up to 4 MB. */
const tables = new Map<string, Table>()

const tableOf = (from: number, to: number): Table => {
  const key = `${from} ${to}`
  const table = tables.get(key) ?? makeTable(from, to)
  tables.delete(key)
  tables.set(key, table)
  if (tables.size > 8) tables.delete(tables.keys().next().value!)
  return table
}

const makeTable = (from: number, to: number): Table => {
  for (const rate of [from, to]) {
    if (!Number.isInteger(rate) || rate < 1) throw new RangeError(`a rate of ${rate} Hz: rates are whole and positive`)
  }
  const divisor = gcd(from, to)
  const step = { from: from / divisor, to: to / divisor }
  const { cutoff, beta, half } = kernelOf(step)
  const stretch = Math.max(1, from / to)
  const phases = Math.min(step.to, Math.ceil(PHASES / stretch))
  const taps = 2 * Math.ceil(half * stretch)
  const weights = new Float64Array((phases + 1) * taps)
  for (let p = 0; p <= phases; p++) {
    for (let k = 0; k < taps; k++) {
      const t = (p / phases + taps / 2 - 1 - k) / stretch
      const x = Math.PI * cutoff * t
      const inside = 1 - (t / half) ** 2
      if (inside <= 0) continue
      const sinc = x === 0 ? 1 : Math.sin(x) / x
      weights[p * taps + k] = ((cutoff / stretch) * sinc * besselI0(beta * Math.sqrt(inside))) / besselI0(beta)
    }
  }
  return { step, phases, taps, weights }
}

/** The kernel for a ratio in lowest terms. */
const kernelOf = ({ from, to }: Table["step"]): Kernel => {
  if (Math.max(from, to) <= 4 && from < 4 * to) return SMALL
  const thrice = (n: number) => [1, 3].includes(n / (n & -n))
  return Math.max(from / to, to / from) < 4 || (thrice(from) && thrice(to)) ? COMMON : LARGE
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))

/** The modified Bessel function of the first kind and order zero: Σ_k ((x/2)^k / k!)². */
const besselI0 = (x: number): number => {
  let [total, term] = [1, 1]
  for (let k = 1; term > 1e-17 * total; k++) {
    term *= (x / (2 * k)) ** 2
    total += term
  }
  return total
}
