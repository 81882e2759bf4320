/**
 * Turns colour frames into the flow tensor (2 × frames × height × width: right, down) that an optical-flow encoder
 * reads: frames are made grey and resized as in `ClipInput`; TV-L1 computes the flow from each to the next, and the
 * last flow is repeated so that there is one for each frame; displacements are clipped to a bound in pixels and divided
 * by it, to [−1, 1], as I3D's weights expect.
 *
 * IGM's code reads flow from files whose recipe is not published: `.npy` arrays of frames × height × width × 2 or, as
 * its indexing has it, height × width × 2 × frames, whose values it takes unchanged. `files` reads both.
 */
import { type Keyed, Memory, Tensor } from "@igm/tensor"
import { Effect } from "effect"
import * as ClipInput from "./ClipInput.ts"
import { MediaError } from "../Errors.ts"
import * as Flow from "./Flow.ts"
import * as Npy from "./Npy.ts"
import type { Plane } from "./Plane.ts"
import type { Augmentation, Preprocess, Source } from "../Preprocess.ts"

type Box = {
  /** The same parameters as those of `ClipInput`. */
  readonly side: number
  readonly crop: number
  readonly frames: number
  readonly window: number
}

/** All parameters of computed flow. */
export type Settings = Box & {
  readonly flow: Flow.Settings
  /** The displacement, in pixels per frame, that becomes 1. */
  readonly bound: number
}

/** The settings for NVGesture. */
export const settings: Settings = { side: 256, crop: 224, frames: 80, window: 64, flow: Flow.settings, bound: 20 }

/** The identity on brightness, 0 to 255. */
const BRIGHTNESS = [Float32Array.from({ length: 256 }, (_, v) => v)]

/** The flow tensor of a view of a source's frames: computed on whole frames, then cropped. */
const computed = Effect.fn("FlowInput.computed")(function* (source: Source, view: ClipInput.View, settings: Settings) {
  const { side, frames, flow, bound } = settings
  const { start, length, size, top, left } = view
  const out = Memory.float32(2 * length * size * size)
  // A range of one frame has no flow.
  out.fill(0)
  const write = ({ u, v }: Flow.Flow, at: number) => {
    for (const [c, from] of [u, v].entries()) {
      let to = (c * length + at) * size * size
      for (let y = 0; y < size; y++) {
        let i = (top + y) * side + left
        for (let x = 0; x < size; x++) out[to++] = Math.max(-1, Math.min(1, from[i++]! / bound))
      }
    }
  }
  let before: ReadonlyArray<Plane> | undefined
  let last: readonly [Flow.Flow, number] | undefined
  // One frame more than the view has, if the box does: the last flow is to it.
  const whole = { start, length: Math.min(length + 1, frames - start), top: 0, left: 0, size: side }
  let data = new Float32Array()
  const target = () => {
    data = new Float32Array(side * side)
    return { values: BRIGHTNESS, out: data, starts: [0] }
  }
  yield* ClipInput.eachFrame(source, whole, { side, frames, pixels: "grey", compat: [] }, target, (at) => {
    const pyramid = Flow.pyramid({ width: side, height: side, data }, flow)
    if (before !== undefined) {
      last = [Flow.between(before, pyramid, flow), at - 1]
      write(...last)
    }
    before = pyramid
  })
  if (last !== undefined && last[1] + 1 < length) write(last[0], last[1] + 1)
  return Tensor.float32([2, length, size, size], out)
})

const json = (settings: Settings) => ({ kind: "flow", version: 1, algorithm: "TV-L1, IPOL 2013", ...settings })

/** Computed flow, deterministic: all frames, and the centre of each. */
export const preprocess = (settings: Settings): Preprocess<Tensor.Tensor<"float32">> => ({
  settings: json(settings),
  shape: [2, settings.frames, settings.crop, settings.crop],
  load: (source) => computed(source, ClipInput.middle(settings), settings)
})

/** Computed flow with the random crop and window of `ClipInput`. */
export const augmentation = (settings: Settings): Augmentation<Tensor.Tensor<"float32">> => ({
  settings: { ...json(settings), drawn: true },
  shape: [2, settings.window, settings.crop, settings.crop],
  load: (source, stream) => computed(source, ClipInput.draw(settings, stream), settings)
})

/** All parameters of flow from files; the window "all" is the released code's at training time. */
export type FileSettings = Omit<Box, "window"> & { readonly window: number | "all" }

/** The settings for NVGesture. */
export const fileSettings: FileSettings = { side: 256, crop: 224, frames: 80, window: 64 }

/** Reads flow from a file and determines the strides of its axes. */
const stored = Effect.fnUntraced(function* (path: string, side: number) {
  const { shape, data } = yield* Npy.read(path)
  const [a, b, c, d] = shape
  if (shape.length === 4 && b === side && c === side && d === 2) {
    return { data, length: a!, strides: { t: side * side * 2, y: side * 2, x: 2, c: 1 } }
  }
  if (shape.length === 4 && a === side && b === side && c === 2) {
    return { data, length: d!, strides: { t: 1, y: side * 2 * d!, x: 2 * d!, c: d! } }
  }
  const problem = `its shape is ${shape.join(" × ")}, not frames × ${side} × ${side} × 2 or ${side} × ${side} × 2 × frames`
  return yield* new MediaError({ path, problem })
})

const cut = Effect.fn("FlowInput.cut")(function* (
  { path }: Source,
  { side }: FileSettings,
  viewOf: (length: number) => ClipInput.View
) {
  const { data, length: has, strides } = yield* stored(path, side)
  const { start, length, top, left, size } = viewOf(has)
  if (start + length > has) {
    return yield* new MediaError({
      path,
      problem: `it has flow of ${has} frames; ${start} to ${start + length} are wanted`
    })
  }
  const out = Memory.float32(2 * length * size * size)
  for (let c = 0, to = 0; c < 2; c++) {
    for (let t = 0; t < length; t++) {
      for (let y = 0; y < size; y++) {
        let from = c * strides.c + (start + t) * strides.t + (top + y) * strides.y + left * strides.x
        for (let x = 0; x < size; x++, from += strides.x) out[to++] = data[from]!
      }
    }
  }
  return Tensor.float32([2, length, size, size], out)
})

const fileJson = (settings: FileSettings) => ({ kind: "flow-file", version: 1, ...settings })

/** Flow from files, deterministic: all frames of the file, and the centre of each. */
export const files = (settings: FileSettings): Preprocess<Tensor.Tensor<"float32">> => ({
  settings: fileJson(settings),
  shape: [2, "frames", settings.crop, settings.crop],
  load: (source) => cut(source, settings, (frames) => ClipInput.middle({ ...settings, frames, window: frames }))
})

/** Flow from files with the random crop and window of `ClipInput`, drawn identically. */
export const fileAugmentation = (settings: FileSettings): Augmentation<Tensor.Tensor<"float32">> => ({
  settings: { ...fileJson(settings), drawn: true },
  shape: [2, settings.window === "all" ? "frames" : settings.window, settings.crop, settings.crop],
  load: (source, stream: Keyed.Stream) =>
    cut(source, settings, (frames) => {
      const { window } = settings
      const view = ClipInput.draw({ ...settings, window: window === "all" ? settings.frames : window }, stream)
      return window === "all" ? { ...view, start: 0, length: frames } : view
    })
})

/** NVGesture's computed flow at test time, as an export that worker threads can import. */
export const still: Preprocess<Tensor.Tensor<"float32">> = {
  ...preprocess(settings),
  place: { module: import.meta.url, name: "still" }
}

/** NVGesture's computed flow at training time, drawn as in `ClipInput`. */
export const drawn: Augmentation<Tensor.Tensor<"float32">> = {
  ...augmentation(settings),
  place: { module: import.meta.url, name: "drawn" }
}
