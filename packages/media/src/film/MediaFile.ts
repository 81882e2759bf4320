/** Writes films and sounds, for test data and for pages that show samples; the file extension selects the format. */
import { Effect } from "effect"
import { extname, resolve } from "node:path"
import type * as LibavWriter from "../libav/LibavWriter.ts"
import { MediaDecoder } from "../MediaDecoder.ts"

/**
 * The media to write: RGB frames at a whole number of frames per second, sound in channels of equal length, or both.
 */
export interface Media {
  readonly pictures?: {
    readonly width: number
    readonly height: number
    readonly rate: number
    readonly frames: ReadonlyArray<Uint8Array>
    /** FFmpeg's name of an encoder; by default one that suits the format. */
    readonly codec?: string
  }
  readonly sound?: {
    readonly rate: number
    readonly channels: ReadonlyArray<Float32Array>
    readonly codec?: string
  }
}

/** The default encoders of pictures and sound for each file extension. */
const CODECS: { readonly [end: string]: readonly [pictures: string, sound: string] } = {
  ".avi": ["mpeg4", "pcm_s16le"],
  ".flv": ["flv", "libmp3lame"],
  ".mp4": ["libx264", "aac"],
  ".mov": ["libx264", "aac"],
  ".m4a": ["", "aac"],
  ".mp3": ["", "libmp3lame"],
  ".flac": ["", "flac"],
  ".ogg": ["", "libvorbis"]
}

/** Encodes and writes a file. */
export const write = Effect.fn("MediaFile.write")(function* (path: string, { pictures, sound }: Media) {
  const [forPictures, forSound] = CODECS[extname(path).toLowerCase()] ?? ["", ""]
  const channels = sound?.channels ?? []
  const parts = [
    ...(pictures?.frames ?? []),
    ...channels.map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength))
  ]
  const bytes = Buffer.concat(parts)
  const media: LibavWriter.Media = {
    ...(pictures === undefined
      ? {}
      : { pictures: { codec: forPictures, ...pictures, frames: pictures.frames.length } }),
    ...(sound === undefined
      ? {}
      : { sound: { codec: forSound, ...sound, channels: channels.length, samples: channels[0]?.length ?? 0 } })
  }
  const ask = yield* (yield* MediaDecoder).ffmpeg(path)
  yield* ask({ do: "write", path: resolve(path), media, bytes: bytes.length }, bytes)
}, Effect.scoped)
