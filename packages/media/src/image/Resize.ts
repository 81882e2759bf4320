/**
 * Resizing as Pillow does it, bit for bit: each output pixel is a weighted mean of input pixels, along one axis and
 * then along the other, rounded to 8 bits after each pass.
 *
 * The functions are pure. A part of the input can be resized as if it had been cropped before, and a window of the
 * output can be computed without the rest; neither copies pixels, and rows that no output needs are not touched.
 */
import * as Kernels from "../Kernels.ts"
import { kernels } from "../Kernels.ts"
import type { Picture } from "./Picture.ts"
import { type Filter, needed, type Range, type Weights, weightsOf as compute } from "./ResizeWeights.ts"

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
 * The axis that is resized first, which affects the rounding and clipping between the passes. Pillow up to 11 resizes
 * along rows first; Pillow 13 along columns first if the height loses more than twice as many pixels as the width.
 */
export type Order = "rows-first" | "pillow-13"

/** The number of bytes of a picture that are resized at a time, at least one row. */
const STRIP = 1 << 20

/** Pixels in temporary memory, at an address in the memory of `Kernels`. */
export type Lent = Omit<Picture, "data"> & { readonly at: number }

/** A picture whose pixels may be in temporary memory. */
export type Source = Picture | Lent

/** Packs a part of a picture row by row at an address, or gives its own address if it is packed already. */
const packed = (picture: Source, { top, left, height, width: columns }: Box, at: number): number => {
  const { width, channels } = picture
  const length = columns * channels
  if ("at" in picture && columns === width) return picture.at + top * length
  const data = "at" in picture ? Kernels.bytes(picture.at, picture.height * width * channels) : picture.data
  const to = Kernels.bytes(at, height * length)
  if (columns === width) to.set(data.subarray(top * length, (top + height) * length))
  else {
    for (let y = 0; y < height; y++) {
      const from = ((top + y) * width + left) * channels
      to.set(data.subarray(from, from + length), y * length)
    }
  }
  return at
}

/**
 * Resizes along rows: computes the columns `xs` of `rows` rows, starting at `top` and `left` of the picture, and writes
 * them to an address.
 */
const alongRows = (
  picture: Source,
  { top, left, rows }: { readonly top: number; readonly left: number; readonly rows: number },
  axis: Weights,
  xs: Range,
  to: number
): Lent => {
  const { channels } = picture
  const { pairs, start, paired } = axis
  const width = xs[1] - xs[0]
  const [first, last] = needed(axis, xs)
  const stride = (last - first) * channels
  const strip = Math.min(rows, Math.max(1, Math.floor(STRIP / stride)))
  // The kernel reads beyond the rows, which may lie before these regions: the weights are longer than that.
  const [from, starts, table] = Kernels.regions(strip * stride, 4 * width, 8 * width * pairs)
  Kernels.put(starts, start.subarray(...xs))
  Kernels.put(table, paired.subarray(4 * xs[0] * pairs, 4 * xs[1] * pairs))
  for (let y = 0; y < rows; y += strip) {
    const height = Math.min(strip, rows - y)
    const at = packed(picture, { top: top + y, left: left + first, height, width: last - first }, from)
    const base = at - first * channels
    kernels.alongRows(base, stride, height, channels, starts, table, pairs, width, to + y * width * channels)
  }
  return { height: rows, width, channels, at: to }
}

/**
 * Resizes along columns: computes the rows `ys` of `columns` columns, starting at `top` and `left` of the picture, and
 * writes them to an address.
 */
const alongColumns = (
  picture: Source,
  { top, left, columns }: { readonly top: number; readonly left: number; readonly columns: number },
  axis: Weights,
  ys: Range,
  to: number
): Lent => {
  const { channels } = picture
  const { taps, start, count, weights } = axis
  const length = columns * channels
  const most = Math.max(taps, Math.floor(STRIP / length))
  const [from, starts, counts, table] = Kernels.regions(
    Math.min(most, picture.height) * length,
    start.byteLength,
    count.byteLength,
    weights.byteLength
  )
  Kernels.put(starts, start)
  Kernels.put(counts, count)
  Kernels.put(table, weights)
  for (let y = ys[0], end = y; y < ys[1]; y = end) {
    const first = start[y]!
    const last = Math.min(needed(axis, ys)[1], first + most)
    while (end < ys[1] && start[end]! + count[end]! <= last) end++
    const at = packed(picture, { top: top + first, left, height: last - first, width: columns }, from)
    const row = to + (y - ys[0]) * length
    const base = at - first * length
    kernels.alongColumns(base, length, starts + 4 * y, counts + 4 * y, table + 4 * y * taps, taps, end - y, row)
  }
  return { height: ys[1] - ys[0], width: columns, channels, at: to }
}

const columnsFirst = (box: Size, size: Size, order: Order): boolean =>
  order === "pillow-13" && size.height < box.height && box.height - size.height > 2 * (box.width - size.width)

const part = (
  picture: Source,
  box: Box,
  size: Size,
  filter: Filter,
  order: Order,
  ys: Range,
  xs: Range,
  to: number,
  weightsOf: typeof compute
): Lent => {
  const { channels } = picture
  const vertical = weightsOf(filter, box.height, size.height)
  const horizontal = weightsOf(filter, box.width, size.width)
  // 0 − first, since −first is a negative zero where first is 0, which would make floating point of every index.
  if (columnsFirst(box, size, order)) {
    const [first, last] = needed(horizontal, xs)
    const rows = ys[1] - ys[0]
    const from = { top: box.top, left: box.left + first, columns: last - first }
    return Kernels.hold(rows * (last - first) * channels, (at) => {
      const between = alongColumns(picture, from, vertical, ys, at)
      return alongRows(between, { top: 0, left: 0 - first, rows }, horizontal, xs, to)
    })
  }
  const [first, last] = needed(vertical, ys)
  const columns = xs[1] - xs[0]
  const from = { top: box.top + first, left: box.left, rows: last - first }
  return Kernels.hold((last - first) * columns * channels, (at) => {
    const between = alongRows(picture, from, horizontal, xs, at)
    return alongColumns(between, { top: 0 - first, left: 0, columns }, vertical, ys, to)
  })
}

const whole = ({ height, width }: Size): Box => ({ top: 0, left: 0, height, width })

/**
 * Options of a resize: the part of the picture, the window of the result, and the order of the passes. By default the
 * whole picture and the whole result.
 */
export interface Options {
  readonly box?: Box
  readonly window?: Box
  readonly order?: Order
  /** Gives the weights of an axis, for example from a cache; by default they are computed. */
  readonly weightsOf?: typeof compute
}

/**
 * Resizes a picture and gives the result of a function on it. The resized pixels are only valid while that function
 * runs. Parts of the window outside the result are black.
 */
export const resized = <A>(
  picture: Source,
  size: Size,
  filter: Filter,
  options: Options,
  use: (seen: Source) => A
): A => {
  const { box = whole(picture), window = whole(size), order = "pillow-13", weightsOf = compute } = options
  const { channels } = picture
  const ys: Range = [Math.max(0, window.top), Math.min(size.height, window.top + window.height)]
  const xs: Range = [Math.max(0, window.left), Math.min(size.width, window.left + window.width)]
  const [rows, columns] = [Math.max(0, ys[1] - ys[0]), Math.max(0, xs[1] - xs[0])]
  const length = columns * channels
  return Kernels.hold(rows * length, (to) => {
    if (rows * columns > 0) part(picture, box, size, filter, order, ys, xs, to, weightsOf)
    if (rows === window.height && columns === window.width) {
      return use({ height: rows, width: columns, channels, at: to })
    }
    const data = new Uint8Array(window.height * window.width * channels)
    for (let y = 0; y < rows; y++) {
      const start = ((ys[0] - window.top + y) * window.width + xs[0] - window.left) * channels
      data.set(Kernels.bytes(to + y * length, length), start)
    }
    return use({ height: window.height, width: window.width, channels, data })
  })
}

/** Resizes a picture to a size. */
export const resize = (picture: Source, size: Size, filter: Filter, options: Options = {}): Picture =>
  resized(picture, size, filter, options, kept)

/** Copies a picture out of temporary memory, if it is there. */
export const kept = (picture: Source): Picture => {
  if (!("at" in picture)) return picture
  const { height, width, channels, at } = picture
  return { height, width, channels, data: Kernels.bytes(at, height * width * channels).slice() }
}

/** The size whose shorter side is `shorter` and whose other side is in proportion, rounded down, as in torchvision. */
export const toShorter = ({ height, width }: Size, shorter: number): Size => {
  const longer = Math.trunc((shorter * Math.max(height, width)) / Math.min(height, width))
  return width <= height ? { height: longer, width: shorter } : { height: shorter, width: longer }
}
