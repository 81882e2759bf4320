/**
 * Resizing of 8-bit frames as OpenCV's `resize` does it by default (INTER_LINEAR): each pixel between its four nearest ones,
 * without smoothing before, in fixed point with 11 bits, as the films of NVGesture are brought to squares.
 */

/** For each place of the result: the first of two source places, and the weights of both, of 2048. */
interface Axis {
  readonly first: Int32Array
  readonly second: Int32Array
  readonly weights: Int32Array
}

const ONE = 2048

/** Rounding to the nearest integer, halves to the even one. */
const round = (x: number): number => {
  const below = Math.floor(x)
  return x - below === 0.5 ? below + (below % 2) : Math.round(x)
}

/** At an edge, columns take the outermost one alone; rows mix it with itself, which can make them one less. */
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

/** A part of the resized frame: rows from `top` and columns from `left`, `size` of each. */
export interface Window {
  readonly top: number
  readonly left: number
  readonly size: number
}

/** Writes part of a row of the source, resized, times 128: channel after channel. */
const along = (
  data: Uint8Array,
  line: number,
  { first, second, weights }: Axis,
  { left, size }: Window,
  out: Int32Array,
  channels: 1 | 3
) => {
  for (let x = 0, i = left; x < size; x++, i++) {
    const a = weights[2 * i]!
    const b = weights[2 * i + 1]!
    const p = line + first[i]! * channels
    const q = line + second[i]! * channels
    out[x] = (data[p]! * a + data[q]! * b) >> 4
    if (channels === 1) continue
    // Written out, this takes half the time of a loop.
    out[size + x] = (data[p + 1]! * a + data[q + 1]! * b) >> 4
    out[2 * size + x] = (data[p + 2]! * a + data[q + 2]! * b) >> 4
  }
}

/** Where a window goes: for each channel, what each of the 256 values becomes, and the place of its first number. */
export interface Target {
  readonly values: ReadonlyArray<Float32Array>
  readonly out: Float32Array
  readonly starts: ReadonlyArray<number>
}

/** Resizes frames of one size, whose channels lie side by side, to squares of a side, and writes a window of them. */
export const resizer = (width: number, height: number, channels: 1 | 3, side: number) => {
  const xs = axis(width, side, false)
  const ys = axis(height, side, true)
  return (data: Uint8Array, window: Window, { values, out, starts }: Target): void => {
    const { top, size } = window
    let upper = new Int32Array(size * channels)
    let lower = new Int32Array(size * channels)
    let [above, below] = [-1, -1]
    for (let y = 0; y < size; y++) {
      const [p, q] = [ys.first[top + y]!, ys.second[top + y]!]
      // What was the lower row is often the upper one now.
      if (p !== above && p === below) [upper, lower, above, below] = [lower, upper, below, above]
      if (p !== above) along(data, p * width * channels, xs, window, upper, channels)
      if (q !== below) along(data, q * width * channels, xs, window, lower, channels)
      above = p
      below = q
      const weights = [ys.weights[2 * (top + y)]!, ys.weights[2 * (top + y) + 1]!] as const
      for (let c = 0; c < channels; c++)
        mix(upper, lower, c * size, size, weights, values[c]!, out, starts[c]! + y * size)
    }
  }
}

/** Writes what becomes of the pixels between two rows of one channel. */
const mix = (
  upper: Int32Array,
  lower: Int32Array,
  from: number,
  count: number,
  [a, b]: readonly [number, number],
  values: Float32Array,
  out: Float32Array,
  to: number
) => {
  for (let x = 0; x < count; x++) {
    const sum = (Math.imul(a, upper[from + x]!) >> 16) + (Math.imul(b, lower[from + x]!) >> 16)
    out[to + x] = values[(sum + 2) >> 2]!
  }
}
