/**
 * Which part of a picture is taken: the middle, or a random part as torchvision's `RandomResizedCrop` draws it, from a
 * keyed stream, so that a replay sees the same parts.
 */
import { Keyed } from "@igm/tensor"
import type { Box, Size } from "./Resize.ts"
import { round } from "./Rounding.ts"

/** A share of the area and a ratio of width to height, each from … to. */
export type Bounds = {
  readonly scale: readonly [number, number]
  readonly ratio: readonly [number, number]
}

/** The middle of a picture. Where it is larger than the picture it reaches beyond it, by one more at the end if odd. */
export const centre = (of: Size, size: Size): Box => {
  const start = (whole: number, part: number) =>
    part > whole ? -Math.floor((part - whole) / 2) : round((whole - part) / 2)
  return { ...size, top: start(of.height, size.height), left: start(of.width, size.width) }
}

/**
 * A random part: area uniform in `scale`, the logarithm of width / height uniform in that of `ratio`, then a uniform
 * place. After ten draws that do not fit, the middle, cut to the nearest ratio allowed.
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
