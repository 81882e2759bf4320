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
import FFT from "fft.js"
import * as Fourier from "./Fourier.ts"
import * as Kernels from "./Kernels.ts"
import { kernels } from "./Kernels.ts"

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

/** For what follows the sharp one: a transition from a quarter of the rate to three quarters. */
const SHORT: Kernel = { cutoff: 1, beta: 13, half: 10 }

/** Phases of the short kernel that are tabulated at most; between them it is interpolated. */
const PHASES = 2048

/** How many outputs are made at a time, or a few more. */
const BLOCK = 1 << 16

/** How many times lower a rate may become. */
const MOST = 64

/** The number of samples that n become: ⌈n to/from⌉, in librosa's arithmetic. */
export const lengthOf = (n: number, from: number, to: number): number => Math.ceil(n * (to / from))

/** What may be asked of a resampling. */
export interface Options {
  /** How many samples are made at most. */
  readonly most?: number
  /** Makes the array that they come in, whose numbers are all written. */
  readonly make?: (length: number) => Float32Array
}

/**
 * Samples at the rate `from` converted to the rate `to`, both whole numbers of Hz; the same ones if the rates are equal.
 * Throws a `RangeError` for other rates.
 */
export const resample = (
  samples: Float32Array,
  from: number,
  to: number,
  { most = Infinity, make = (length) => new Float32Array(length) }: Options = {}
): Float32Array => {
  if (from === to) return samples.length <= most ? samples : samples.subarray(0, most)
  const { shift, reach, size, spectrum, step, phases, weights } = planOf(from, to)
  const taps = 2 * SHORT.half
  const out = make(Math.min(most, lengthOf(samples.length, from, to)))
  // soxr rounds the length where librosa rounds it up, and librosa fills with zero.
  const computed = Math.min(out.length, Math.floor((samples.length * to) / from + 0.5))
  const cycles = Math.ceil(BLOCK / step.to)
  const hop = size - 2 * reach
  const batch = 8 * hop
  const batchesOf = (outputs: number) => Math.ceil((Math.ceil((outputs * step.from) / step.to) + taps + 1) / batch)
  const batches = batchesOf(Math.min(computed, cycles * step.to))
  const length = ((batches * batch + size) >> shift) + 1
  // The transform of a sound with a zero after each sample is that of the sound, twice.
  const own = size >> shift
  const [source, there, circle, filter, one, other, filtered, rows, target] = Kernels.regions(
    4 * length,
    8 * own,
    8 * size,
    8 * size,
    32 * size,
    32 * size,
    4 * batches * batch,
    weights.byteLength,
    4 * cycles * step.to
  )
  Kernels.put(there, Fourier.circle32(own))
  Kernels.put(circle, Fourier.circle32(size))
  Kernels.put(filter, spectrum)
  Kernels.put(rows, weights)
  for (let done = 0; done < computed; done += cycles * step.to) {
    const count = Math.min(cycles * step.to, computed - done)
    // Where the first output's sum starts in the filtered sound, that one's in the sound, and a step more if that is between samples.
    const first = (done / step.to) * step.from + 1 - taps / 2
    const between = (first - reach) & ((1 << shift) - 1)
    const start = (first - reach - between) / (1 << shift)
    // Zeros on both sides, as far as sums reach.
    const part = samples.subarray(Math.max(0, start), Math.max(0, start + length))
    Kernels.floats(source, length)
      .fill(0)
      .set(part, Math.min(length, Math.max(0, -start)))
    for (let b = 0; b < batchesOf(count); b++) {
      kernels.gather32(source + 4 * ((b * batch) >> shift), hop >> shift, own, one)
      const waves = kernels.fft32(one, other, own, there, 0, 16)
      const product = waves === one ? other : one
      kernels.times(waves, own, filter, size, product)
      const back = kernels.fft32(product, waves, size, circle, 16, 0)
      kernels.scatter(back, size, hop, filtered + 4 * b * batch)
    }
    const at = filtered + 4 * between
    if (phases === step.to) kernels.everyPhase(at, rows, taps, step.from, step.to, count, target)
    else kernels.somePhases(at, rows, taps, phases, step.from, step.to, count, target)
    out.set(Kernels.floats(target, count), done)
  }
  out.fill(0, computed)
  return out
}

interface Plan {
  /** The sharp kernel is sampled at the rate `from` (0) or at twice that (1), … */
  readonly shift: 0 | 1
  /** … at so many places on each side of its middle, … */
  readonly reach: number
  /** … and this is its Fourier transform of so many numbers, over their number. */
  readonly size: number
  readonly spectrum: Float32Array
  /** The rates between which the short kernel converts, without their common divisor. */
  readonly step: { readonly from: number; readonly to: number }
  /** Rows 0 … phases of the short kernel; row p holds g(p/phases + half − 1 − k) for k < 2 half. */
  readonly phases: number
  readonly weights: Float32Array
}

/** The plans of the last few pairs of rates. */
const plans = new Map<string, Plan>()

const planOf = (from: number, to: number): Plan => {
  const key = `${from} ${to}`
  const plan = plans.get(key) ?? makePlan(from, to)
  plans.delete(key)
  plans.set(key, plan)
  if (plans.size > 8) plans.delete(plans.keys().next().value!)
  return plan
}

const makePlan = (from: number, to: number): Plan => {
  for (const rate of [from, to]) {
    if (!Number.isInteger(rate) || rate < 1) throw new RangeError(`a rate of ${rate} Hz: rates are whole and positive`)
  }
  if (from > MOST * to) throw new RangeError(`a rate of ${from} Hz is more than ${MOST} times ${to} Hz`)
  const sharp = kernelOf(lowest(from, to))
  const stretch = Math.max(1, from / to)
  const shift = 2 * to > from ? 1 : 0
  const reach = Math.ceil(sharp.half * stretch) << shift
  const size = 2 ** Math.ceil(Math.log2(8 * reach))
  const step = lowest(from << shift, to)
  const phases = Math.min(step.to, PHASES)
  const short = Float32Array.from({ length: (phases + 1) * 2 * SHORT.half }, (_, i) => {
    const k = i % (2 * SHORT.half)
    const p = (i - k) / (2 * SHORT.half)
    return valueOf(SHORT, p / phases + SHORT.half - 1 - k)
  })
  const filter = Array.from({ length: size }, (_, k) =>
    k > 2 * reach ? 0 : valueOf(sharp, (k - reach) / (1 << shift) / stretch) / stretch / size
  )
  const fft = new FFT(size)
  const spectrum = fft.createComplexArray()
  fft.realTransform(spectrum, filter)
  fft.completeSpectrum(spectrum)
  return { shift, reach, size, spectrum: Float32Array.from(spectrum), step, phases, weights: short }
}

/** c sinc(c t) I0(β √(1 − (t/H)²)) / I0(β). */
const valueOf = ({ cutoff, beta, half }: Kernel, t: number): number => {
  const x = Math.PI * cutoff * t
  const inside = 1 - (t / half) ** 2
  if (inside <= 0) return 0
  return (cutoff * (x === 0 ? 1 : Math.sin(x) / x) * besselI0(beta * Math.sqrt(inside))) / besselI0(beta)
}

/** A ratio in lowest terms. */
const lowest = (from: number, to: number): Plan["step"] => {
  const divisor = gcd(from, to)
  return { from: from / divisor, to: to / divisor }
}

/** The kernel for a ratio in lowest terms. */
const kernelOf = ({ from, to }: Plan["step"]): Kernel => {
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
