/**
 * The random augmentation with which the released code trains on Twitter15 and Sarcasm, after RandAugment (Cubuk et
 * al., 2020): a number of operations drawn from ten, each applied with a probability, all at one magnitude from 0 to
 * 10.
 *
 * Operations are those of the released code. Two of them overflow 8 bits there: AutoContrast turns a picture white if
 * its darkest value is not 0, since it negates that value in 8 bits, and Sharpness wraps values above 255 around to 0.
 * With `compat` they do so here as well; otherwise values are clipped, as in PIL.
 */
import { Keyed } from "@igm/tensor"
import type { Picture } from "./Picture.ts"
import { round } from "./Rounding.ts"

const OPERATIONS = [
  "Identity",
  "AutoContrast",
  "Equalize",
  "Brightness",
  "Sharpness",
  "ShearX",
  "ShearY",
  "TranslateX",
  "TranslateY",
  "Rotate"
] as const

/** An operation on a picture. */
export type Operation = (typeof OPERATIONS)[number]

/**
 * All parameters: the number of operations, the probability that each is applied, their magnitude, and the accidents of
 * the released code to reproduce.
 */
export type Settings = {
  readonly operations: number
  readonly probability: number
  readonly level: number
  readonly compat: ReadonlyArray<"values run over">
}

/** Two operations of magnitude 7, each applied with probability ½. */
export const standard: Settings = { operations: 2, probability: 0.5, level: 7, compat: [] }

/** An operation and its amount: a factor, an offset in pixels, or an angle in degrees, depending on the operation. */
export interface Change {
  readonly operation: Operation
  readonly amount: number
}

/** The absolute amount of an operation; its sign is drawn. */
const amountOf = (operation: Operation, level: number): number => {
  switch (operation) {
    case "Brightness":
    case "Sharpness":
      return (level / 10) * 1.8 + 0.1
    case "ShearX":
    case "ShearY":
      return (level / 10) * 0.3
    case "TranslateX":
    case "TranslateY":
      return level
    case "Rotate":
      return (level / 10) * 30
    default:
      return 0
  }
}

const isSigned = (operation: Operation) => /^(Shear|Translate|Rotate)/.test(operation)

/** Draws changes from a stream; equal streams give equal changes. */
export const draw = ({ operations, probability, level }: Settings, stream: Keyed.Stream): ReadonlyArray<Change> =>
  Array.from({ length: operations }, () => {
    const operation = OPERATIONS[Keyed.below(stream, OPERATIONS.length)]!
    const isDone = stream.uniform() < probability
    const isNegative = stream.uniform() < 0.5
    const amount = amountOf(operation, level)
    return isDone ? [{ operation, amount: isSigned(operation) && isNegative ? -amount : amount }] : []
  }).flat()

/** Maps each channel by a lookup table of its own. */
const mapped = (picture: Picture, tableOf: (counts: Uint32Array) => ArrayLike<number>): Picture => {
  const { channels, data } = picture
  const out = new Uint8Array(data.length)
  for (let c = 0; c < channels; c++) {
    const counts = new Uint32Array(256)
    for (let i = c; i < data.length; i += channels) counts[data[i]!]!++
    const table = tableOf(counts)
    for (let i = c; i < data.length; i += channels) out[i] = table[data[i]!]!
  }
  return { ...picture, data: out }
}

const clip = (x: number) => Math.max(0, Math.min(255, Math.trunc(x)))
const table = (of: (value: number) => number) => Uint8Array.from({ length: 256 }, (_, value) => of(value))

/** Stretches each channel's values to 0 … 255. */
const autoContrast = (picture: Picture, runsOver: boolean): Picture =>
  mapped(picture, (counts) => {
    const low = counts.findIndex((count) => count > 0)
    const high = counts.findLastIndex((count) => count > 0)
    if (high <= low) return table((value) => value)
    const scale = 255 / (high - low)
    const offset = (runsOver ? (256 - low) % 256 : -low) * scale
    return table((value) => clip(value * scale + offset))
  })

/** Equalizes the histogram of each channel, as PIL does. */
const equalize = (picture: Picture): Picture =>
  mapped(picture, (counts) => {
    const total = counts.reduce((a, b) => a + b, 0)
    const step = Math.floor((total - counts[counts.findLastIndex((count) => count > 0)]!) / 255)
    if (step === 0) return table((value) => value)
    let sum = Math.floor(step / 2)
    return table((value) => {
      if (value > 0) sum += counts[value - 1]!
      return clip(Math.floor(sum / step))
    })
  })

const brightness = (picture: Picture, factor: number): Picture =>
  mapped(picture, () => table((value) => clip(Math.fround(value * Math.fround(factor)))))

/**
 * Moves each pixel away from, or towards, the weighted mean of its 3 × 3 neighbourhood, in which the pixel itself has
 * weight 5 and the others 1; border pixels are unchanged.
 */
const sharpness = (picture: Picture, factor: number, runsOver: boolean): Picture => {
  const { width, height, channels, data } = picture
  const out = Uint8Array.from(data)
  const line = width * channels
  const by = Math.fround(factor)
  for (let y = 1; y + 1 < height; y++) {
    for (let i = y * line + channels; i < (y + 1) * line - channels; i++) {
      let sum = 4 * data[i]!
      for (let row = i - line; row <= i + line; row += line) {
        sum += data[row - channels]! + data[row]! + data[row + channels]!
      }
      const smooth = round(sum / 13)
      const value = Math.fround(smooth + Math.fround(by * (data[i]! - smooth)))
      out[i] = runsOver ? Math.trunc(value) & 255 : clip(value)
    }
  }
  return { ...picture, data: out }
}

/** The grey value outside a picture. */
const FILL = 128

/**
 * Applies an affine transform with bilinear interpolation: the result's pixel (x, y) is the given picture's value at (a
 * x + b y + c, d x + e y + f).
 */
const moved = (
  picture: Picture,
  [a, b, c, d, e, f]: readonly [number, number, number, number, number, number]
): Picture => {
  const { width, height, channels, data } = picture
  const out = new Uint8Array(data.length)
  const at = (x: number, y: number, channel: number) =>
    x >= 0 && x < width && y >= 0 && y < height ? data[(y * width + x) * channels + channel]! : FILL
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const u = a * x + b * y + c
      const v = d * x + e * y + f
      const left = Math.floor(u)
      const top = Math.floor(v)
      const [s, t] = [u - left, v - top]
      for (let channel = 0; channel < channels; channel++) {
        const upper = at(left, top, channel) * (1 - s) + at(left + 1, top, channel) * s
        const lower = at(left, top + 1, channel) * (1 - s) + at(left + 1, top + 1, channel) * s
        out[i++] = round(upper * (1 - t) + lower * t)
      }
    }
  }
  return { ...picture, data: out }
}

/** Rotates a picture around its centre, counterclockwise by an angle in degrees. */
const rotated = (picture: Picture, degrees: number): Picture => {
  const [x, y] = [picture.width / 2, picture.height / 2]
  const cos = Math.cos((degrees * Math.PI) / 180)
  const sin = Math.sin((degrees * Math.PI) / 180)
  return moved(picture, [cos, -sin, x - cos * x + sin * y, sin, cos, y - sin * x - cos * y])
}

const changed = (picture: Picture, { operation, amount }: Change, runsOver: boolean): Picture => {
  switch (operation) {
    case "Identity":
      return picture
    case "AutoContrast":
      return autoContrast(picture, runsOver)
    case "Equalize":
      return equalize(picture)
    case "Brightness":
      return brightness(picture, amount)
    case "Sharpness":
      return sharpness(picture, amount, runsOver)
    case "ShearX":
      return moved(picture, [1, -amount, 0, 0, 1, 0])
    case "ShearY":
      return moved(picture, [1, 0, 0, -amount, 1, 0])
    case "TranslateX":
      return moved(picture, [1, 0, amount, 0, 1, 0])
    case "TranslateY":
      return moved(picture, [1, 0, 0, 0, 1, amount])
    case "Rotate":
      return rotated(picture, amount)
  }
}

/** Applies changes to a picture, one after the other. */
export const apply = (
  picture: Picture,
  changes: ReadonlyArray<Change>,
  { compat }: Pick<Settings, "compat">
): Picture => changes.reduce((of, change) => changed(of, change, compat.includes("values run over")), picture)
