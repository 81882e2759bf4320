/**
 * Whether a media file ends before it should, by what its container says of lengths: the chunks of AVI, the tags of FLV,
 * the boxes of MP4, the pages of Ogg, the byte count that encoders of MP3 leave in the first frame. FFmpeg takes what there
 * is of such a file for the whole.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs"

/** A file that is read at places. */
interface Bytes {
  readonly size: number
  /** So many bytes from a place, or what there is of them. */
  readonly at: (place: number, count: number) => Buffer
}

/** Where the last part of a file should end, as far as its parts say. */
type End = (file: Bytes) => number | "open"

const text = (bytes: Buffer, from: number, to: number): string => bytes.toString("latin1", from, to)

/** RIFF chunks one after another; a length of nothing or of all ones says nothing. */
const riff: End = ({ size, at }) => {
  for (let place = 0; ;) {
    const head = at(place, 8)
    if (head.length < 8 || text(head, 0, 4) !== "RIFF") return place === 0 ? 8 : size
    const length = head.readUInt32LE(4)
    if (length === 0 || length === 0xffff_ffff) return size
    const end = place + 8 + length
    if (end > size) return end
    place = end + (length % 2)
  }
}

/** Tags of 11 bytes and a body, each followed by four bytes, of which the last are often left out. */
const flv: End = ({ size, at }) => {
  const head = at(0, 9)
  if (head.length < 9) return 9
  for (let place = head.readUInt32BE(5) + 4; ;) {
    if (place >= size) return size
    const tag = at(place, 11)
    if (tag.length < 11) return place + 11
    const end = place + 11 + tag.readUIntBE(1, 3)
    if (end > size) return end
    place = end + 4
  }
}

/** Boxes one after another; a length of nothing means to the end, of one that a longer length follows. */
const boxes: End = ({ size, at }) => {
  for (let place = 0; ;) {
    if (place >= size) return size
    const head = at(place, 16)
    if (head.length < 8) return place + 8
    const short = head.readUInt32BE(0)
    if (short === 0) return size
    if (short === 1 && head.length < 16) return place + 16
    const length = short === 1 ? Number(head.readBigUInt64BE(8)) : short
    // Not a box: something else was appended.
    if (length < 8) return size
    if (place + length > size) return place + length
    place += length
  }
}

/** Pages one after another, the last of which says that it is the last. */
const ogg: End = ({ size, at }) => {
  for (let place = 0, last = false; ;) {
    if (place >= size) return last ? size : "open"
    const head = at(place, 27)
    if (head.length < 27) return place + 27
    if (text(head, 0, 4) !== "OggS") return size
    const lengths = at(place + 27, head[26]!)
    const end = place + 27 + head[26]! + lengths.reduce((sum, length) => sum + length, 0)
    if (lengths.length < head[26]! || end > size) return end
    last = (head[5]! & 4) !== 0
    place = end
  }
}

/** The byte count in an encoder's note (Xing, Info) in the first frame, counted from that frame. */
const mp3: End = ({ size, at }) => {
  const tag = at(0, 10)
  const start = text(tag, 0, 3) !== "ID3" ? 0 : 10 + [6, 7, 8, 9].reduce((sum, i) => sum * 128 + (tag[i]! & 127), 0)
  if (start > size) return start
  const frame = at(start, 64)
  const note = Math.max(frame.indexOf("Xing"), frame.indexOf("Info"))
  if (note < 0 || frame.length < note + 16) return size
  const flags = frame.readUInt32BE(note + 4)
  return (flags & 2) === 0 ? size : start + frame.readUInt32BE(note + ((flags & 1) === 0 ? 8 : 12))
}

const endOf = (file: Bytes): ReturnType<End> => {
  const head = file.at(0, 12)
  if (text(head, 0, 4) === "RIFF") return riff(file)
  if (text(head, 0, 3) === "FLV") return flv(file)
  if (text(head, 4, 8) === "ftyp") return boxes(file)
  if (text(head, 0, 4) === "OggS") return ogg(file)
  if (text(head, 0, 3) === "ID3" || (head[0] === 0xff && (head[1]! & 0xe0) === 0xe0)) return mp3(file)
  return file.size
}

/** What a file lacks at its end, in words; nothing if it seems whole. Throws what reading it throws. */
export const missingOf = (path: string): string | undefined => {
  const descriptor = openSync(path, "r")
  try {
    const { size } = fstatSync(descriptor)
    if (size === 0) return "this file is empty"
    const at = (place: number, count: number) => {
      const bytes = Buffer.alloc(Math.max(0, Math.min(count, size - place)))
      return bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, place))
    }
    const end = endOf({ size, at })
    if (end === "open") return "truncated: its last page is missing"
    return end > size ? `truncated: it has ${size} of at least ${end} bytes` : undefined
  } finally {
    closeSync(descriptor)
  }
}
