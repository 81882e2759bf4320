/**
 * Resizing as Pillow does it, to the bit: each output pixel is a weighted mean of the input pixels under a kernel that
 * widens when the picture shrinks (antialiasing), along one axis and then along the other, with weights in fixed point
 * (22 bits) and rounding to 8 bits after each pass. Pixel i covers [i, i + 1), so its centre is i + ½.
 *
 * The functions are pure. A part of the input can be resized as if it had been cut out before, and a part of the output
 * can be computed without the rest; neither copies pixels, and rows that no output needs are not touched.
 */
import type { Picture } from "./Picture.ts"

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

/** The kernel: a triangle of half-width 1, or Keys' cubic convolution with a = −½, of half-width 2. */
export type Filter = "bilinear" | "bicubic"

/**
 * Which axis comes first, which matters to the rounding and clipping between the passes. Pillow up to 12.1 resizes along
 * rows first; Pillow 13 along columns first when the height loses more than twice as many pixels as the width.
 */
export type Order = "rows-first" | "pillow-13"

type Range = readonly [from: number, to: number]

const BITS = 22

const kernels: {
  readonly [F in Filter]: { readonly support: number; readonly weight: (x: number) => number }
} = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: {
    support: 2,
    weight: (signed) => {
      const x = Math.abs(signed)
      if (x < 1) return (1.5 * x - 2.5) * x * x + 1
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0
    }
  }
}

/** How each output pixel along an axis is made: `count` inputs from `start` on, by the weights from `i * taps` on. */
interface Weights {
  readonly taps: number
  readonly start: Int32Array
  readonly count: Int32Array
  readonly weights: Int32Array
}

/** The weights that take `from` pixels to `to`. They sum to 1 before they are rounded to multiples of 2⁻²². */
const makeWeights = (filter: Filter, from: number, to: number): Weights => {
  const { support, weight } = kernels[filter]
  const scale = from / to
  const stretch = Math.max(1, scale)
  const reach = support * stretch
  const taps = Math.ceil(reach) * 2 + 1
  const start = new Int32Array(to)
  const count = new Int32Array(to)
  const weights = new Int32Array(to * taps)
  const row = new Float64Array(taps)
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale
    const first = Math.max(0, Math.trunc(centre - reach + 0.5))
    const n = Math.min(from, Math.trunc(centre + reach + 0.5)) - first
    let sum = 0
    for (let t = 0; t < n; t++) sum += row[t] = weight((t + first - centre + 0.5) * (1 / stretch))
    for (let t = 0; t < n; t++) {
      const fixed = (row[t]! / sum) * 2 ** BITS
      weights[i * taps + t] = Math.trunc(fixed < 0 ? fixed - 0.5 : fixed + 0.5)
    }
    start[i] = first
    count[i] = n
  }
  return { taps, start, count, weights }
}

const REMEMBERED = 256
const remembered = new Map<string, Weights>()

/** The weights of an axis; those used first are forgotten first. */
const weightsOf = (filter: Filter, from: number, to: number): Weights => {
  const key = `${filter} ${from} ${to}`
  const known = remembered.get(key)
  if (known !== undefined) return known
  const made = makeWeights(filter, from, to)
  if (remembered.size >= REMEMBERED) remembered.delete(remembered.keys().next().value!)
  remembered.set(key, made)
  return made
}

const HALF = 1 << (BITS - 1)
const clip = (sum: number): number => {
  const value = sum >> BITS
  return value < 0 ? 0 : value > 255 ? 255 : value
}

/** The columns `from … to` of `rows` rows resized along, whose first pixel is at `top` and `left` of the picture. */
const alongRows = (
  { data, width: stride, channels }: Picture,
  { top, left, rows }: { readonly top: number; readonly left: number; readonly rows: number },
  { taps, start, count, weights }: Weights,
  [from, to]: Range
): Picture => {
  const out = new Uint8Array(rows * (to - from) * channels)
  let at = 0
  for (let y = 0; y < rows; y++) {
    const row = ((top + y) * stride + left) * channels
    for (let x = from; x < to; x++, at += channels) {
      const end = x * taps + count[x]!
      let i = row + start[x]! * channels
      if (channels === 3) {
        let red = HALF
        let green = HALF
        let blue = HALF
        for (let t = x * taps; t < end; t++, i += 3) {
          const weight = weights[t]!
          red = (red + Math.imul(data[i]!, weight)) | 0
          green = (green + Math.imul(data[i + 1]!, weight)) | 0
          blue = (blue + Math.imul(data[i + 2]!, weight)) | 0
        }
        out[at] = clip(red)
        out[at + 1] = clip(green)
        out[at + 2] = clip(blue)
      } else {
        let grey = HALF
        for (let t = x * taps; t < end; t++, i++) grey = (grey + Math.imul(data[i]!, weights[t]!)) | 0
        out[at] = clip(grey)
      }
    }
  }
  return { height: rows, width: to - from, channels, data: out }
}

/** The rows `from … to` of `columns` columns resized along, whose first pixel is at `top` and `left` of the picture. */
const alongColumns = (
  { data, width: stride, channels }: Picture,
  { top, left, columns }: { readonly top: number; readonly left: number; readonly columns: number },
  { taps, start, count, weights }: Weights,
  [from, to]: Range
): Picture => {
  const out = new Uint8Array((to - from) * columns * channels)
  const step = stride * channels
  let at = 0
  for (let y = from; y < to; y++) {
    const end = y * taps + count[y]!
    const first = (top + start[y]!) * step + left * channels
    for (let x = 0; x < columns * channels; x++) {
      let sum = HALF
      for (let t = y * taps, i = first + x; t < end; t++, i += step) sum = (sum + Math.imul(data[i]!, weights[t]!)) | 0
      out[at++] = clip(sum)
    }
  }
  return { height: to - from, width: columns, channels, data: out }
}

/** The inputs that a range of outputs is made of. */
const needed = ({ start, count }: Weights, [from, to]: Range): Range => [start[from]!, start[to - 1]! + count[to - 1]!]

const columnsFirst = (box: Size, size: Size, order: Order): boolean =>
  order === "pillow-13" && size.height < box.height && box.height - size.height > 2 * (box.width - size.width)

const part = (picture: Picture, box: Box, size: Size, filter: Filter, order: Order, ys: Range, xs: Range): Picture => {
  const vertical = weightsOf(filter, box.height, size.height)
  const horizontal = weightsOf(filter, box.width, size.width)
  if (columnsFirst(box, size, order)) {
    const [first, last] = needed(horizontal, xs)
    const from = { top: box.top, left: box.left + first, columns: last - first }
    const between = alongColumns(picture, from, vertical, ys)
    return alongRows(between, { top: 0, left: -first, rows: ys[1] - ys[0] }, horizontal, xs)
  }
  const [first, last] = needed(vertical, ys)
  const from = { top: box.top + first, left: box.left, rows: last - first }
  const between = alongRows(picture, from, horizontal, xs)
  return alongColumns(between, { top: -first, left: 0, columns: xs[1] - xs[0] }, vertical, ys)
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
  const seen = ys[1] > ys[0] && xs[1] > xs[0] ? part(picture, box, size, filter, order, ys, xs) : undefined
  if (seen !== undefined && seen.height === window.height && seen.width === window.width) return seen
  const data = new Uint8Array(window.height * window.width * channels)
  const length = (xs[1] - xs[0]) * channels
  for (let y = 0; seen !== undefined && y < seen.height; y++) {
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
