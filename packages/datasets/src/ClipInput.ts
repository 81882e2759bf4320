/**
 * From a range of a film's frames to the float32 tensor (channels × frames × height × width) that an encoder of clips reads,
 * as IGM's code prepares NVGesture: frames resized to a square and put into a box of so many, black where there are fewer; a
 * window in time and a crop, in the middle or drawn; values in [0, 1], and (x − mean) / deviation for each channel.
 *
 * The released code feeds blue, green, red to weights that were trained with red, green, blue, and takes a film that ends
 * before its range for black. Both are here under `compat` and not done otherwise.
 */
import { Keyed, Memory, Tensor } from "@igm/tensor"
import { Effect, Stream } from "effect"
import * as Crop from "./Crop.ts"
import type { Augmentation, Preprocess, Source } from "./Dataset.ts"
import { MediaError } from "./Errors.ts"
import * as Film from "./Film.ts"
import * as LinearResize from "./LinearResize.ts"
import { standardised } from "./Standardised.ts"

/** All parameters. */
export type Settings = {
  readonly pixels: "RGB" | "BGR" | "blue"
  /** The side of the square that frames are resized to, and of the crop. */
  readonly side: number
  readonly crop: number
  /** Frames of the box. */
  readonly frames: number
  /** Frames of the tensor at training time. */
  readonly window: number
  /** For each channel. */
  readonly mean: ReadonlyArray<number>
  readonly deviation: ReadonlyArray<number>
  /** What the released code does by accident, and is done here too. */
  readonly compat: ReadonlyArray<"BGR" | "missing frames are black">
}

/** What of a box is seen: frames from `start`, and a square of each. */
export interface View extends LinearResize.Window {
  readonly start: number
  readonly length: number
}

type Bounds = Pick<Settings, "side" | "crop" | "frames" | "window">

/** The view without chance: all frames, and the middle of each. */
export const middle = ({ side, crop, frames }: Bounds): View => {
  const whole = { height: side, width: side }
  const { top, left } = Crop.centre(whole, { height: crop, width: crop })
  return { start: 0, length: frames, top, left, size: crop }
}

/** A view drawn from a stream: left, top and start, each uniform. All kinds of one sample have to be given equal streams. */
export const draw = ({ side, crop, frames, window }: Bounds, stream: Keyed.Stream): View => {
  const left = Keyed.below(stream, side - crop + 1)
  const top = Keyed.below(stream, side - crop + 1)
  return { start: Keyed.below(stream, frames - window + 1), length: window, top, left, size: crop }
}

/** The range that a source names, which has to fit the box. */
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

/** Resizes and cuts the frames of a view that a source has, each to the target of its place; gives how many there are. */
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

/** The path without chance. */
export const preprocess = (settings: Settings): Preprocess<Tensor.Tensor<"float32">> => ({
  settings: json(settings),
  shape: [settings.mean.length, settings.frames, settings.crop, settings.crop],
  load: (source) => clip(source, middle(settings), settings)
})

/** The path with a random crop and window. */
export const augmentation = (settings: Settings): Augmentation<Tensor.Tensor<"float32">> => ({
  settings: { ...json(settings), drawn: true },
  shape: [settings.mean.length, settings.window, settings.crop, settings.crop],
  load: (source, stream) => clip(source, draw(settings, stream), settings)
})

const box = { side: 256, crop: 224, frames: 80, window: 64, compat: [] } as const
const imagenet = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] } as const

/** Settings of NVGesture's films. */
export const settings = {
  /** Colour with ImageNet's mean and deviation. */
  rgb: { ...box, pixels: "RGB", ...imagenet },
  /** Colour as the released code feeds it: blue first, with the mean and deviation of red first. */
  released: { ...box, pixels: "BGR", ...imagenet, compat: ["BGR", "missing frames are black"] },
  /** Colour in [−1, 1], which the published weights of I3D were trained with. */
  kinetics: { ...box, pixels: "RGB", mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5] },
  /** Depth in [0, 1]: the blue channel of a film whose three are alike. */
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

/** The films at test time: all frames, and the middle of each. */
export const still = every((name) => ({
  ...preprocess(settings[name]),
  place: { module: import.meta.url, name: `still.${name}` }
}))

/** The films at training time: a random window of frames, and a random part of each. */
export const drawn = every((name) => ({
  ...augmentation(settings[name]),
  place: { module: import.meta.url, name: `drawn.${name}` }
}))
