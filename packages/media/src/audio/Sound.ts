/**
 * Sound files as one channel at their own sample rate, as `librosa.load(file, sr=None)` gives them. `Wav` reads WAVE
 * files; FFmpeg decodes compressed sound (MP3, FLAC, Ogg, M4A) and the sound of films (MP4, FLV, AVI); libopus decodes
 * Ogg Opus. At the end of Ogg Vorbis, FFmpeg gives up to a thousand samples more or fewer than librosa. For an MP3 of
 * variable bit rate without a length header, librosa may give fewer samples than the file has; here all are given.
 */
import { Memory } from "@igm/tensor"
import { Effect, FileSystem, type PlatformError } from "effect"
import { resolve } from "node:path"
import { MediaError } from "../Errors.ts"
import { MediaDecoder } from "../MediaDecoder.ts"
import * as Wav from "./Wav.ts"

/** The number of samples in each chunk of a stream. */
const CHUNK = 1 << 20

/** Tells if these are the bytes of a WAVE file; an empty file counts as one. */
const isWave = (bytes: Uint8Array): boolean =>
  bytes.length === 0 || Wav.startOf((place, count) => bytes.subarray(place, place + count)) !== undefined

const decoded = Effect.fnUntraced(function* (path: string) {
  const ask = yield* (yield* MediaDecoder).ffmpeg(path)
  const [{ sound }] = yield* ask({ do: "sound", path: resolve(path) })
  const parts: Array<Float32Array> = []
  for (let ended = false; !ended;) {
    const [{ end = true }, bytes] = yield* ask({ do: "samples", least: CHUNK })
    parts.push(new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4))
    ended = end
  }
  const samples = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    samples.set(part, at)
    at += part.length
  }
  const found: Wav.Sound = { rate: sound!.rate, samples }
  return found
}, Effect.scoped)

const unreadable = (path: string) => (cause: PlatformError.PlatformError) =>
  new MediaError({ path, problem: "this sound cannot be read", cause })

/**
 * The number of bytes that are read to detect the format: a recording may begin with tags, which may contain an image.
 */
const HEAD = 1 << 20

const headOf = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const file = yield* fs.open(path)
  const few = new Uint8Array(12)
  const buffer = few.subarray(0, Number(yield* file.read(few)))
  if (String.fromCharCode(...buffer.subarray(0, 3)) !== "ID3") return buffer
  const more = new Uint8Array(HEAD)
  more.set(few)
  return more.subarray(0, buffer.length + Number(yield* file.read(more.subarray(buffer.length))))
}, Effect.scoped)

/** Reads the sound in a file. */
export const read = Effect.fn("Sound.read")(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  // What is named a wav file is one as a rule, and read at once.
  const isNamed = /\.wav$/i.test(path)
  const bytes = yield* Effect.mapError(isNamed ? fs.readFile(path) : headOf(path), unreadable(path))
  if (!isWave(bytes)) return yield* decoded(path)
  if (!isNamed) return yield* Wav.read(path)
  const sound = yield* Wav.parse(path, bytes)
  Memory.release(bytes)
  return sound
})
