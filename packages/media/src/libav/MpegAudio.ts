/**
 * The frames of MPEG audio (MP1, MP2, MP3), whose headers imply each frame's length. Bytes after the last frame, such
 * as tags, are no sound. Encoders may write a header frame first (Xing, Info, VBRI) with the number of frames and
 * bytes.
 */
import * as Id3 from "../audio/Id3.ts"
import { type Bytes, type End, text } from "./ContainerEnds.ts"

const HEAD = 4
/** Mask of the header bits that all frames of a file share: version, layer and rate. */
const SAME = 0xfffe0c00

/** Bit rates in kbit/s, by layer, of MPEG version 1 and of the other versions. */
const RATES = [
  [
    [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
    [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
    [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
  ],
  [
    [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
    [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]
  ]
] as const
/** The sizes in bytes of the fields of a Xing header. */
const FIELDS = [4, 4, 100, 4] as const
const SAMPLE_RATES = [44_100, 48_000, 32_000] as const

/** The length of the frame with this header, in bytes; undefined if it is no valid header or has a free bit rate. */
const lengthOf = (head: number): number | undefined => {
  const version = (head >>> 19) & 3
  const layer = 4 - ((head >>> 17) & 3)
  const rate = SAMPLE_RATES[(head >>> 10) & 3]
  const bits = RATES[version === 3 ? 0 : 1][layer - 1]?.[((head >>> 12) & 15) - 1]
  if (head >>> 21 !== 0x7ff || version === 1 || rate === undefined || bits === undefined) return undefined
  const padding = (head >>> 9) & 1
  const perSecond = (bits * 1000) / (rate / [4, 1, 2, 1][version]!)
  if (layer === 1) return 4 * (Math.floor(12 * perSecond) + padding)
  return Math.floor((layer === 3 && version !== 3 ? 72 : 144) * perSecond) + padding
}

const headAt = ({ at }: Bytes, place: number): number => {
  const bytes = at(place, HEAD)
  return bytes.length < HEAD ? 0 : bytes.readUInt32BE(0)
}

/** Finds the next position at which a frame begins that is followed by another frame, or by the end of the file. */
const search = (file: Bytes, from: number, like?: number): number | undefined => {
  for (let place = from; place + HEAD <= file.size; place++) {
    const head = headAt(file, place)
    const length = lengthOf(head)
    if (length === undefined || (like !== undefined && ((head ^ like) & SAME) !== 0)) continue
    const next = headAt(file, place + length)
    if (place + length === file.size || (lengthOf(next) !== undefined && ((head ^ next) & SAME) === 0)) return place
  }
  return undefined
}

/** The encoder's Xing or VBRI header in the first frame. */
interface Note {
  readonly kind: "VBRI" | "Xing"
  /** The number of frames, without the header frame. */
  readonly frames?: number | undefined
  readonly bytes?: number | undefined
  /** The offset, within the frame, of the encoder's name and delay (the LAME extension). */
  readonly encoder?: number
}

const noteOf = (frame: Buffer): Note | undefined => {
  const at = Math.max(frame.indexOf("Xing"), frame.indexOf("Info"))
  const number = (place: number) => (frame.length < place + 4 ? undefined : frame.readUInt32BE(place))
  if (text(frame, 36, 40) === "VBRI") return { kind: "VBRI", bytes: number(46), frames: number(50) }
  if (at < 0) return undefined
  // Bits say which fields there are: frames, bytes, places to seek to, quality.
  const flags = number(at + 4) ?? 0
  const place = (field: number) =>
    FIELDS.slice(0, field).reduce((sum, size, i) => sum + ((flags >> i) & 1) * size, at + 8)
  const field = (i: number) => (((flags >> i) & 1) === 0 ? undefined : number(place(i)))
  return { kind: "Xing", frames: field(0), bytes: field(1), encoder: place(FIELDS.length) }
}

/** The delay of an MPEG audio decoder in samples, which is dropped together with the encoder's delay. */
const DELAY = 529

/** Encoders whose delay FFmpeg already removes. */
const FOLLOWED = new Set(["LAME", "Lavf", "Lavc"])

/**
 * The number of samples that librosa gives before FFmpeg's first one; negative if it gives fewer. librosa decodes the
 * header frame of a VBRI file as sound, and removes the encoder delay that any Xing header declares.
 */
export const leadOf = (file: Bytes): number => {
  const start = search(file, Id3.endOf(file.at))
  if (start === undefined) return 0
  const head = headAt(file, start)
  const frame = file.at(start, lengthOf(head) ?? 0)
  const note = noteOf(frame)
  if (note?.kind === "VBRI") return ((head >>> 19) & 3) === 3 ? 1152 : 576
  if (note?.frames === undefined || note.encoder === undefined || frame.length < note.encoder + 24) return 0
  if (FOLLOWED.has(text(frame, note.encoder, note.encoder + 4))) return 0
  return -DELAY - (frame.readUIntBE(note.encoder + 21, 3) >>> 12)
}

/** Finds the end of the last frame. */
export const end: End = (file) => {
  const notes = Id3.endOf(file.at)
  if (notes > file.size) return notes
  const start = search(file, notes)
  if (start === undefined) return file.size
  const first = headAt(file, start)
  const note = noteOf(file.at(start, lengthOf(first) ?? 0))
  let frames = note === undefined ? 0 : -1
  for (let place = start; ;) {
    const head = headAt(file, place)
    const length = ((head ^ first) & SAME) === 0 ? lengthOf(head) : undefined
    if (length !== undefined && place + length <= file.size) {
      frames++
      place += length
      continue
    }
    const isAll = note?.frames !== undefined && frames >= note.frames
    if (!isAll && note?.bytes !== undefined && start + note.bytes > file.size) return start + note.bytes
    const isCut = length !== undefined || begins(file.at(place, HEAD), first)
    if (isCut && !isAll) return place + (length ?? HEAD)
    const next = isAll ? undefined : search(file, place + 1, first)
    if (next === undefined) return place
    place = next
  }
}

/** Tells if the last bytes of a file are an incomplete header of the same kind. */
const begins = (bytes: Buffer, head: number): boolean =>
  bytes.length > 0 &&
  bytes.length < HEAD &&
  bytes.every((byte, i) => i === 2 || byte === ((head >>> (24 - 8 * i)) & 255))
