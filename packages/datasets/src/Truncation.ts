/**
 * Where a media file ends, by what its container says of lengths, and whether it is cut off before. FFmpeg takes what there
 * is of a file that is cut off for the whole, and what follows a file that is not for a damaged part of it.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs"
import { avi, type Bytes, type End, flv, mp4, ogg, text } from "./ContainerEnds.ts"
import * as Id3 from "./Id3.ts"
import * as MpegAudio from "./MpegAudio.ts"

/** A file that is not cut off, and where it ends. */
export interface Extent {
  readonly size: number
  readonly end: number
  /** Samples that a sound begins with, before those that FFmpeg gives; fewer than none if it gives too many. */
  readonly lead: number
}

/** Bytes that are read at a time. */
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

/** Reads a file at places, near ones from a block that is kept. */
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

/** Where a file ends; in words, what it lacks, if it is cut off. Throws what reading it throws. */
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
