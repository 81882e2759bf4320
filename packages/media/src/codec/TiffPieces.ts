/**
 * Checks the strips or tiles of a TIFF page against its size. libvips fills missing data arbitrarily or searches for it
 * endlessly, and PIL reads on behind a piece that is too short; so a page is only read if its pieces are exactly those
 * that it needs.
 */
import type { Ifd } from "./Ifd.ts"

const TAGS = {
  width: 256,
  height: 257,
  stripOffsets: 273,
  rows: 278,
  stripLengths: 279,
  tileWidth: 322,
  tileHeight: 323,
  tileOffsets: 324,
  tileLengths: 325
} as const

/** The properties of a page that determine the lengths of its pieces. */
export interface Samples {
  readonly bits: number
  readonly count: number
  readonly isPlanar: boolean
  readonly isPacked: boolean
}

/** Tells if all pieces of a page are there and, unless they are compressed, long enough. */
export const fit = ({ entries }: Ifd, file: Uint8Array, { bits, count, isPlanar, isPacked }: Samples): boolean => {
  const numbers = (tag: number) => entries.get(tag)?.numbers ?? []
  const first = (tag: number, otherwise = 0) => numbers(tag)[0] ?? otherwise
  const [width, height] = [first(TAGS.width), first(TAGS.height)]
  const isTiled = [TAGS.tileWidth, TAGS.tileHeight, TAGS.tileOffsets, TAGS.tileLengths].some((tag) => entries.has(tag))
  if (isTiled && (entries.has(TAGS.stripOffsets) || entries.has(TAGS.stripLengths))) return false
  const rows = Math.min(height, first(TAGS.rows, height))
  const [wide, high] = isTiled ? [first(TAGS.tileWidth), first(TAGS.tileHeight)] : [width, rows]
  if (![width, height, wide, high].every((side) => Number.isInteger(side) && side > 0)) return false
  const down = Math.ceil(height / high)
  const pieces = Math.ceil(width / wide) * down
  const offsets = numbers(isTiled ? TAGS.tileOffsets : TAGS.stripOffsets)
  const lengths = numbers(isTiled ? TAGS.tileLengths : TAGS.stripLengths)
  const planes = isPlanar ? count : 1
  if (offsets.length !== pieces * planes || lengths.length !== offsets.length) return false
  const row = Math.ceil((wide * bits * (isPlanar ? 1 : count)) / 8)
  const places = [...entries.values()].map(({ at }) => at)
  const [directory, end] = [Math.min(...places), Math.max(...places) + 12]
  return offsets.every((offset, i) => {
    const isLast = !isTiled && i % pieces === down - 1
    const needed = isPacked ? 1 : row * (isLast ? height - high * (down - 1) : high)
    // Writers leave a length wrong that nobody needs; of a tile the library needs it.
    const after = offset + (isPacked || isTiled ? lengths[i]! : needed)
    return lengths[i]! >= needed && after <= file.length && (after <= directory || offset >= end)
  })
}
