/**
 * Reads the first page of a TIFF: determines the kind of its samples and converts them to RGB as PIL does. libvips
 * converts colours, inverts greys and interprets palettes differently; so it gets the file with tags that declare plain
 * grey or RGB samples, and the conversion happens here. Kinds that are not listed are refused, as PIL refuses most of
 * them.
 */
import type { Sharp } from "sharp"
import * as Ifd from "./Ifd.ts"
import { Refusal } from "./Refusal.ts"
import * as TiffPieces from "./TiffPieces.ts"

/** The samples of a page: pixels row by row, `channels` samples per pixel. */
export interface Samples {
  readonly channels: number
  readonly data: Uint8Array | Uint16Array | Float32Array
}

/** A parsed page. */
export interface Page {
  /** The file to give to libvips. */
  readonly file: Uint8Array
  /** Configures libvips to output the raw samples. */
  readonly raw: (image: Sharp) => Sharp
  readonly depth: "uchar" | "ushort" | "float"
  /** Converts samples to RGB pixels. */
  readonly rgb: (samples: Samples) => Uint8Array
}

const TAGS = {
  bits: 258,
  compression: 259,
  photometric: 262,
  fill: 266,
  orientation: 274,
  samples: 277,
  planes: 284,
  colours: 320,
  tile: 322,
  extra: 338,
  format: 339,
  subsampling: 530
} as const

/** Supported compressions: none, CCITT (three kinds), LZW, JPEG, deflate, PackBits, and deflate's old number. */
const COMPRESSIONS = new Set([1, 2, 3, 4, 5, 7, 8, 32773, 32946])
const JPEG = 7

const NAMES = new Map([
  [0, "grey, white being 0"],
  [1, "grey"],
  [2, "RGB"],
  [3, "palette"],
  [5, "CMYK"],
  [6, "YCbCr"],
  [8, "CIELAB"]
])

const clipped = (value: number): number => (value <= 0 ? 0 : value >= 255 ? 255 : value)

/** Creates a converter to RGB from a function of each pixel. */
const each =
  (paint: (data: Samples["data"], from: number, out: Uint8Array, to: number) => void) =>
  ({ channels, data }: Samples): Uint8Array => {
    const out = new Uint8Array((data.length / channels) * 3)
    for (let from = 0, to = 0; to < out.length; from += channels, to += 3) paint(data, from, out, to)
    return out
  }

/** Clips grey samples to 0 … 255, those of 16 bits too, and truncates fractions. */
const grey = each((data, from, out, to) => out.fill(clipped(data[from]!), to, to + 3))

/** Takes the first three samples; 16-bit samples keep their upper byte. */
const colour = (shift: number) =>
  each((data, from, out, to) => {
    for (let c = 0; c < 3; c++) out[to + c] = data[from + c]! >> shift
  })

/** Divides colours by the alpha by which they were multiplied; 0 where alpha is 0. */
const premultiplied = (shift: number) =>
  each((data, from, out, to) => {
    const alpha = data[from + 3]! >> shift
    if (alpha === 0) return
    for (let c = 0; c < 3; c++) out[to + c] = Math.min(255, Math.floor(((data[from + c]! >> shift) * 255) / alpha))
  })

/** CMYK to RGB by PIL's formula: white − round(ink · white / 255), where white = 255 − K. */
const inks = (shift: number) =>
  each((data, from, out, to) => {
    const white = 255 - (data[from + 3]! >> shift)
    for (let c = 0; c < 3; c++) {
      const scaled = (data[from + c]! >> shift) * white + 128
      out[to + c] = white - ((scaled + (scaled >> 8)) >> 8)
    }
  })

/** Converts 8-bit CMYK pixels (0: no ink) to RGB. */
export const ofCmyk = (data: Uint8Array): Uint8Array => inks(0)({ channels: 4, data })

/** (value − 128) · factor in units of 1/64, as in PIL's tables. */
const part = (value: number, factor: number): number => Math.trunc((value - 128) * factor * 64 + 0.5)

/** Converts JFIF's YCbCr to RGB. */
const differences = each((data, from, out, to) => {
  const [y, blue, red] = [data[from]!, data[from + 1]!, data[from + 2]!]
  out[to] = clipped(y + (part(red, 1.402) >> 6))
  out[to + 1] = clipped(y + ((part(blue, -0.34414) + part(red, -0.71414)) >> 6))
  out[to + 2] = clipped(y + (part(blue, 1.772) >> 6))
})

/** Looks up palette colours, whose 16-bit values keep their upper byte; an index without a colour is black. */
const looked = (colours: ReadonlyArray<number>, bits: number) => {
  const length = Math.floor(colours.length / 3)
  return each((data, from, out, to) => {
    // Samples of less than 8 bits come spread over all 8.
    const index = data[from]! >> (8 - bits)
    for (let c = 0; c < 3; c++) out[to + c] = index < length ? colours[c * length + index]! >> 8 : 0
  })
}

/** A copy of a file with changed values of tags that have a single number. */
const saying = (file: Uint8Array, { isLittle, entries }: Ifd.Ifd, tags: ReadonlyArray<readonly [number, number]>) => {
  const out = Uint8Array.from(file)
  const view = new DataView(out.buffer)
  for (const [tag, value] of tags) {
    const at = entries.get(tag)?.at
    if (at === undefined) continue
    view.setUint16(at + 2, 3, isLittle)
    view.setUint32(at + 4, 1, isLittle)
    view.setUint32(at + 8, 0)
    view.setUint16(at + 8, value, isLittle)
  }
  return out
}

/** The tags of a directory that determine the meaning of its samples. */
const about = (ifd: Ifd.Ifd) => {
  const numbers = (tag: number, otherwise: ReadonlyArray<number>) => ifd.entries.get(tag)?.numbers ?? otherwise
  const first = (tag: number, otherwise: number) => numbers(tag, [otherwise])[0] ?? otherwise
  const count = first(TAGS.samples, 1)
  const bits = numbers(TAGS.bits, [1])
  const formats = numbers(TAGS.format, [1])
  const isSame = (of: ReadonlyArray<number>) => of.every((one) => one === of[0])
  return {
    isLittle: ifd.isLittle,
    // Of several, none is.
    photometric: numbers(TAGS.photometric, []).length === 1 ? first(TAGS.photometric, -1) : -1,
    bits: isSame(bits.slice(0, count)) && (bits.length === 1 || bits.length >= count) ? bits[0]! : 0,
    format: isSame(formats) ? formats[0]! : 0,
    count,
    extra: numbers(TAGS.extra, []),
    compression: first(TAGS.compression, 1),
    isPlanar: first(TAGS.planes, 1) === 2,
    isTiled: ifd.entries.has(TAGS.tile),
    fill: first(TAGS.fill, 1),
    subsampling: numbers(TAGS.subsampling, [2, 2]),
    colours: numbers(TAGS.colours, [])
  }
}
type About = ReturnType<typeof about>

/**
 * A supported kind of samples: their conversion to RGB, and the photometric interpretation that libvips shall assume
 * (the file's own if absent).
 */
type Kind = { readonly rgb: Page["rgb"]; readonly as?: 1 | 2 }

const kindOf = (of: About): Kind | undefined => {
  const { bits, compression, count, extra, fill, format, isLittle, isPlanar, isTiled, photometric } = of
  const shift = bits - 8
  const isPlain = format === 1
  const has = (...wanted: ReadonlyArray<number>) => wanted.join() === extra.join()
  const isSpare = extra.every((one) => one === 0)
  // PIL reads a single plane as if it lacked what follows the first letter of its kind's name.
  if (isPlanar && count === 1 && !(photometric === 1 && bits === 8)) return undefined
  if (isPlanar && count > 1) {
    // PIL takes planes of 16 bits for planes of 8 bits where they are not compressed.
    const isRead = compression === 1 ? bits === 8 && !has(1) : !has() || count < 4 || photometric === 5
    if (!isRead || isTiled || count > 4 || photometric === 6) return undefined
  }
  if ((photometric === 0 || photometric === 1) && count === 1 && has()) {
    if (isPlain && [1, 2, 4, 8].includes(bits)) return { rgb: grey }
    if (isPlain && bits === 16 && (photometric === 1 || isLittle) && (fill === 1 || photometric === 1)) {
      return { rgb: grey, as: 1 }
    }
    if (format === 3 && bits === 32 && fill === 1 && (compression === 1 || isLittle)) return { rgb: grey, as: 1 }
    return undefined
  }
  if (!isPlain) return undefined
  if (photometric === 1 && count === 2 && bits === 8 && !isPlanar && (has(0) || has(2))) return { rgb: grey }
  if (photometric === 2 && (bits === 8 || bits === 16)) {
    if (count === 3 && has()) return { rgb: colour(shift) }
    if (count === 4 && (has() || has(0) || has(2) || (bits === 8 && has(999)))) return { rgb: colour(shift) }
    if (count === 4 && has(1)) return { rgb: premultiplied(shift) }
    if (count === 5 && bits === 8 && (has(0, 0) || has(2, 0))) return { rgb: colour(0) }
  }
  if (photometric === 3 && of.colours.length > 0) {
    if (of.colours.every((value) => value < 256) && of.colours.some((value) => value > 0)) {
      throw new Refusal("this TIFF image has a palette of 8 bits where 16 are meant, whose colours PIL makes black")
    }
    const isRead = count === 1 ? has() && [1, 2, 4, 8].includes(bits) : count === 2 && bits === 8 && (has(0) || has(2))
    return isRead && !isPlanar ? { rgb: looked(of.colours, bits), as: 1 } : undefined
  }
  if (photometric === 5 && (bits === 8 || bits === 16)) {
    if (count === 4 && has()) return { rgb: inks(shift), ...(compression === JPEG ? {} : { as: 2 }) }
    if (count === 5 && bits === 8 && isSpare && extra.length === 1) return { rgb: inks(0), as: 2 }
  }
  if (photometric === 6 && count === 3 && bits === 8 && has()) {
    if (compression === 1) return { rgb: differences, as: 2 }
    if (compression === JPEG || of.subsampling.some((one) => one !== 1)) return { rgb: colour(0) }
  }
  return undefined
}

/** Describes the kind of samples in words, for errors. */
const words = ({ bits, count, extra, format, isPlanar, isTiled, photometric }: About): string => {
  const kind = NAMES.get(photometric) ?? (photometric < 0 ? "of no named colours" : `colours of kind ${photometric}`)
  const more = extra.length === 0 ? "" : `, extra samples ${extra.join()}`
  const of = ["unknown", "whole", "signed", "fractional"][format] ?? "unknown"
  return `${kind}, ${count} × ${bits} bits, ${of} numbers${more}${isPlanar ? ", in planes" : ""}${isTiled ? ", in tiles" : ""}`
}

/** Parses the first page of a file. Throws a `Refusal` if its kind is not supported. */
export const page = (file: Uint8Array): Page => {
  const ifd = Ifd.read(file)
  if (ifd === undefined || !ifd.isWhole) {
    throw new Refusal("this TIFF image is truncated or damaged (its directory is cut off)")
  }
  const of = about(ifd)
  if (!COMPRESSIONS.has(of.compression)) {
    throw new Refusal(`this TIFF image is compressed in a way that is not read (${of.compression})`)
  }
  const kind = kindOf(of)
  if (kind === undefined) throw new Refusal(`this TIFF image has samples of a kind that is not read: ${words(of)}`)
  if (!TiffPieces.fit(ifd, file, { ...of, isPacked: of.compression !== 1 })) {
    throw new Refusal("this TIFF image is truncated or damaged (its strips or tiles are not those of its size)")
  }
  const depth = of.format === 3 ? "float" : of.bits === 16 ? "ushort" : "uchar"
  const isWide = depth === "ushort"
  const isGrey = of.count < 3
  const raw = (image: Sharp) =>
    of.photometric === 5 && kind.as === undefined
      ? image.pipelineColourspace("cmyk").toColourspace("cmyk").raw()
      : image.toColourspace(isGrey ? (isWide ? "grey16" : "b-w") : isWide ? "rgb16" : "srgb").raw({ depth })
  return {
    file: saying(file, ifd, [
      [TAGS.orientation, 1],
      // Otherwise the library divides by alpha, and rounds as it likes.
      ...(of.extra[0] === 1 ? [[TAGS.extra, 2] as const] : []),
      ...(kind.as === undefined || kind.as === of.photometric ? [] : [[TAGS.photometric, kind.as] as const])
    ]),
    raw,
    depth,
    rgb: kind.rgb
  }
}
