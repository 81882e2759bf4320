/**
 * Turns a range of a film's frames into the float32 tensor (channels × frames × height × width) that a video encoder
 * reads, as IGM's code prepares NVGesture: frames are resized to a square and padded with black to a fixed number (the
 * box); then a temporal window and a spatial crop, central or random; values in [0, 1], and (x − mean) / deviation for
 * each channel.
 *
 * The released code feeds BGR frames to weights that were trained with RGB, and treats a film that ends before its
 * range as black. Both behaviours are only reproduced if listed under `compat`.
 */
import { Keyed, Memory, Tensor } from "@igm/tensor"
import { Effect, Stream } from "effect"
import { MediaError } from "../Errors.ts"
import * as Film from "./Film.ts"
import * as Crop from "../image/Crop.ts"
import * as LinearResize from "../image/LinearResize.ts"
import { standardised } from "../image/Standardised.ts"
import type { Augmentation, Preprocess, Source } from "../Preprocess.ts"

/** All parameters. */
export type Settings = {
  readonly pixels: "RGB" | "BGR" | "blue"
  /** The side in pixels of the square that frames are resized to, and of the crop. */
  readonly side: number
  readonly crop: number
  /** The number of frames of the box. */
  readonly frames: number
  /** The number of frames of the tensor at training time. */
  readonly window: number
  /** The mean and deviation of each channel. */
  readonly mean: ReadonlyArray<number>
  readonly deviation: ReadonlyArray<number>
  /** Accidents of the released code that are reproduced. */
  readonly compat: ReadonlyArray<"BGR" | "missing frames are black">
}

/** A part of the box: `length` frames from `start` on, and a square window of each. */
export interface View extends LinearResize.Window {
  readonly start: number
  readonly length: number
}

type Bounds = Pick<Settings, "side" | "crop" | "frames" | "window">

/** The deterministic view: all frames, and the centre of each. */
export const middle = ({ side, crop, frames }: Bounds): View => {
  const whole = { height: side, width: side }
  const { top, left } = Crop.centre(whole, { height: crop, width: crop })
  return { start: 0, length: frames, top, left, size: crop }
}

/**
 * A random view: left, top and start, each uniform. For aligned views, all modalities of one sample must get equal
 * streams.
 */
export const draw = ({ side, crop, frames, window }: Bounds, stream: Keyed.Stream): View => {
  const left = Keyed.below(stream, side - crop + 1)
  const top = Keyed.below(stream, side - crop + 1)
  return { start: Keyed.below(stream, frames - window + 1), length: window, top, left, size: crop }
}

/** The range of frames that a source names; fails if it does not fit into the box. */
const rangeOf = Effect.fnUntraced(function* ({ path, frames: range }: Source, settings: Pick<Settings, "frames">) {
  if (range === undefined) return yield* new MediaError({ path, problem: "no frames of this film are named" })
  const [from, to] = range
  if (to <= from || from < 0) {
    return yield* new MediaError({ path, problem: `its frames ${from} to ${to} are wanted, which are none` })
  }
  if (to - from > settings.frames) {
    const problem = `its frames ${from} to ${to} are wanted: ${to - from} of them, of which a clip holds ${settings.frames}`
    return yield* new MediaError({ path, problem })
  }
  return { from, to }
})

/**
 * Resizes and crops the frames of a view and writes each to its target; gives the number of frames that the source has.
 */
export const eachFrame = Effect.fnUntraced(function* (
  source: Source,
  view: View,
  settings: Pick<Settings, "side" | "frames" | "compat"> & { readonly pixels: Film.Pixels },
  target: (at: number) => LinearResize.Target,
  done: (at: number) => void = () => {}
) {
  const { from, to } = yield* rangeOf(source, settings)
  const first = Math.min(to, from + view.start)
  const missing = settings.compat.includes("missing frames are black") ? "ignored" : "error"
  const channels = settings.pixels === "RGB" || settings.pixels === "BGR" ? 3 : 1
  let resize: ReturnType<typeof LinearResize.resizer> | undefined
  let count = 0
  const options = { pixels: settings.pixels, from: first, to: Math.min(to, first + view.length), missing } as const
  yield* Stream.runForEach(Film.frames(source.path, options), ({ index, width, height, data }) =>
    Effect.sync(() => {
      resize ??= LinearResize.resizer(width, height, channels, settings.side)
      resize(data, view, target(index - first))
      done(index - first)
      count++
    })
  )
  return count
})

/** The tensor of a view of a source's frames. */
export const clip = Effect.fn("ClipInput.clip")(function* (source: Source, view: View, settings: Settings) {
  const { mean, deviation } = settings
  const { length, size } = view
  const plane = size * size
  const values = mean.map((m, c) => standardised(m, deviation[c]!))
  const out = Memory.float32(mean.length * length * plane)
  const starts = (at: number) => mean.map((_, c) => (c * length + at) * plane)
  const count = yield* eachFrame(source, view, settings, (at) => ({ values, out, starts: starts(at) }))
  const [missing, ends] = [starts(count), starts(length)]
  missing.forEach((start, c) => out.fill(values[c]![0]!, start, ends[c]))
  return Tensor.float32([mean.length, length, size, size], out)
})

const json = (settings: Settings) => ({ kind: "clip", version: 1, ...settings })

/** The deterministic preprocessing. */
export const preprocess = (settings: Settings): Preprocess<Tensor.Tensor<"float32">> => ({
  settings: json(settings),
  shape: [settings.mean.length, settings.frames, settings.crop, settings.crop],
  load: (source) => clip(source, middle(settings), settings)
})

/** The augmentation with a random crop and temporal window. */
export const augmentation = (settings: Settings): Augmentation<Tensor.Tensor<"float32">> => ({
  settings: { ...json(settings), drawn: true },
  shape: [settings.mean.length, settings.window, settings.crop, settings.crop],
  load: (source, stream) => clip(source, draw(settings, stream), settings)
})

const box = { side: 256, crop: 224, frames: 80, window: 64, compat: [] } as const
const imagenet = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] } as const

/** Settings for NVGesture's films. */
export const settings = {
  /** RGB with ImageNet's mean and deviation. */
  rgb: { ...box, pixels: "RGB", ...imagenet },
  /** RGB as the released code feeds it: in the order BGR, with the mean and deviation in the order RGB. */
  released: { ...box, pixels: "BGR", ...imagenet, compat: ["BGR", "missing frames are black"] },
  /** RGB in [−1, 1], as the published weights of I3D were trained. */
  kinetics: { ...box, pixels: "RGB", mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5] },
  /** Depth in [0, 1]: the blue channel of a film whose three channels are equal. */
  depth: { ...box, pixels: "blue", mean: [0], deviation: [1] },
  /** Depth as the released code feeds it. */
  releasedDepth: { ...box, pixels: "blue", mean: [0], deviation: [1], compat: ["missing frames are black"] }
} as const satisfies { readonly [name: string]: Settings }

const every = <A>(of: (name: keyof typeof settings) => A) => ({
  rgb: of("rgb"),
  released: of("released"),
  kinetics: of("kinetics"),
  depth: of("depth"),
  releasedDepth: of("releasedDepth")
})

/** The films at test time: all frames, and the centre of each. */
export const still = every((name) => ({
  ...preprocess(settings[name]),
  place: { module: import.meta.url, name: `still.${name}` }
}))

/** The films at training time: a random window of frames, and a random crop of each. */
export const drawn = every((name) => ({
  ...augmentation(settings[name]),
  place: { module: import.meta.url, name: `drawn.${name}` }
}))
