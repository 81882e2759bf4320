/**
 * The short-time Fourier transform of a real signal: a periodic Hann window, frames centred on multiples of the hop,
 * zeros beyond both ends (as `librosa.stft` with `center=True, pad_mode="constant"`). All frames share its buffers.
 */
import { Memory } from "@igm/tensor"
import FFT from "fft.js"
import * as Fourier from "./Fourier.ts"
import * as Kernels from "../Kernels.ts"
import { kernels } from "../Kernels.ts"

/** The window length (a power of two) and the hop, in samples. */
export interface Grid {
  readonly window: number
  readonly hop: number
}

/** The number of frames of a signal: 1 + ⌊samples / hop⌋. */
export const framesOf = (samples: number, { hop }: Grid): number => 1 + Math.floor(samples / hop)

/** The number of frequency bins of a frame: window / 2 + 1. */
export const binsOf = ({ window }: Grid): number => window / 2 + 1

const hann = (window: number): Float64Array =>
  Float64Array.from({ length: window }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / window))

/** The tables of a window's transforms, which can be reused for any number of sounds. */
export interface Tables {
  readonly weights: Float64Array
  readonly circle: Float64Array
}

/** Computes the tables of a window. Throws a `RangeError` if its length is no power of two. */
export const tablesOf = ({ window }: Pick<Grid, "window">): Tables => ({
  weights: hann(window),
  circle: Fourier.circle(window)
})

/**
 * Visits the spectra X of all frames in order: `spectrum` holds Re X[k] at 2k and Im X[k] at 2k + 1 for k < bins, and
 * is overwritten by the next frame. Throws an `Error` for a window that is no power of two.
 */
export const eachFrame = (
  samples: Float32Array,
  grid: Grid,
  visit: (spectrum: ReadonlyArray<number>, frame: number) => void
): void => {
  const { window, hop } = grid
  const fft = new FFT(window)
  const spectrum = fft.createComplexArray()
  const windowed = new Float64Array(window)
  const weights = hann(window)
  const frames = framesOf(samples.length, grid)
  for (let frame = 0; frame < frames; frame++) {
    const start = frame * hop - window / 2
    const from = Math.max(0, -start)
    const to = Math.min(window, samples.length - start)
    windowed.fill(0, 0, from).fill(0, Math.max(0, to))
    for (let i = from; i < to; i++) windowed[i] = weights[i]! * samples[start + i]!
    fft.realTransform(spectrum, windowed)
    visit(spectrum, frame)
  }
}

/** Samples that are written directly into the memory where `Kernels` transforms them, with free memory behind them. */
export interface Written {
  readonly length: number
  readonly write: (sound: Float32Array) => void
}

/** The magnitudes |X|, bins × frames in row-major order, or log(|X| + floor) if a floor above 10⁻³⁰ is given. */
export const magnitudes = (
  samples: Float32Array | Written,
  grid: Grid,
  floor?: number,
  tables = tablesOf(grid)
): Float32Array => {
  const { window, hop } = grid
  const [bins, frames] = [binsOf(grid), framesOf(samples.length, grid)]
  const batches = Math.ceil(frames / 4)
  const size = 32 * window
  const margin = window / 2
  const length = Math.max((4 * batches - 1) * hop + window, samples.length + window)
  const [source, weights, table, one, other, target] = Kernels.regions(
    4 * length,
    8 * window,
    16 * window,
    size,
    size,
    4 * bins * frames + 16
  )
  const sound = Kernels.floats(source, length).fill(0, 0, margin)
  const middle = sound.subarray(margin, margin + samples.length)
  if ("write" in samples) samples.write(middle)
  else middle.set(samples)
  sound.fill(0, margin + samples.length)
  Kernels.put(weights, tables.weights)
  Kernels.put(table, tables.circle)
  // The last frames first: where a row ends in the middle of four, the rest is written where the next row starts.
  for (let batch = batches - 1; batch >= 0; batch--) {
    kernels.gather64(source + 16 * batch * hop, hop, weights, window, one)
    const spectrum = kernels.fft64(one, other, window, table, 0, 16)
    kernels.magnitudes(spectrum, window, 4 * frames, target + 16 * batch)
  }
  if (floor !== undefined) kernels.logarithms(target, bins * frames, floor)
  return Memory.copied(Kernels.floats(target, bins * frames))
}
