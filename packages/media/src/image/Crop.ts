/**
 * The box of a crop: central, or random as torchvision's `RandomResizedCrop`. Random crops are drawn from a keyed
 * stream, so that a replay draws the same ones.
 */
import { Keyed } from "@igm/tensor"
import type { Box, Size } from "./Resize.ts"
import { round } from "./Rounding.ts"

/** Bounds of the crop's share of the area and of its ratio of width to height. */
export type Bounds = {
  readonly scale: readonly [number, number]
  readonly ratio: readonly [number, number]
}

/** The central box. It may be larger than the picture; if the excess is odd, the end has one pixel more. */
export const centre = (of: Size, size: Size): Box => {
  const start = (whole: number, part: number) =>
    part > whole ? -Math.floor((part - whole) / 2) : round((whole - part) / 2)
  return { ...size, top: start(of.height, size.height), left: start(of.width, size.width) }
}

/**
 * A random box: area uniform in `scale`, the logarithm of width / height uniform in that of `ratio`, then a uniform
 * position. After ten draws that do not fit, the central box, cut to the nearest allowed ratio.
 */
export const random = (stream: Keyed.Stream, { height, width }: Size, { scale, ratio }: Bounds): Box => {
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = height * width * Keyed.between(stream, ...scale)
    const aspect = Math.exp(Keyed.between(stream, Math.log(ratio[0]), Math.log(ratio[1])))
    const w = round(Math.sqrt(area * aspect))
    const h = round(Math.sqrt(area / aspect))
    if (w > 0 && w <= width && h > 0 && h <= height) {
      const top = Keyed.below(stream, height - h + 1)
      return { top, left: Keyed.below(stream, width - w + 1), height: h, width: w }
    }
  }
  const whole = width / height
  const h = whole < ratio[0] ? round(width / ratio[0]) : height
  const w = whole > ratio[1] ? round(height * ratio[1]) : width
  return { top: Math.floor((height - h) / 2), left: Math.floor((width - w) / 2), height: h, width: w }
}
