/**
 * The short-time Fourier transform of real sound: a periodic Hann window, frames centred on multiples of the hop, zeros
 * beyond both ends (as `librosa.stft` with `center=True, pad_mode="constant"`). Its buffers are made once for all frames.
 */
import FFT from "fft.js"

/** A window of a power of two samples, and the distance between frames in samples. */
export interface Grid {
  readonly window: number
  readonly hop: number
}

/** The number of frames of so many samples: 1 + ⌊samples / hop⌋. */
export const framesOf = (samples: number, { hop }: Grid): number => 1 + Math.floor(samples / hop)

/** The number of frequencies of a frame: window / 2 + 1. */
export const binsOf = ({ window }: Grid): number => window / 2 + 1

/**
 * Visits the spectra X of all frames in their order: `spectrum` holds Re X[k] at 2k and Im X[k] at 2k + 1 for k < bins,
 * and is overwritten by the next frame. Throws an `Error` for a window that is no power of two.
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
  const hann = Float64Array.from({ length: window }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / window))
  const frames = framesOf(samples.length, grid)
  for (let frame = 0; frame < frames; frame++) {
    const start = frame * hop - window / 2
    const from = Math.max(0, -start)
    const to = Math.min(window, samples.length - start)
    windowed.fill(0, 0, from).fill(0, Math.max(0, to))
    for (let i = from; i < to; i++) windowed[i] = hann[i]! * samples[start + i]!
    fft.realTransform(spectrum, windowed)
    visit(spectrum, frame)
  }
}

/** The magnitudes |X|, bins × frames in row-major order. */
export const magnitudes = (samples: Float32Array, grid: Grid): Float32Array => {
  const [bins, frames] = [binsOf(grid), framesOf(samples.length, grid)]
  const out = new Float32Array(bins * frames)
  eachFrame(samples, grid, (spectrum, frame) => {
    for (let k = 0; k < bins; k++) {
      const re = spectrum[2 * k]!
      const im = spectrum[2 * k + 1]!
      out[k * frames + frame] = Math.sqrt(re * re + im * im)
    }
  })
  return out
}
