/**
 * Turns an image file into the float32 tensor (channels × height × width) that an image encoder reads, as torchvision's
 * transforms do: resize or crop, flip, values in [0, 1], and (x − mean) / deviation for each channel.
 *
 * The tensor is a pure function of the picture, of a view and of plain settings.
 */
import { type Keyed, Memory, Tensor } from "@igm/tensor"
import { Effect } from "effect"
import { MediaDecoder } from "../MediaDecoder.ts"
import * as Crop from "./Crop.ts"
import * as Kernels from "../Kernels.ts"
import { kernels } from "../Kernels.ts"
import * as Picture from "./Picture.ts"
import type { Augmentation, Preprocess, Source } from "../Preprocess.ts"
import * as RandAugment from "./RandAugment.ts"
import * as Resize from "./Resize.ts"
import { standardised } from "./Standardised.ts"

type Common = {
  /** The height and width of the tensor. */
  readonly size: readonly [number, number]
  readonly filter: Resize.Filter
  /** The mean and deviation of each channel; a single channel means grey. */
  readonly mean: ReadonlyArray<number>
  readonly deviation: ReadonlyArray<number>
  /** The order of the passes of a resize; orders differ for pictures that lose more height than width. */
  readonly order: Resize.Order
  /** Applies the EXIF orientation if `true`. */
  readonly orient: boolean
}

/**
 * Deterministic settings: the whole picture stretched to the size; or, with `shorter`, resized so that its shorter side
 * has that length, and the centre cropped.
 */
export type Still = Common & { readonly shorter?: number }

/**
 * Random settings: a random crop stretched to the size, flipped horizontally with a probability, and optionally changed
 * by RandAugment.
 */
export type Moving = Common & Crop.Bounds & { readonly flip: number; readonly changes?: RandAugment.Settings }

/**
 * A view of a picture: a box of it is resized to `size`, a window of the result is kept, and flipped horizontally if
 * `flip`.
 */
export interface View {
  readonly box: Resize.Box
  readonly size: Resize.Size
  readonly window: Resize.Box
  readonly flip: boolean
}

const box = ({ height, width }: Resize.Size): Resize.Box => ({ top: 0, left: 0, height, width })
const sizeOf = ([height, width]: Common["size"]): Resize.Size => ({ height, width })

/** The deterministic view of pictures of a size. */
export const still = ({ size, shorter }: Pick<Still, "size" | "shorter">, of: Resize.Size): View => {
  if (shorter === undefined) return { box: box(of), size: sizeOf(size), window: box(sizeOf(size)), flip: false }
  const scaled = Resize.toShorter(of, shorter)
  return { box: box(of), size: scaled, window: Crop.centre(scaled, sizeOf(size)), flip: false }
}

/** Draws a random view from a stream; equal streams give equal views of pictures of equal size. */
export const draw = (settings: Moving, of: Resize.Size, stream: Keyed.Stream): View => {
  const part = Crop.random(stream, of, settings)
  const size = sizeOf(settings.size)
  return { box: part, size, window: box(size), flip: stream.uniform() < settings.flip }
}

type Numbers = Pick<Common, "filter" | "order" | "mean" | "deviation">

/** The output array, and the offset of each channel's plane in it. */
export interface Target {
  readonly out: Float32Array
  readonly starts: ReadonlyArray<number>
}

/** Writes the standardised planes (height × width) of a picture's channels, flipped horizontally or not. */
const standardise = (
  picture: Resize.Source,
  flip: boolean,
  { mean, deviation }: Pick<Numbers, "mean" | "deviation">,
  { out, starts }: Target
): void => {
  const { channels, height, width } = picture
  const area = height * width
  const stride = width * channels
  const [own, table, to] = Kernels.regions("at" in picture ? 0 : picture.data.length, 1024, 4 * area)
  if (!("at" in picture)) Kernels.put(own, picture.data)
  const from = "at" in picture ? picture.at : own
  const [first, step] = flip ? [stride - channels, -channels] : [0, channels]
  starts.forEach((start, c) => {
    Kernels.put(table, standardised(mean[c]!, deviation[c]!))
    kernels.looked(from + first + c, step, stride, height, width, table, to)
    out.set(Kernels.floats(to, area), start)
  })
}

/** Allocates a tensor (channels × height × width) and the target that writes into it. */
const owned = ({ mean }: Pick<Numbers, "mean">, { height, width }: Resize.Size) => {
  const area = height * width
  const out = Memory.float32(mean.length * area)
  const starts = mean.map((_, c) => c * area)
  return { target: { out, starts }, tensor: Tensor.float32([mean.length, height, width], out) }
}

/** The source of resize weights, for example a cache; by default they are computed. */
type Tables = Pick<Resize.Options, "weightsOf">

/** Writes the planes of a view of a picture. */
const paint = (picture: Resize.Source, view: View, settings: Numbers, target: Target, tables: Tables): void => {
  const { filter, order } = settings
  Resize.resized(picture, view.size, filter, { ...view, ...tables, order }, (seen) =>
    standardise(seen, view.flip, settings, target)
  )
}

/** The tensor (channels × height × width) of a view of a picture. */
export const render = (picture: Resize.Source, view: View, settings: Numbers): Tensor.Tensor<"float32"> => {
  const { target, tensor } = owned(settings, view.window)
  paint(picture, view, settings, target, {})
  return tensor
}

const mirrored = (picture: Picture.Picture): Picture.Picture => {
  const { width, channels, data } = picture
  const at = (i: number) => {
    const x = Math.floor(i / channels) % width
    return i + (width - 1 - 2 * x) * channels
  }
  return { ...picture, data: data.map((_, i) => data[at(i)]!) }
}

/** Draws a random view and writes its planes, then draws and applies the changes. */
const move = (picture: Resize.Source, settings: Moving, stream: Keyed.Stream, target: Target, tables: Tables): void => {
  const view = draw(settings, picture, stream)
  const { filter, order, changes } = settings
  if (changes === undefined) return paint(picture, view, settings, target, tables)
  const seen = Resize.resize(picture, view.size, filter, { ...view, ...tables, order })
  const turned = view.flip ? mirrored(seen) : seen
  standardise(RandAugment.apply(turned, RandAugment.draw(changes, stream), changes), false, settings, target)
}

const optionsOf = ({ mean, orient }: Common): Picture.Options => ({ mode: mean.length === 1 ? "L" : "RGB", orient })

const shapeOf = ({ mean, size }: Common): ReadonlyArray<number> => [mean.length, ...size]

/**
 * The settings for cache keys. Version 2: rare kinds of images (TIFF samples, GIFs without colours, orientations)
 * became equal to PIL's.
 */
const json = <S extends Still | Moving>(settings: S) => ({ kind: "image", version: 2, ...settings })

/** Writes the planes of the picture in a file, by the deterministic preprocessing. */
export const load = Effect.fnUntraced(function* (path: string, settings: Still, target: Target) {
  const { workspace } = yield* MediaDecoder
  const tables = { weightsOf: workspace.resizing }
  yield* Picture.use(path, optionsOf(settings), (picture) =>
    paint(picture, still(settings, picture), settings, target, tables)
  )
})

/** Writes the planes of the picture in a file, by the random augmentation. */
export const loadDrawn = Effect.fnUntraced(function* (
  path: string,
  settings: Moving,
  stream: Keyed.Stream,
  target: Target
) {
  const { workspace } = yield* MediaDecoder
  const tables = { weightsOf: workspace.resizing }
  yield* Picture.use(path, optionsOf(settings), (picture) => move(picture, settings, stream, target, tables))
})

/** The deterministic image preprocessing. */
export const preprocess = (settings: Still): Preprocess<Tensor.Tensor<"float32">> => ({
  settings: json(settings),
  shape: shapeOf(settings),
  load: Effect.fn("ImageInput.load")(function* ({ path }: Source) {
    const { target, tensor } = owned(settings, sizeOf(settings.size))
    yield* load(path, settings, target)
    return tensor
  })
})

/** The image augmentation with a random crop and flip. */
export const augmentation = (settings: Moving): Augmentation<Tensor.Tensor<"float32">> => ({
  settings: json(settings),
  shape: shapeOf(settings),
  load: Effect.fn("ImageInput.draw")(function* ({ path }: Source, stream: Keyed.Stream) {
    const { target, tensor } = owned(settings, sizeOf(settings.size))
    yield* loadDrawn(path, settings, stream, target)
    return tensor
  })
})

const imagenetColours: Common = {
  size: [224, 224],
  filter: "bilinear",
  mean: [0.485, 0.456, 0.406],
  deviation: [0.229, 0.224, 0.225],
  order: "pillow-13",
  orient: false
}

const clipColours: Common = {
  size: [224, 224],
  filter: "bicubic",
  mean: [0.48145466, 0.4578275, 0.40821073],
  deviation: [0.26862954, 0.26130258, 0.27577711],
  order: "pillow-13",
  orient: false
}

const ratio = [3 / 4, 4 / 3] as const

/** Settings for video frames: 224 × 224, bilinear, ImageNet's mean and deviation. */
export const frames = {
  /** At test time: the whole frame. */
  still: imagenetColours satisfies Still,
  /** At training time: a crop of 8 % to 100 % of the area, and a flip with probability ½. */
  drawn: { ...imagenetColours, scale: [0.08, 1], ratio, flip: 0.5 } satisfies Moving
} as const

/** Frames of CREMA-D at test time. */
export const imagenet: Preprocess<Tensor.Tensor<"float32">> = {
  ...preprocess(frames.still),
  place: { module: import.meta.url, name: "imagenet" }
}

/** Frames of CREMA-D at training time. */
export const imagenetCrops: Augmentation<Tensor.Tensor<"float32">> = {
  ...augmentation(frames.drawn),
  place: { module: import.meta.url, name: "imagenetCrops" }
}

/** Images of Twitter15 and Sarcasm at test time: 224 × 224, bicubic, CLIP's mean and deviation. */
export const clip: Preprocess<Tensor.Tensor<"float32">> = {
  ...preprocess(clipColours),
  place: { module: import.meta.url, name: "clip" }
}

const clipBounds = { ...clipColours, scale: [0.5, 1], ratio, flip: 0.5 } as const

/**
 * Images of Twitter15 and Sarcasm at training time, without RandAugment: a crop of 50 % to 100 % of the area, and a
 * flip with probability ½.
 */
export const clipCrops: Augmentation<Tensor.Tensor<"float32">> = {
  ...augmentation(clipBounds),
  place: { module: import.meta.url, name: "clipCrops" }
}

/** As `clipCrops`, with two operations of RandAugment. */
export const clipChanges: Augmentation<Tensor.Tensor<"float32">> = {
  ...augmentation({ ...clipBounds, changes: RandAugment.standard }),
  place: { module: import.meta.url, name: "clipChanges" }
}

/** As `clipChanges`, with the released code's operations, whose values overflow. */
export const clipReleased: Augmentation<Tensor.Tensor<"float32">> = {
  ...augmentation({ ...clipBounds, changes: { ...RandAugment.standard, compat: ["values run over"] } }),
  place: { module: import.meta.url, name: "clipReleased" }
}
