/**
 * Resizing as Pillow does it, to the bit: each output pixel is a weighted mean of input pixels, along one axis and then
 * along the other, rounded to 8 bits after each pass.
 *
 * The functions are pure. A part of the input can be resized as if it had been cut out before, and a part of the output
 * can be computed without the rest; neither copies pixels, and rows that no output needs are not touched.
 */
import { Memory } from "@igm/tensor"
import * as Kernels from "./Kernels.ts"
import { kernels } from "./Kernels.ts"
import type { Picture } from "./Picture.ts"
import { type Filter, type Range, type Weights, needed, weightsOf } from "./ResizeWeights.ts"

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

/** Bytes of a picture that are resized at a time, where a row is no more. */
const STRIP = 1 << 20

/** A part of a picture, put at an address, row after row. */
const pack = ({ data, width, channels }: Picture, { top, left, height, width: columns }: Box, at: number): void => {
  const length = columns * channels
  const to = Kernels.bytes(at, height * length)
  if (columns === width) return to.set(data.subarray(top * length, (top + height) * length))
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * width + left) * channels
    to.set(data.subarray(from, from + length), y * length)
  }
}

/** The columns `xs` of `rows` rows resized along, whose first pixel is at `top` and `left` of the picture. */
const alongRows = (
  picture: Picture,
  { top, left, rows }: { readonly top: number; readonly left: number; readonly rows: number },
  axis: Weights,
  xs: Range
): Picture => {
  const { channels } = picture
  const { taps, start, count, weights } = axis
  const width = xs[1] - xs[0]
  const [first, last] = needed(axis, xs)
  const stride = (last - first) * channels
  const strip = Math.min(rows, Math.max(1, Math.floor(STRIP / stride)))
  const length = width * channels
  const data = new Uint8Array(rows * length)
  const [from, starts, counts, table, to] = Kernels.regions(
    strip * stride,
    4 * width,
    4 * width,
    4 * width * taps,
    strip * length
  )
  Kernels.put(starts, start.subarray(...xs))
  Kernels.put(counts, count.subarray(...xs))
  Kernels.put(table, weights.subarray(xs[0] * taps, xs[1] * taps))
  for (let y = 0; y < rows; y += strip) {
    const height = Math.min(strip, rows - y)
    pack(picture, { top: top + y, left: left + first, height, width: last - first }, from)
    kernels.alongRows(from - first * channels, stride, height, channels, starts, counts, table, taps, width, to)
    data.set(Kernels.bytes(to, height * length), y * length)
  }
  return { height: rows, width, channels, data }
}

/** The rows `ys` of `columns` columns resized along, whose first pixel is at `top` and `left` of the picture. */
const alongColumns = (
  picture: Picture,
  { top, left, columns }: { readonly top: number; readonly left: number; readonly columns: number },
  axis: Weights,
  ys: Range
): Picture => {
  const { channels } = picture
  const { taps, start, count, weights } = axis
  const length = columns * channels
  const most = Math.max(taps, Math.floor(STRIP / length))
  const data = new Uint8Array((ys[1] - ys[0]) * length)
  const [from, table, to] = Kernels.regions(most * length, weights.byteLength, length)
  Kernels.put(table, weights)
  for (let y = ys[0], [first, last] = [0, 0]; y < ys[1]; y++) {
    if (start[y]! + count[y]! > last) {
      first = start[y]!
      last = Math.min(needed(axis, ys)[1], first + most)
      pack(picture, { top: top + first, left, height: last - first, width: columns }, from)
    }
    kernels.acrossRows(from + (start[y]! - first) * length, length, count[y]!, table + 4 * y * taps, length, to)
    data.set(Kernels.bytes(to, length), (y - ys[0]) * length)
  }
  return { height: ys[1] - ys[0], width: columns, channels, data }
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
    Memory.release(between.data)
    return out
  }
  const [first, last] = needed(vertical, ys)
  const from = { top: box.top + first, left: box.left, rows: last - first }
  const between = alongRows(picture, from, horizontal, xs)
  const out = alongColumns(between, { top: 0 - first, left: 0, columns: xs[1] - xs[0] }, vertical, ys)
  Memory.release(between.data)
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
