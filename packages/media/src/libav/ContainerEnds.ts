/**
 * Finds the end of a container file from the lengths that it declares: the chunks of AVI, the tags of FLV, the boxes of
 * MP4, the pages of Ogg. Bytes after the last part that do not begin as another part would are not part of the file.
 */
import * as Riff from "../audio/Riff.ts"

/** Random access to a file's bytes. */
export interface Bytes {
  readonly size: number
  /** Reads `count` bytes at a position, fewer at the end of the file. */
  readonly at: (place: number, count: number) => Buffer
}

/**
 * Computes the end of a file's last part, which is beyond the file's size if it is truncated; "open" if a required last
 * part is missing.
 */
export type End = (file: Bytes) => number | "open"

export const text = (bytes: Buffer, from: number, to: number): string => bytes.toString("latin1", from, to)

/** Tolerance, in bytes, of the declared length of a whole AVI: some writers include its header or a padding byte. */
const SLACK = 8

/** Chunk names: lists of chunks, an index, and the chunks of a stream, which begin with its number. */
const CHUNK = /^(LIST|RIFF|JUNK|idx1|ix\d\d|\d\d[a-z]{2})$/

/**
 * Walks the chunks of a RIFF, where chunks that contain others may leave their lengths open. Gives the position after
 * the last one, and whether there is an index.
 */
const chunks = (
  { size, at }: Bytes,
  from: number,
  to: number
): { readonly end: number; readonly hasIndex: boolean } => {
  let hasIndex = false
  for (let place = from; ;) {
    const head = at(place, 8)
    const name = text(head, 0, 4)
    if (place >= to || head.length < 8 || !CHUNK.test(name)) return { end: place, hasIndex }
    const length = head.readUInt32LE(4)
    if ((name === "LIST" || name === "RIFF") && Riff.isUnknown(length)) {
      place += 12
      continue
    }
    const end = place + 8 + length
    if (end > size) return { end, hasIndex }
    hasIndex ||= name === "idx1"
    place = Math.min(end + (length % 2), size)
  }
}

/** The end of an AVI: a sequence of RIFF chunks, several if the file is large. */
export const avi: End = (file) => {
  const { size, at } = file
  for (let place = 0; ;) {
    const head = at(place, 8)
    if (head.length < 8 || text(head, 0, 4) !== "RIFF") return place === 0 ? 12 : size
    const length = head.readUInt32LE(4)
    const end = place + 8 + length
    const isOpen = Riff.isUnknown(length)
    const found = chunks(file, place + 12, isOpen || end > size ? size : end)
    // A file that ends where its head says is whole, whatever its lists say.
    if (found.end > size && (isOpen || end > size)) return found.end
    if (isOpen) return size
    if (end > size) return found.hasIndex || end - size <= SLACK ? size : end
    place = end + (length % 2)
  }
}

const FLV_TAGS = new Set([8, 9, 18])

/**
 * The end of an FLV: tags of 11 bytes and a body, each followed by a length of four bytes; writers often omit the last
 * of these.
 */
export const flv: End = ({ size, at }) => {
  const head = at(0, 9)
  if (head.length < 9) return 9
  for (let place = head.readUInt32BE(5) + 4; ;) {
    if (place >= size) return size
    const tag = at(place, 11)
    const isTag = FLV_TAGS.has(tag[0]!) && tag.subarray(8).every((byte) => byte === 0)
    if (!isTag) return place
    if (tag.length < 11) return place + 11
    const end = place + 11 + tag.readUIntBE(1, 3)
    if (end > size) return end
    place = end + 4
  }
}

const BOXES =
  "ftyp moov mdat moof mfra free skip wide uuid meta udta sidx ssix styp pdin prft emsg pnot PICT junk".split(" ")
/** Boxes whose content may be missing without any loss. */
const EMPTY = new Set(["free", "skip", "wide", "junk"])

/**
 * The end of an MP4: a sequence of boxes. A length of 0 extends to the end of the file; a length of 1 means that a
 * 64-bit length follows.
 */
export const mp4: End = ({ size, at }) => {
  const seen = new Set<string>()
  for (let [place, last] = [0, ""]; ;) {
    // The head of a part is followed by its data.
    if (place >= size) return last === "moof" ? place + 8 : size
    const head = at(place, 16)
    const name = text(head, 4, 8)
    const isWhole = seen.has("moov") && seen.has("mdat")
    const hasMoreParts = seen.has("moof") && !seen.has("mfra")
    const mayBeBox = name === "" ? hasMoreParts && startsLength(head) : startsBox(name)
    if (!mayBeBox) return isWhole ? place : head.length < 8 ? place + 8 : size
    if (head.length < 8) return isWhole && EMPTY.has(name) ? place : place + 8
    const short = head.readUInt32BE(0)
    if (short === 0) return size
    if (short === 1 && head.length < 16) return place + 16
    const length = short === 1 ? Number(head.readBigUInt64BE(8)) : short
    if (length < 8) return isWhole ? place : size
    if (place + length > size) return isWhole && EMPTY.has(name) ? size : place + length
    seen.add(name)
    last = name
    place += length
  }
}

/** Tells if up to four bytes may begin a box's length, whose first byte is usually 0. */
const startsLength = (bytes: Buffer): boolean => bytes[0] === 0 && (bytes.length < 4 || bytes.readUInt32BE(0) >= 8)

const startsBox = (letters: string): boolean => BOXES.some((name) => name.startsWith(letters))

/** The end of an Ogg: a sequence of pages, the last of which has the end-of-stream flag. */
export const ogg: End = ({ size, at }) => {
  for (let place = 0, last = false; ;) {
    if (place >= size) return last ? size : "open"
    const head = at(place, 27)
    if (!"OggS".startsWith(text(head, 0, 4))) return last ? place : "open"
    if (head.length < 27) return place + 27
    const lengths = at(place + 27, head[26]!)
    const end = place + 27 + head[26]! + lengths.reduce((sum, length) => sum + length, 0)
    if (lengths.length < head[26]! || end > size) return end
    last = (head[5]! & 4) !== 0
    place = end
  }
}
