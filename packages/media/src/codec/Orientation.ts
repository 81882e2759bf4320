/**
 * The orientation of an image: read from its Exif block, or else from its XMP, at the places where PIL looks for them,
 * and applied to its pixels as `ImageOps.exif_transpose` does.
 */
import { inflateSync } from "node:zlib"
import * as Ifd from "./Ifd.ts"
import type { Format } from "../image/Raster.ts"
import { Refusal } from "./Refusal.ts"

/** The metadata blocks of a file. */
interface Notes {
  readonly exif?: Uint8Array | undefined
  readonly xmp?: Uint8Array | undefined
}

const TAG = 274
const HEAD = "Exif\0\0"
const ADOBE = "http://ns.adobe.com/xap/1.0/\0"

const latin = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1")
const bytesOf = (text: string): Uint8Array => Buffer.from(text, "latin1")

/** Concatenates all Exif blocks and takes the last XMP block, before the scan. */
const ofJpeg = (file: Uint8Array): Notes => {
  const exif: Array<string> = []
  let xmp: Uint8Array | undefined
  for (let at = 2; at + 4 <= file.length && file[at] === 0xff;) {
    const marker = file[at + 1]!
    if (marker === 0xff) {
      at++
      continue
    }
    if (marker === 0xda || marker === 0xd9) break
    const end = at + 2 + ((file[at + 2]! << 8) | file[at + 3]!)
    if (marker === 0xe1) {
      const text = latin(file.subarray(at + 4, end))
      if (text.startsWith(HEAD)) exif.push(exif.length === 0 ? text : text.slice(HEAD.length))
      else if (text.startsWith(ADOBE)) xmp = bytesOf(text.slice(ADOBE.length))
    }
    at = end
  }
  return { exif: exif.length === 0 ? undefined : bytesOf(exif.join("")), xmp }
}

/** The maximal size in bytes of a compressed text after decompression. */
const LONGEST = 1 << 20

const unpacked = (bytes: Uint8Array): string => {
  try {
    return latin(inflateSync(bytes, { maxOutputLength: LONGEST }))
  } catch (cause) {
    if (cause instanceof RangeError) throw new Refusal("this PNG image has a text that unpacks to more than a megabyte")
    return ""
  }
}

/** Parses a text chunk of a PNG: its keyword and a function that gives its text. */
const textOf = (kind: string, body: string): readonly [key: string, text: () => string] | undefined => {
  const [, key, rest] = /^([^\0]*)\0?([^]*)$/.exec(body)!
  if (kind === "tEXt") return [key!, () => rest!]
  if (kind === "zTXt") return [key!, () => unpacked(bytesOf(rest!.slice(1)))]
  const parts = /^([^])\0[^\0]*\0[^\0]*\0([^]*)$/.exec(rest!)
  if (kind !== "iTXt" || parts === null) return undefined
  return [key!, () => (parts[1] === "\0" ? parts[2]! : unpacked(bytesOf(parts[2]!)))]
}

/**
 * Takes the last block of each kind from all chunks, also from those after the pixels; of an animation, from those of
 * its first frame.
 */
const ofPng = (file: Uint8Array): Notes => {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  let [exif, profile, xmp]: Array<Uint8Array | undefined> = []
  let [isAnimated, hasPixels] = [false, false]
  for (let at = 8; at + 8 <= file.length;) {
    const length = view.getUint32(at)
    const kind = latin(file.subarray(at + 4, at + 8))
    const body = file.subarray(at + 8, at + 8 + length)
    if (body.length < length || kind === "IEND" || (kind === "fcTL" && isAnimated && hasPixels)) break
    at += 12 + length
    isAnimated ||= kind === "acTL"
    hasPixels ||= kind === "IDAT"
    if (kind === "eXIf") exif = bytesOf(HEAD + latin(body))
    const text = /^(tEXt|zTXt|iTXt)$/.test(kind) ? textOf(kind, latin(body)) : undefined
    if (text === undefined) continue
    const [key, said] = text
    if (key === "exif" && kind === "tEXt") exif = bytesOf(said())
    if (key === "XML:com.adobe.xmp") xmp = bytesOf(said())
    if (key === "Raw profile type exif") {
      const digits = said().split("\n").slice(3).join("").replace(/\s/g, "")
      if (/[^0-9a-f]/i.test(digits) || digits.length % 2 === 1) throw damaged("PNG")
      profile = Buffer.from(digits, "hex")
    }
  }
  return { exif: exif ?? profile, xmp }
}

const [HAS_EXIF, HAS_XMP] = [8, 4]

/** Takes the first block of each kind that the header chunk announces. */
const ofWebp = (file: Uint8Array): Notes => {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const announced = latin(file.subarray(12, 16)) === "VP8X" ? file[20]! : 0
  let [exif, xmp]: Array<Uint8Array | undefined> = []
  for (let at = 12; at + 8 <= file.length;) {
    const length = view.getUint32(at + 4, true)
    const kind = latin(file.subarray(at, at + 4))
    const body = file.subarray(at + 8, at + 8 + length)
    if (kind === "EXIF" && body.length > 0 && (announced & HAS_EXIF) !== 0) exif ??= body
    if (kind === "XMP " && (announced & HAS_XMP) !== 0) xmp ??= body
    at += 8 + length + (length % 2)
  }
  return { exif, xmp }
}

const damaged = (format: Format) => new Refusal(`this ${format} image has an Exif block that is damaged`)

const NOTES = { JPEG: ofJpeg, PNG: ofPng, WebP: ofWebp, GIF: (): Notes => ({}) } as const

/** Removes the prefix of an Exif block, which may be there once or twice. */
const blockOf = (exif: Uint8Array | undefined): Uint8Array =>
  exif === undefined ? new Uint8Array() : bytesOf(latin(exif).replace(/^(Exif\0\0){1,2}/, ""))

/** The orientation, from 1 (upright) to 8. Throws a `Refusal` if the Exif block cannot be read. */
export const of = (format: Format, file: Uint8Array): number => {
  const notes = format === "TIFF" ? undefined : NOTES[format](file)
  const block = notes === undefined ? file : blockOf(notes.exif)
  const tags = Ifd.read(block)?.entries
  if (tags === undefined && block.length > 0) {
    // PIL meets a damaged block of a JPEG when it looks for its resolution, and forgets it.
    if (format === "JPEG") return 1
    throw damaged(format)
  }
  const xmp = notes === undefined ? tags?.get(700)?.bytes : notes.xmp
  const entry = tags?.get(TAG)
  const said =
    entry !== undefined ? entry.numbers[0] : Number((xmp && /tiff:Orientation(?:="|>)([0-9])/.exec(latin(xmp)))?.[1])
  return said !== undefined && Number.isInteger(said) && said >= 1 && said <= 8 ? said : 1
}

/** Applies an orientation to RGB pixels. */
export const turned = (
  { width, height, data }: { readonly width: number; readonly height: number; readonly data: Uint8Array },
  orientation: number
) => {
  const isAcross = orientation >= 5
  const [isLeft, isUp] = [[2, 3, 7, 8].includes(orientation), [3, 4, 6, 7].includes(orientation)]
  const out = { width: isAcross ? height : width, height: isAcross ? width : height, data: new Uint8Array(data.length) }
  for (let y = 0, to = 0; y < out.height; y++) {
    for (let x = 0; x < out.width; x++, to += 3) {
      const [column, row] = isAcross ? [y, x] : [x, y]
      const from = 3 * ((isUp ? height - 1 - row : row) * width + (isLeft ? width - 1 - column : column))
      out.data[to] = data[from]!
      out.data[to + 1] = data[from + 1]!
      out.data[to + 2] = data[from + 2]!
    }
  }
  return out
}
