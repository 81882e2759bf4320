/**
 * Where the parts of containers end, by the lengths that they say: the chunks of AVI, the tags of FLV, the boxes of MP4, the
 * pages of Ogg. What follows the last part and does not begin as another one would is no part of the file.
 */
import * as Riff from "./Riff.ts"

/** A file that is read at places. */
export interface Bytes {
  readonly size: number
  /** So many bytes from a place, or what there is of them. */
  readonly at: (place: number, count: number) => Buffer
}

/** Where the last part of a file ends, which is beyond its end if it is cut off; "open" if a last part is missing. */
export type End = (file: Bytes) => number | "open"

export const text = (bytes: Buffer, from: number, to: number): string => bytes.toString("latin1", from, to)

/** How far the length of a whole AVI may be wrong: some writers count its head in it, or a byte of padding. */
const SLACK = 8

/** Names of chunks: lists of chunks, an index, and what belongs to a stream of that number. */
const CHUNK = /^(LIST|RIFF|JUNK|idx1|ix\d\d|\d\d[a-z]{2})$/

/** The chunks of a RIFF, of which those that hold others may leave their lengths open; whether there is an index. */
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

/** RIFF chunks one after another, of which a file has several if it is large. */
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

/** Tags of 11 bytes and a body, each followed by four bytes, of which the last are often left out. */
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
/** What may be missing of a file without any loss. */
const EMPTY = new Set(["free", "skip", "wide", "junk"])

/** Boxes one after another; a length of nothing means to the end, of one that a longer length follows. */
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

/** Whether at most four bytes may begin a box: the first one of a length is nothing, as a rule. */
const startsLength = (bytes: Buffer): boolean => bytes[0] === 0 && (bytes.length < 4 || bytes.readUInt32BE(0) >= 8)

const startsBox = (letters: string): boolean => BOXES.some((name) => name.startsWith(letters))

/** Pages one after another, the last of which says that it is the last. */
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
