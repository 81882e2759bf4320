/**
 * The recipe that degrades both modalities until neither suffices. It was fixed by looking at single modalities and late
 * fusion alone; docs/decisions says how. Each sample is degraded by its own keyed stream.
 */
import type { Wav } from "@igm/media"
import { Keyed } from "@igm/tensor"
import * as Mnist from "./Mnist.ts"

type Range = readonly [min: number, max: number]

/** The settings of a recipe. */
export interface Recipe {
  readonly version: number
  readonly image: { readonly contrast: Range; readonly noise: Range; readonly patch: Range }
  readonly audio: { readonly signalToNoise: Range; readonly colour: Range }
}

/** The recipe's parameters; ranges are drawn from uniformly. */
export const recipe: Recipe = {
  version: 1,
  image: {
    /** The digit's brightness. */
    contrast: [0.4, 0.9],
    /** The standard deviation of the noise added to each pixel. */
    noise: [0.2, 0.6],
    /** The side of a grey square that hides a part of the digit, in pixels. */
    patch: [8, 14]
  },
  audio: {
    /** Speech over noise, in dB of mean power. */
    signalToNoise: [-11, 1],
    /** The pole of the filter that colours the noise: 0 is white. */
    colour: [0, 0.9]
  }
}

const draw = (stream: Keyed.Stream, [min, max]: Range): number => Keyed.between(stream, min, max)

/** A degraded image, pixels in [0, 1]. */
export const image = (
  pixels: Float32Array,
  stream: Keyed.Stream,
  { contrast: contrasts, noise: noises, patch }: Recipe["image"]
): Float32Array => {
  const contrast = draw(stream, contrasts)
  const noise = draw(stream, noises)
  const side = Math.round(draw(stream, patch))
  const corner = () => 2 + Keyed.below(stream, Mnist.SIDE - 4 - side + 1)
  const [top, left] = [corner(), corner()]
  const grey = stream.uniform()
  const grain = Keyed.normals(stream, pixels.length)
  return pixels.map((x, i) => {
    const [row, column] = [Math.floor(i / Mnist.SIDE), i % Mnist.SIDE]
    const hidden = row >= top && row < top + side && column >= left && column < left + side
    return Math.max(0, Math.min(1, (hidden ? grey : contrast * x) + noise * grain[i]!))
  })
}

/** A degraded second of speech: placed at a random time and covered by coloured noise. */
export const speech = (
  { rate, samples }: Wav.Sound,
  stream: Keyed.Stream,
  { colour, signalToNoise }: Recipe["audio"]
): Wav.Sound => {
  const length = rate
  const voice = trimmed(samples).subarray(0, length)
  const start = Keyed.below(stream, length - voice.length + 1)
  const pole = draw(stream, colour)
  const noise = Float32Array.from(Keyed.normals(stream, length))
  let last = 0
  noise.forEach((white, i) => {
    last = pole * last + white
    noise[i] = last
  })
  const ratio = 10 ** (draw(stream, signalToNoise) / 20)
  const scale = (ratio * rms(noise)) / Math.max(rms(voice), 1e-9)
  const out = noise.slice()
  for (let i = 0; i < voice.length; i++) out[start + i]! += scale * voice[i]!
  const peak = out.reduce((max, x) => Math.max(max, Math.abs(x)), 0)
  return { rate, samples: out.map((x) => (0.9 * x) / peak) }
}

const rms = (samples: Float32Array): number =>
  Math.sqrt(samples.reduce((total, x) => total + x * x, 0) / samples.length)

/** Without the silence at both ends: what is below a hundredth of the peak. */
const trimmed = (samples: Float32Array): Float32Array => {
  const limit = 0.01 * samples.reduce((max, x) => Math.max(max, Math.abs(x)), 0)
  const first = samples.findIndex((x) => Math.abs(x) > limit)
  const last = samples.findLastIndex((x) => Math.abs(x) > limit)
  return first < 0 ? samples : samples.subarray(first, last + 1)
}
