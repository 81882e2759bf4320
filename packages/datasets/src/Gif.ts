/**
 * The first frame of a GIF, as a picture of its own. PIL shows pixels that a GIF calls transparent in the colour of
 * their index, and what the frame leaves uncovered in the colour of the transparent index, or else of index 0; libvips
 * makes both black. So the frame is handed on without transparency, on a canvas of its own size.
 */

interface Size {
  readonly width: number
  readonly height: number
}

/** A frame taken out of its canvas. */
export interface Frame {
  /** A GIF of this frame alone, opaque. */
  readonly frame: Uint8Array
  /** The size of the whole picture. */
  readonly canvas: Size
  /** Where in the picture the frame lies. */
  readonly place: { readonly top: number; readonly left: number }
  /** The colour (R, G, B) of what it leaves uncovered. */
  readonly fill: ReadonlyArray<number>
}

const tableLength = (packed: number): number => ((packed & 0x80) === 0 ? 0 : 3 * 2 ** ((packed & 7) + 1))

/** The first frame of the bytes of a GIF. Throws an `Error` when there is none. */
export const firstFrame = (bytes: Uint8Array): Frame => {
  const frame = Uint8Array.from(bytes)
  const view = new DataView(frame.buffer)
  const byte = (at: number): number => {
    if (at >= frame.length) throw new Error("it ends before its first frame")
    return frame[at]!
  }
  const globalLength = tableLength(byte(10))
  let at = 13 + globalLength
  let transparent: number | undefined
  while (byte(at) !== 0x2c) {
    const kind = byte(at++)
    if (kind === 0x3b) throw new Error("it has no frame")
    if (kind !== 0x21) continue
    if (byte(at++) === 0xf9 && byte(at) >= 4) {
      transparent = (byte(at + 1) & 1) === 1 ? byte(at + 4) : undefined
      frame[at + 1]! &= ~1
    }
    while (byte(at) !== 0) at += byte(at) + 1
    at++
  }
  byte(at + 9)
  const [left, top, width, height] = [1, 3, 5, 7].map((offset) => view.getUint16(at + offset, true)) as [
    number,
    number,
    number,
    number
  ]
  const canvas = {
    width: Math.max(view.getUint16(6, true), left + width),
    height: Math.max(view.getUint16(8, true), top + height)
  }
  const localLength = tableLength(byte(at + 9))
  const [start, length] = localLength > 0 ? [at + 10, localLength] : [13, globalLength]
  const index = transparent ?? 0
  const colour = length === 0 ? [index, index, index] : [...frame.subarray(start, start + length)].slice(3 * index)
  const fill = [colour[0] ?? 0, colour[1] ?? 0, colour[2] ?? 0]
  view.setUint16(6, width, true)
  view.setUint16(8, height, true)
  view.setUint32(at + 1, 0)
  return { frame, canvas, place: { top, left }, fill }
}
