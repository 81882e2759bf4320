/**
 * Finds the end of a media file from the lengths that its container declares, and detects files that are truncated.
 * FFmpeg would take the rest of a truncated file for the whole, and bytes after the end of a complete one for damage.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs"
import * as Id3 from "../audio/Id3.ts"
import { avi, type Bytes, type End, flv, mp4, ogg, text } from "./ContainerEnds.ts"
import * as MpegAudio from "./MpegAudio.ts"

/** The size and the end of a complete file, in bytes. */
export interface Extent {
  readonly size: number
  readonly end: number
  /** The number of samples that a sound begins with before FFmpeg's first one; negative if FFmpeg gives too many. */
  readonly lead: number
}

/** The number of bytes that are read at a time. */
const BLOCK = 1 << 16

const endOf = (file: Bytes): ReturnType<End> => {
  const head = file.at(0, 12)
  if (text(head, 0, 4) === "RIFF") return avi(file)
  if (text(head, 0, 3) === "FLV") return flv(file)
  if (text(head, 4, 8) === "ftyp") return mp4(file)
  if (text(head, 0, 4) === "OggS") return ogg(file)
  if (isMpegAudio(file)) return MpegAudio.end(file)
  // Of FLAC, which says no lengths of its frames, notes of the oldest kind at its end.
  const notes = Math.max(0, file.size - 128)
  return text(file.at(notes, 3), 0, 3) === "TAG" ? notes : file.size
}

const isMpegAudio = (file: Bytes): boolean => {
  const start = Id3.endOf(file.at)
  const head = file.at(start, 4)
  return (start > 0 && text(head, 0, 4) !== "fLaC") || (head[0] === 0xff && (head[1]! & 0xe0) === 0xe0)
}

/** Creates a reader at arbitrary positions, which caches the last block. */
const reader = (descriptor: number, size: number): Bytes["at"] => {
  let from = 0
  let block = Buffer.alloc(0)
  const read = (place: number, count: number) => {
    const bytes = Buffer.alloc(Math.max(0, Math.min(count, size - place)))
    return bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, place))
  }
  return (place, count) => {
    if (count > BLOCK) return read(place, count)
    if (place < from || place + count > from + block.length) {
      from = place
      block = read(place, BLOCK)
    }
    return block.subarray(place - from, place - from + count)
  }
}

/**
 * The extent of a complete file; for a truncated one a message that says what is missing. Throws the errors of reading
 * the file.
 */
export const extentOf = (path: string): Extent | string => {
  const descriptor = openSync(path, "r")
  try {
    const { size } = fstatSync(descriptor)
    if (size === 0) return "this file is empty"
    const file = { size, at: reader(descriptor, size) }
    const end = endOf(file)
    if (end === "open") return "truncated: its last page is missing"
    if (end > size) return `truncated: it has ${size} of at least ${end} bytes`
    return { size, end, lead: isMpegAudio(file) ? MpegAudio.leadOf(file) : 0 }
  } finally {
    closeSync(descriptor)
  }
}
