/**
 * Turns a sound, or the sound of a film, into the log spectrogram that the audio encoders of IGM's code read: one
 * channel at a given rate, repeated until it fills the length, cut, clipped to ±1, and log(|STFT| + floor), as librosa
 * 0.11 and numpy compute it.
 */
import { Memory, Tensor } from "@igm/tensor"
import { Effect } from "effect"
import { MediaError } from "../Errors.ts"
import { kernels } from "../Kernels.ts"
import { MediaDecoder } from "../MediaDecoder.ts"
import type { Preprocess, Source } from "../Preprocess.ts"
import * as Resample from "./Resample.ts"
import * as Sound from "./Sound.ts"
import * as Stft from "./Stft.ts"

/** The parameters: the sample rate in Hz, the length in samples, and the window and hop of the transform in samples. */
export interface Settings extends Stft.Grid {
  readonly rate: number
  readonly samples: number
  /** The constant that is added to magnitudes before the logarithm. */
  readonly floor: number
}

/** CREMA-D: three seconds, 257 × 188. */
export const cremaD: Settings = { rate: 22_050, samples: 66_150, window: 512, hop: 353, floor: 1e-7 }

/** Kinetics-Sounds: ten seconds, 257 × 1003. */
export const kineticsSounds: Settings = { rate: 35_400, samples: 354_000, window: 512, hop: 353, floor: 1e-7 }

/** Exactly `length` samples: the sound repeated from its start and clipped to ±1. */
const filled = (samples: Float32Array, length: number): Stft.Written => ({
  length,
  write: (out) => {
    const once = Math.min(samples.length, length)
    out.set(samples.subarray(0, once))
    kernels.clip(out.byteOffset, once)
    for (let done = once; done < length; done *= 2) out.copyWithin(done, 0, length - done)
  }
})

/** The log spectrogram (1 × bins × frames) of a sound at the right rate. The sound must have at least one sample. */
export const ofSamples = (
  samples: Float32Array,
  settings: Settings,
  tables?: Stft.Tables
): Tensor.Tensor<"float32"> => {
  if (samples.length === 0) throw new RangeError("a sound of no samples")
  const spectrum = Stft.magnitudes(filled(samples, settings.samples), settings, settings.floor, tables)
  return Tensor.float32([1, Stft.binsOf(settings), Stft.framesOf(settings.samples, settings)], spectrum)
}

/** The audio preprocessing with the given settings: from a sound or film to its log spectrogram. */
export const preprocess = (settings: Settings): Preprocess<Tensor.Tensor<"float32">> => {
  const tables = Stft.tablesOf(settings)
  return {
    settings: { kind: "log-stft", version: 3, resampler: "kaiser sinc", ...settings },
    shape: [1, Stft.binsOf(settings), Stft.framesOf(settings.samples, settings)],
    load: Effect.fn("LogStft.load")(function* ({ path }: Source) {
      const { workspace } = yield* MediaDecoder
      const { rate, samples } = yield* Sound.read(path)
      const spectrogram = yield* Effect.try({
        try: () => {
          const { floats, resampling } = workspace
          const options = { most: settings.samples, make: floats, plan: resampling }
          return ofSamples(Resample.resample(samples, rate, settings.rate, options), settings, tables)
        },
        catch: (cause) => new MediaError({ path, problem: (cause as Error).message, cause })
      })
      Memory.release(samples)
      return spectrogram
    })
  }
}

const placed = (name: string, settings: Settings): Preprocess<Tensor.Tensor<"float32">> => ({
  ...preprocess(settings),
  place: { module: import.meta.url, name: `inputs.${name}` }
})

/** The audio preprocessing of each data set, as exports that worker threads can import. */
export const inputs = {
  cremaD: placed("cremaD", cremaD),
  kineticsSounds: placed("kineticsSounds", kineticsSounds)
}
