/**
 * Detects image formats by the first bytes of a file and never by its name. Only the formats listed here are given to
 * libvips: it would also render vector graphics, and open formats that are not meant for frames.
 */
import { Effect, FileSystem } from "effect"
import type { Sharp, SharpOptions } from "sharp"
import { Refusal } from "../codec/Refusal.ts"
import * as Tiff from "../codec/Tiff.ts"
import { MediaError } from "../Errors.ts"
import * as Libvips from "./Libvips.ts"

/** A supported format. */
export type Format = "JPEG" | "PNG" | "WebP" | "GIF" | "TIFF"

/** The default limit of the number of pixels: the number at which PIL warns of a decompression bomb. */
export const LIMIT = 178_956_970

const READ = "a JPEG, PNG, WebP, GIF or TIFF image"

/** Tells if a file is of a format, given its first bytes as a Latin-1 text. */
type Test = (text: string) => boolean

const starts =
  (...heads: ReadonlyArray<string>): Test =>
  (text) =>
    heads.some((head) => text.startsWith(head))
const matches =
  (pattern: RegExp): Test =>
  (text) =>
    pattern.test(text)
/** Tests for a file of the ISO base media format with one of some brands. */
const isBrand =
  (...brands: ReadonlyArray<string>): Test =>
  (text) =>
    brands.some((brand) => text.startsWith(`ftyp${brand}`, 4))

const FORMATS: ReadonlyArray<readonly [Format, Test]> = [
  ["JPEG", starts("\xff\xd8\xff")],
  ["PNG", starts("\x89PNG\r\n\x1a\n")],
  ["GIF", starts("GIF87a", "GIF89a")],
  ["WebP", (text) => text.startsWith("RIFF") && text.startsWith("WEBP", 8)],
  ["TIFF", starts("II\x2a\0", "MM\0\x2a")]
]

/**
 * The beginning of a text file before its first element: byte-order mark, white space, XML declaration, comments and
 * document type, all optional.
 */
const PROLOG = /^(?:\xef\xbb\xbf)?(?:\s|<\?[^]*?\?>|<!--[^]*?-->|<!DOCTYPE(?:[^[>]|\[[^\]]*\])*>)*/i

/** Other formats, which are recognised only for error messages. */
const OTHERS: ReadonlyArray<readonly [string, Test]> = [
  ["an SVG drawing", matches(/^<(?:\w+:)?svg[\s>/]/i)],
  ["an HTML page", matches(/^<(?:html|head|body)[\s>]/i)],
  ["an XML document", matches(/^(?:\xef\xbb\xbf)?\s*<\?xml/i)],
  ["a PDF document", matches(/^\s*%PDF-/)],
  ["a PostScript document", starts("%!PS", "\xc5\xd0\xd3\xc6")],
  ["a file packed by gzip", starts("\x1f\x8b")],
  ["a zip archive", starts("PK\x03\x04")],
  ["a BigTIFF image", starts("II\x2b\0", "MM\0\x2b")],
  ["a BMP image", (text) => text.startsWith("BM") && text.length > 26],
  ["an AVIF image", isBrand("avif", "avis")],
  ["a HEIF image", isBrand("hei", "hev", "mif1", "msf1")],
  ["a JPEG 2000 image", starts("\0\0\0\x0cjP  ", "\xff\x4f\xff\x51")],
  ["a JPEG XL image", starts("\xff\x0a", "\0\0\0\x0cJXL ")],
  ["an AppleDouble file of a Mac", starts("\0\x05\x16\x07")]
]

const textOf = (bytes: Uint8Array, length: number) => Buffer.from(bytes.subarray(0, length)).toString("latin1")

/** The format of a file. Throws a `Refusal` that names the format of an unsupported file. */
export const formatOf = (bytes: Uint8Array): Format => {
  if (bytes.length === 0) throw new Refusal("this file is empty")
  const head = textOf(bytes, 16)
  const found = FORMATS.find(([, test]) => test(head))
  if (found !== undefined) return found[0]
  const text = textOf(bytes, 4096)
  const parts = [text, text.replace(PROLOG, "")]
  const other = OTHERS.find(([, test]) => parts.some(test))
  throw new Refusal(other === undefined ? `this is not ${READ}` : `this is ${other[0]}, and not ${READ}`)
}

/** Opens bytes that are known to be of a supported format with libvips. Limits the number of pixels. */
export const trusted = (bytes: Uint8Array, options: SharpOptions = {}): Sharp =>
  Libvips.open()(bytes, { limitInputPixels: LIMIT, ...options })

/** Opens the bytes of any file with libvips. Throws a `Refusal` unless their format and kind are supported. */
export const open = (bytes: Uint8Array, options: SharpOptions = {}): Sharp => {
  if (formatOf(bytes) === "TIFF") Tiff.page(bytes)
  return trusted(bytes, options)
}

/** Tells if libvips refused an image for its number of pixels. */
export const isTooLarge = (cause: unknown): boolean => /exceeds pixel limit/.test((cause as Error).message)

/**
 * Reads an image file and gives the result of `make` on its bytes; errors that `make` throws become a `MediaError` of
 * the file.
 */
export const use = Effect.fn("Raster.use")(function* <A>(
  path: string,
  problem: string,
  make: (bytes: Uint8Array) => Promise<A>
) {
  const fs = yield* FileSystem.FileSystem
  const bytes = yield* fs
    .readFile(path)
    .pipe(Effect.mapError((cause) => new MediaError({ path, problem: "this image cannot be read", cause })))
  const problemOf = (cause: unknown): string => {
    if (cause instanceof Refusal) return cause.message
    return isTooLarge(cause) ? `this image has more than ${LIMIT} pixels` : problem
  }
  return yield* Effect.tryPromise({
    try: async () => make(bytes),
    catch: (cause) => new MediaError({ path, problem: problemOf(cause), cause })
  })
})
