/**
 * Resizes 8-bit frames as OpenCV's `resize` does by default (INTER_LINEAR): bilinear interpolation of the four nearest
 * pixels without antialiasing, in fixed point with 11 bits, as NVGesture's films are brought to squares.
 */
import * as Kernels from "../Kernels.ts"
import { kernels } from "../Kernels.ts"
import { round } from "./Rounding.ts"

/** The two source positions of each output position, and their weights in units of 1/2048. */
interface Axis {
  readonly first: Int32Array
  readonly second: Int32Array
  readonly weights: Int32Array
}

const ONE = 2048

/**
 * Computes an axis. At a border, columns take the outermost pixel alone; rows mix it with itself, which can make it one
 * less by rounding.
 */
const axis = (from: number, to: number, isRows: boolean): Axis => {
  const first = new Int32Array(to)
  const second = new Int32Array(to)
  const weights = new Int32Array(2 * to)
  for (let i = 0; i < to; i++) {
    const at = Math.fround((i + 0.5) * (from / to) - 0.5)
    const place = Math.floor(at)
    const isInside = place >= 0 && place < from - 1
    const share = isInside || isRows ? Math.fround(at - place) : 0
    first[i] = Math.max(0, Math.min(from - 1, place))
    second[i] = Math.max(0, Math.min(from - 1, place + 1))
    weights[2 * i] = round(Math.fround(1 - share) * ONE)
    weights[2 * i + 1] = round(share * ONE)
  }
  return { first, second, weights }
}

/** A square part of the resized frame: `size` rows from `top` on, and `size` columns from `left` on. */
export interface Window {
  readonly top: number
  readonly left: number
  readonly size: number
}

/**
 * The destination of a window: for each channel a table of the outputs for the 256 pixel values, and the offset of the
 * channel's plane in `out`.
 */
export interface Target {
  readonly values: ReadonlyArray<Float32Array>
  readonly out: Float32Array
  readonly starts: ReadonlyArray<number>
}

/**
 * Creates a function that resizes frames of one size, with interleaved channels, to squares of a side, and writes a
 * window of them.
 */
export const resizer = (width: number, height: number, channels: 1 | 3, side: number) => {
  const xs = axis(width, side, false)
  const ys = axis(height, side, true)
  return (data: Uint8Array, { top, left, size }: Window, { values, out, starts }: Target): void => {
    const line = width * channels
    // Rows are made by fours of numbers, of which the last may lie beyond.
    const plane = 4 * size * size + 16
    const [from, first, second, weights, table, one, other, to] = Kernels.regions(
      height * line,
      4 * size,
      4 * size,
      8 * size,
      1024 * channels,
      4 * size * channels,
      4 * size * channels,
      plane * channels
    )
    Kernels.put(from, data)
    Kernels.put(first, xs.first.subarray(left, left + size))
    Kernels.put(second, xs.second.subarray(left, left + size))
    Kernels.put(weights, xs.weights.subarray(2 * left, 2 * (left + size)))
    values.forEach((each, c) => Kernels.put(table + 1024 * c, each))
    const along = (row: number, at: number) =>
      kernels.between(from + row * line, channels, first, second, weights, size, at)
    let [upper, lower] = [one, other]
    let [above, below] = [-1, -1]
    for (let y = 0; y < size; y++) {
      const [p, q] = [ys.first[top + y]!, ys.second[top + y]!]
      // What was the lower row is often the upper one now.
      if (p !== above && p === below) [upper, lower, above, below] = [lower, upper, below, above]
      if (p !== above) along(p, upper)
      if (q !== below) along(q, lower)
      above = p
      below = q
      const [a, b] = [ys.weights[2 * (top + y)]!, ys.weights[2 * (top + y) + 1]!]
      for (let c = 0; c < channels; c++) {
        const row = 4 * c * size
        kernels.mixed(upper + row, lower + row, a, b, size, table + 1024 * c, to + c * plane + 4 * y * size)
      }
    }
    starts.forEach((start, c) => out.set(Kernels.floats(to + c * plane, size * size), start))
  }
}
