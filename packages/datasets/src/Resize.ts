/**
 * Resizing as Pillow does it, to the bit: each output pixel is a weighted mean of input pixels, along one axis and then
 * along the other, rounded to 8 bits after each pass.
 *
 * The functions are pure. A part of the input can be resized as if it had been cut out before, and a part of the output
 * can be computed without the rest; neither copies pixels, and rows that no output needs are not touched.
 */
import * as Buffers from "./Buffers.ts"
import type { Picture } from "./Picture.ts"
import { type Filter, type Range, type Weights, needed, weightsOf } from "./ResizeWeights.ts"
import { sumsOf } from "./WeightedSums.ts"

export type { Filter }

/** A size in pixels. */
export interface Size {
  readonly height: number
  readonly width: number
}

/** A rectangle of pixels. */
export interface Box extends Size {
  readonly top: number
  readonly left: number
}

/**
 * Which axis comes first, which matters to the rounding and clipping between the passes. Pillow up to 11 resizes along
 * rows first; Pillow 13 along columns first when the height loses more than twice as many pixels as the width.
 */
export type Order = "rows-first" | "pillow-13"

/** The columns `xs` of `rows` rows resized along, whose first pixel is at `top` and `left` of the picture. */
const alongRows = (
  { data, width: stride, channels }: Picture,
  { top, left, rows }: { readonly top: number; readonly left: number; readonly rows: number },
  { taps, start, count, weights }: Weights,
  [from, to]: Range
): Picture => {
  const width = to - from
  const out = new Uint8Array(rows * width * channels)
  for (let x = from; x < to; x++) {
    const sums = sumsOf(count[x]!)
    const at = (top * stride + left + start[x]!) * channels
    for (let c = 0; c < channels; c++) {
      const put = (x - from) * channels + c
      sums(data, at + c, stride * channels, channels, weights, x * taps, rows, out, put, width * channels)
    }
  }
  return { height: rows, width, channels, data: out }
}

/** The rows `ys` of `columns` columns resized along, whose first pixel is at `top` and `left` of the picture. */
const alongColumns = (
  { data, width: stride, channels }: Picture,
  { top, left, columns }: { readonly top: number; readonly left: number; readonly columns: number },
  { taps, start, count, weights }: Weights,
  [from, to]: Range
): Picture => {
  const length = columns * channels
  const out = new Uint8Array((to - from) * length)
  for (let y = from; y < to; y++) {
    const at = ((top + start[y]!) * stride + left) * channels
    sumsOf(count[y]!)(data, at, 1, stride * channels, weights, y * taps, length, out, (y - from) * length, 1)
  }
  return { height: to - from, width: columns, channels, data: out }
}

const columnsFirst = (box: Size, size: Size, order: Order): boolean =>
  order === "pillow-13" && size.height < box.height && box.height - size.height > 2 * (box.width - size.width)

const part = (picture: Picture, box: Box, size: Size, filter: Filter, order: Order, ys: Range, xs: Range): Picture => {
  const vertical = weightsOf(filter, box.height, size.height)
  const horizontal = weightsOf(filter, box.width, size.width)
  // 0 − first, since −first is a negative zero where first is 0, which would make floating point of every index.
  if (columnsFirst(box, size, order)) {
    const [first, last] = needed(horizontal, xs)
    const from = { top: box.top, left: box.left + first, columns: last - first }
    const between = alongColumns(picture, from, vertical, ys)
    const out = alongRows(between, { top: 0, left: 0 - first, rows: ys[1] - ys[0] }, horizontal, xs)
    Buffers.release(between.data)
    return out
  }
  const [first, last] = needed(vertical, ys)
  const from = { top: box.top + first, left: box.left, rows: last - first }
  const between = alongRows(picture, from, horizontal, xs)
  const out = alongColumns(between, { top: 0 - first, left: 0, columns: xs[1] - xs[0] }, vertical, ys)
  Buffers.release(between.data)
  return out
}

const whole = ({ height, width }: Size): Box => ({ top: 0, left: 0, height, width })

/** What else a resize may say: the part of the picture, the part of the result, and the order; by default all of both. */
export interface Options {
  readonly box?: Box
  readonly window?: Box
  readonly order?: Order
}

/** The picture resized to a size. What of the window lies outside of the result is black. */
export const resize = (picture: Picture, size: Size, filter: Filter, options: Options = {}): Picture => {
  const { box = whole(picture), window = whole(size), order = "pillow-13" } = options
  const { channels } = picture
  const ys: Range = [Math.max(0, window.top), Math.min(size.height, window.top + window.height)]
  const xs: Range = [Math.max(0, window.left), Math.min(size.width, window.left + window.width)]
  const isSeen = ys[1] > ys[0] && xs[1] > xs[0]
  const seen = isSeen
    ? part(picture, box, size, filter, order, ys, xs)
    : { height: 0, width: 0, channels, data: new Uint8Array() }
  if (seen.height === window.height && seen.width === window.width) return seen
  const data = new Uint8Array(window.height * window.width * channels)
  const length = seen.width * channels
  for (let y = 0; y < seen.height; y++) {
    const to = ((ys[0] - window.top + y) * window.width + xs[0] - window.left) * channels
    data.set(seen.data.subarray(y * length, (y + 1) * length), to)
  }
  return { height: window.height, width: window.width, channels, data }
}

/** The size with a shorter side of `shorter` and the other side in proportion, rounded down, as torchvision has it. */
export const toShorter = ({ height, width }: Size, shorter: number): Size => {
  const longer = Math.trunc((shorter * Math.max(height, width)) / Math.min(height, width))
  return width <= height ? { height: longer, width: shorter } : { height: shorter, width: longer }
}
