/**
 * Sound files in one channel at the rate that they have, as `librosa.load(file, sr=None)` gives them: WAVE files, read by
 * `Wav`, and compressed sound (MP3, FLAC, Ogg, M4A) and the sound of films (MP4, FLV, AVI), read by FFmpeg; Ogg Opus by
 * libopus. Of the last block of Ogg Vorbis FFmpeg gives up to a thousand samples more or less than librosa. Of an MP3 of
 * varying rate without a note of its length, librosa may give fewer samples than there are; here all are given.
 */
import { Memory } from "@igm/tensor"
import { Effect, FileSystem, type PlatformError } from "effect"
import { resolve } from "node:path"
import { MediaError } from "./Errors.ts"
import * as MediaProcess from "./MediaProcess.ts"
import * as Wav from "./Wav.ts"

/** Samples that are handed over at a time. */
const CHUNK = 1 << 20

/** Whether bytes of a file are those of a WAVE file, or none. */
const isWave = (bytes: Uint8Array): boolean =>
  bytes.length === 0 || Wav.startOf((place, count) => bytes.subarray(place, place + count)) !== undefined

const decoded = Effect.fnUntraced(function* (path: string) {
  const ask = yield* MediaProcess.use(path)
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

/** Bytes that say what a file is: a recording may begin with notes, which may hold a picture. */
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

/** The sound in a file. */
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
