/**
 * Reads the first image file directory (IFD) of a TIFF, a list of tags with values, which is also the format of an Exif
 * block. As in PIL, tags whose values lie outside the file are left out, and so is everything after a truncation.
 */

/** A tag's entry in the directory. */
interface Entry {
  readonly type: number
  /** The values, if the type is numeric; empty for text and bytes. */
  readonly numbers: ReadonlyArray<number>
  /** The bytes, if the type is text or bytes. */
  readonly bytes: Uint8Array
  /** The offset in the file of the entry's twelve bytes. */
  readonly at: number
}

/** An image file directory: its tags. */
export interface Ifd {
  readonly isLittle: boolean
  /** `false` if the directory is truncated. */
  readonly isWhole: boolean
  readonly entries: ReadonlyMap<number, Entry>
}

/** The maximal number of values of a tag that are read; the tags that matter here have fewer. */
const MOST = 1 << 20

type Reader = (view: DataView, at: number, isLittle: boolean) => number

const ratio =
  (part: Reader): Reader =>
  (view, at, isLittle) =>
    part(view, at, isLittle) / part(view, at + 4, isLittle)
const uint32: Reader = (view, at, isLittle) => view.getUint32(at, isLittle)
const int32: Reader = (view, at, isLittle) => view.getInt32(at, isLittle)

/** For each TIFF type the size of a value in bytes and its reader; types without a reader are kept as bytes. */
const TYPES = new Map<number, readonly [bytes: number, read?: Reader]>([
  [1, [1]],
  [2, [1]],
  [3, [2, (view, at, isLittle) => view.getUint16(at, isLittle)]],
  [4, [4, uint32]],
  [5, [8, ratio(uint32)]],
  [6, [1, (view, at) => view.getInt8(at)]],
  [7, [1]],
  [8, [2, (view, at, isLittle) => view.getInt16(at, isLittle)]],
  [9, [4, int32]],
  [10, [8, ratio(int32)]],
  [11, [4, (view, at, isLittle) => view.getFloat32(at, isLittle)]],
  [12, [8, (view, at, isLittle) => view.getFloat64(at, isLittle)]],
  [13, [4, uint32]],
  [16, [8, (view, at, isLittle) => Number(view.getBigUint64(at, isLittle))]]
])

/** Reads the byte order and the tags; undefined if the bytes are no TIFF or Exif block. */
export const read = (bytes: Uint8Array): Ifd | undefined => {
  if (bytes.length < 8) return undefined
  const head = String.fromCharCode(...bytes.subarray(0, 4))
  if (!/^(II\x2a\0|II\0\x2a|MM\0[\x2a\x2b]|MM\x2a\0)/.test(head)) return undefined
  const isLittle = head.startsWith("II")
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const entries = new Map<number, Entry>()
  const start = view.getUint32(4, isLittle)
  let isWhole = start + 2 <= bytes.length
  const count = isWhole ? view.getUint16(start, isLittle) : 0
  const cut = (end: number): boolean => {
    if (end > bytes.length) isWhole = false
    return end > bytes.length
  }
  for (let i = 0, outside = 0; i < count; i++) {
    const at = start + 2 + 12 * i
    if (cut(at + 12)) break
    const tag = view.getUint16(at, isLittle)
    const type = view.getUint16(at + 2, isLittle)
    const [size, reader] = TYPES.get(type) ?? [0]
    const length = size * view.getUint32(at + 4, isLittle)
    if (entries.has(tag) || length === 0) continue
    const from = length > 4 ? view.getUint32(at + 8, isLittle) : at + 8
    if (length > 4) {
      outside += length
      if (cut(outside)) continue
      if (cut(from + length)) break
    }
    const numbers =
      reader === undefined
        ? []
        : Array.from({ length: Math.min(length / size, MOST) }, (_, k) => reader(view, from + size * k, isLittle))
    entries.set(tag, { type, numbers, bytes: bytes.subarray(from, from + length), at })
  }
  return { isLittle, isWhole, entries }
}
