/**
 * Turns a WAVE file into the log-magnitude spectrogram that the audio encoder of av-digits reads: one channel, 8 kHz,
 * one second, a short-time Fourier transform with a periodic Hann window, the logarithm, and standardisation of each
 * recording.
 */
import { Tensor } from "@igm/tensor"
import { Effect } from "effect"
import { MediaDecoder } from "../MediaDecoder.ts"
import type { Preprocess } from "../Preprocess.ts"
import * as Stft from "./Stft.ts"
import * as Wav from "./Wav.ts"

/** The parameters of the audio preprocessing: rates in Hz, lengths in samples. */
export const settings = {
  kind: "log-spectrogram",
  version: 1,
  rate: 8000,
  samples: 8000,
  resampler: "libsamplerate sinc fastest",
  window: 256,
  hop: 128,
  floor: 1e-5,
  standardised: true
} as const

const BINS = settings.window / 2 + 1
const FRAMES = 1 + Math.floor(settings.samples / settings.hop)

/** The magnitudes |X| (frames × bins) of the signal, padded by half a window of zeros at both ends. */
export const magnitudes = (samples: Float32Array, window: number, hop: number): ReadonlyArray<Float64Array> => {
  const frames: Array<Float64Array> = []
  // Not a square root of squares: its last bits differ, and features that are stored depend on them.
  Stft.eachFrame(samples, { window, hop }, (spectrum) =>
    frames.push(
      Float64Array.from({ length: window / 2 + 1 }, (_, k) => Math.hypot(spectrum[2 * k]!, spectrum[2 * k + 1]!))
    )
  )
  return frames
}

/** Exactly one second: cut at the end, or padded with zeros. */
const oneSecond = (samples: Float32Array): Float32Array => {
  const out = new Float32Array(settings.samples)
  out.set(samples.subarray(0, settings.samples))
  return out
}

/** The spectrogram (1 × bins × frames) of samples at 8 kHz. */
export const ofSamples = (samples: Float32Array): Tensor.Tensor<"float32"> => {
  const frames = magnitudes(oneSecond(samples), settings.window, settings.hop)
  const out = new Float32Array(BINS * FRAMES)
  frames.forEach((bins, t) => bins.forEach((x, k) => (out[k * FRAMES + t] = Math.log(x + settings.floor))))
  const mean = out.reduce((a, b) => a + b, 0) / out.length
  const deviation = Math.sqrt(out.reduce((a, b) => a + (b - mean) ** 2, 0) / out.length)
  return Tensor.float32(
    [1, BINS, FRAMES],
    out.map((x) => (x - mean) / Math.max(deviation, 1e-6))
  )
}

/** Converts a sound to another rate, independently of earlier calls. */
export const resample = Effect.fn("Spectrogram.resample")(function* ({ rate, samples }: Wav.Sound, to: number) {
  if (rate === to) return samples
  const { workspace } = yield* MediaDecoder
  const converter = yield* Effect.promise(() => workspace.converter(rate, to))
  return converter.simple(samples).slice()
})

/** The audio preprocessing: from a WAVE file to its spectrogram, 1 × 129 × 63. */
export const preprocess: Preprocess<Tensor.Tensor<"float32">> = {
  place: { module: import.meta.url, name: "preprocess" },
  settings,
  shape: [1, BINS, FRAMES],
  load: ({ path }) =>
    Wav.read(path).pipe(
      Effect.flatMap((sound) => resample(sound, settings.rate)),
      Effect.map(ofSamples)
    )
}
