/**
 * Extracts the first frame of a GIF as an image of its own. PIL shows transparent pixels in the colour of their index,
 * the area outside the frame in the colour of the transparent index or else of index 0, and a GIF without a colour
 * table in greys; libvips decides all of these differently. So the frame is passed on without transparency, on a canvas
 * of its own size, and with a table of 256 colours.
 */
import * as GifCodes from "./GifCodes.ts"
import { Refusal } from "./Refusal.ts"

interface Size {
  readonly width: number
  readonly height: number
}

/** The first frame, without the canvas around it. */
export interface Frame {
  /** An opaque GIF of this frame alone. */
  readonly frame: Uint8Array
  /** The size of the whole image. */
  readonly canvas: Size
  /** The frame's position in the image. */
  readonly place: { readonly top: number; readonly left: number }
  /** The colour (R, G, B) of the image outside the frame. */
  readonly fill: Uint8Array
}

const HEADER = 13
const COLOURS = 256

const tableLength = (packed: number): number => ((packed & 0x80) === 0 ? 0 : 3 * 2 ** ((packed & 7) + 1))

/** Tells if a colour table maps each index to the grey of that value: PIL treats such a table as absent. */
const isRamp = (colours: Uint8Array): boolean => colours.every((value, i) => value === Math.floor(i / 3))

/** Extracts the first frame from the bytes of a GIF. Throws a `Refusal` if there is none. */
export const firstFrame = (bytes: Uint8Array): Frame => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const byte = (at: number): number => {
    if (at >= bytes.length) throw new Refusal("this GIF image is truncated or damaged (it ends before its first frame)")
    return bytes[at]!
  }
  /** The position after a sequence of data sub-blocks. */
  const after = (at: number): number => {
    while (byte(at) !== 0) at += byte(at) + 1
    return at + 1
  }
  const globalLength = tableLength(byte(10))
  let at = HEADER + globalLength
  let transparent = 0
  while (byte(at) !== 0x2c) {
    const kind = byte(at++)
    if (kind === 0x3b) throw new Refusal("this GIF image has no frame")
    if (kind !== 0x21) continue
    if (byte(at++) === 0xf9 && byte(at) >= 4 && (byte(at + 1) & 1) === 1) transparent = byte(at + 4)
    at = after(at)
  }
  byte(at + 9)
  const word = (offset: number) => view.getUint16(at + offset, true)
  const [left, top, width, height, packed] = [word(1), word(3), word(5), word(7), byte(at + 9)]
  const canvas = {
    width: Math.max(view.getUint16(6, true), left + width),
    height: Math.max(view.getUint16(8, true), top + height)
  }
  const localLength = tableLength(packed)
  const tables = [bytes.subarray(at + 10, at + 10 + localLength), bytes.subarray(HEADER, HEADER + globalLength)]
  const own = tables.find((colours) => !isRamp(colours))
  const table = Uint8Array.from({ length: 3 * COLOURS }, (_, i) =>
    own === undefined ? Math.floor(i / 3) : (own[i] ?? 0)
  )
  const codes = at + 10 + localLength
  if (byte(codes) === 0 || byte(codes) > 11) {
    throw new Refusal(`this GIF image is truncated or damaged (its codes have ${byte(codes)} bits)`)
  }
  if (GifCodes.pixels(byte(codes), bytes.subarray(codes + 1)) < width * height) {
    throw new Refusal("this GIF image is truncated or damaged (its codes end before its last pixel)")
  }
  let end = codes + 1
  while (end < bytes.length && bytes[end] !== 0) end += bytes[end]! + 1
  const data = bytes.subarray(codes, end + 1)

  const frame = new Uint8Array(HEADER + table.length + 10 + data.length + 1)
  const out = new DataView(frame.buffer)
  frame.set(bytes.subarray(0, 6))
  frame[10] = 0xf7
  frame.set(table, HEADER)
  const place = HEADER + table.length
  frame[place] = 0x2c
  for (const [offset, value] of [6, 8, place + 5, place + 7].entries()) {
    out.setUint16(value, offset % 2 === 0 ? width : height, true)
  }
  frame[place + 9] = packed & 0x40
  frame.set(data, place + 10)
  if (end < bytes.length) frame[frame.length - 1] = 0x3b
  return { frame, canvas, place: { top, left }, fill: table.slice(3 * transparent, 3 * transparent + 3) }
}
