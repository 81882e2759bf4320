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
import * as Kernels from "../Kernels.ts"
import { kernels } from "../Kernels.ts"

interface Kernel {
  readonly cutoff: number
  readonly beta: number
  readonly half: number
}

/** The kernel for ratios of integers up to 4. */
const SMALL: Kernel = { cutoff: 0.956872, beta: 13.04, half: 97.2 }
/** The kernel for ratios up to 4, for powers of two and for three times a power of two. */
const COMMON: Kernel = { cutoff: 0.95684, beta: 16.06, half: 110.5 }
/** The kernel for other ratios above 4. */
const LARGE: Kernel = { cutoff: 0.95684, beta: 17.06, half: 116.6 }

/**
 * The kernel of the second step, after the sharp filter: a transition band from a quarter of the rate to three
 * quarters.
 */
const SHORT: Kernel = { cutoff: 1, beta: 13, half: 10 }

/** The maximal number of tabulated phases of the short kernel; between them it is interpolated. */
const PHASES = 2048

/** The approximate number of output samples that are computed at a time. */
const BLOCK = 1 << 16

/** The largest factor by which a rate may be lowered. */
const MOST = 64

/** The number of output samples for n input samples: ⌈n to/from⌉, in librosa's floating-point arithmetic. */
export const lengthOf = (n: number, from: number, to: number): number => Math.ceil(n * (to / from))

/** Options of a resampling. */
export interface Options {
  /** The maximal number of output samples. */
  readonly most?: number
  /** Allocates the output array; all of its elements are overwritten. */
  readonly make?: (length: number) => Float32Array
  /** Gives the plan, for example from a cache; by default it is computed. */
  readonly plan?: (from: number, to: number) => Plan
}

/**
 * Resamples from the rate `from` to the rate `to`, both whole numbers of Hz; gives the input itself if the rates are
 * equal. Throws a `RangeError` for other rates.
 */
export const resample = (
  samples: Float32Array,
  from: number,
  to: number,
  { most = Infinity, make = (length) => new Float32Array(length), plan = planOf }: Options = {}
): Float32Array => {
  if (from === to) return samples.length <= most ? samples : samples.subarray(0, most)
  const { shift, reach, size, spectrum, circles, step, phases, weights } = plan(from, to)
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
  Kernels.put(there, circles[0])
  Kernels.put(circle, circles[1])
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

/** Tables of a resampling between two rates, which do not depend on the sound. */
export interface Plan {
  /** The sharp kernel is sampled at the rate `from` (0) or at twice that rate (1). */
  readonly shift: 0 | 1
  /** The number of samples of the sharp kernel on each side of its centre. */
  readonly reach: number
  /** The size of the Fourier transform of the sharp kernel, and the transform itself, divided by that size. */
  readonly size: number
  readonly spectrum: Float32Array
  /** Twiddle factors for the transforms of a block of the sound, and of the whole spectrum. */
  readonly circles: readonly [own: Float32Array, whole: Float32Array]
  /** The rates between which the short kernel converts, as a ratio in lowest terms. */
  readonly step: { readonly from: number; readonly to: number }
  /** The table of the short kernel has rows 0 … `phases`; row p holds g(p/phases + half − 1 − k) for k < 2 half. */
  readonly phases: number
  readonly weights: Float32Array
}

/**
 * Computes the plan between two rates. Throws a `RangeError` for rates that are not whole numbers or are too far apart.
 */
export const planOf = (from: number, to: number): Plan => {
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
  const circles = [Fourier.circle32(size >> shift), Fourier.circle32(size)] as const
  return { shift, reach, size, spectrum: Float32Array.from(spectrum), circles, step, phases, weights: short }
}

/** The value of a kernel at t: c sinc(c t) I0(β √(1 − (t/H)²)) / I0(β). */
const valueOf = ({ cutoff, beta, half }: Kernel, t: number): number => {
  const x = Math.PI * cutoff * t
  const inside = 1 - (t / half) ** 2
  if (inside <= 0) return 0
  return (cutoff * (x === 0 ? 1 : Math.sin(x) / x) * besselI0(beta * Math.sqrt(inside))) / besselI0(beta)
}

/** Reduces a ratio to lowest terms. */
const lowest = (from: number, to: number): Plan["step"] => {
  const divisor = gcd(from, to)
  return { from: from / divisor, to: to / divisor }
}

/** Chooses the kernel for a ratio in lowest terms. */
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
