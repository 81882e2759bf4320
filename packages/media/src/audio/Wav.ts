/**
 * Reads and writes RIFF/WAVE files and their variants (RF64 and BW64 with 64-bit lengths, and RIFX, which is
 * big-endian). Reading is strict: integer PCM of 8, 16, 24 and 32 bits and floats of 32 and 64 bits, any number of
 * channels and any sample rate at which sound is recorded. A truncated file, or one of another format under the name
 * .wav, is an error and never a shorter or silent recording. If the writer left a length open, as when it writes into a
 * pipe, the data extend to the end of the file.
 */
import { Effect, FileSystem } from "effect"
import { MediaError } from "../Errors.ts"
import * as Id3 from "./Id3.ts"
import * as Kernels from "../Kernels.ts"
import { kernels } from "../Kernels.ts"
import * as Riff from "./Riff.ts"

/** A sound in one channel: samples in [−1, 1] at a rate in Hz. */
export interface Sound {
  readonly rate: number
  readonly samples: Float32Array
}

/** The error for bytes that are not a readable WAVE file; its message gives the reason. */
export class MalformedWav extends Error {
  override readonly name = "MalformedWav"
}

/** The number of samples that are converted at a time. */
const BLOCK = 1 << 17

/**
 * The accepted sample rates in Hz. A rate outside this range means a corrupt header: resampling would stretch the sound
 * absurdly.
 */
const RATES = [1000, 1_536_000] as const

const PCM = 1
const FLOAT = 3
const EXTENSIBLE = 0xfffe
/** The placeholder for the data's length if a `ds64` chunk gives it in 64 bits. */
const UNTOLD = 0xffff_ffff

interface Format {
  readonly codec: number
  readonly channels: number
  readonly rate: number
  readonly bits: number
}

/** Variants of the format by their first four letters; `true` if little-endian. */
const KINDS: { readonly [tag: string]: boolean } = { RIFF: true, RF64: true, BW64: true, RIFX: false }

const tagAt = (file: Uint8Array, at: number) => String.fromCharCode(...file.subarray(at, at + 4))

/**
 * The position at which a WAVE file begins, possibly after ID3 tags; undefined if it is no WAVE file. `at` reads bytes
 * at a position.
 */
export const startOf = (at: (place: number, count: number) => Uint8Array): number | undefined => {
  const start = Id3.endOf(at)
  const head = at(start, 12)
  return tagAt(head, 0) in KINDS && tagAt(head, 8) === "WAVE" ? start : undefined
}

/** Decodes the bytes of a WAVE file and averages its channels. Throws `MalformedWav`. */
export const decode = (file: Uint8Array): Sound => {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const first = startOf((place, count) => file.subarray(place, place + count))
  if (first === undefined) {
    throw new MalformedWav(file.byteLength === 0 ? "the file is empty" : "this is not a RIFF/WAVE file")
  }
  const little = KINDS[tagAt(file, first)]!
  const declared = view.getUint32(first + 4, little)
  const whole = first + 8 + declared
  let long: number | undefined
  let format: Format | undefined
  for (let at = first + 12; at + 8 <= file.byteLength;) {
    const [name, size] = [tagAt(file, at), view.getUint32(at + 4, little)]
    const start = at + 8
    const left = file.byteLength - start
    if (name === "data") {
      if (format === undefined) throw new MalformedWav("its data come before their format")
      const length = long !== undefined && size === UNTOLD ? long : size
      // What was begun and never completed has data all the same.
      const isLeft = Riff.isUnknown(declared) || whole <= start || !Riff.isName(tagAt(file, start))
      const isOpen = length === 0 ? isLeft : length > left && Riff.isUnknown(length)
      // The data are all there where the file ends as it says, with a byte of padding or without, whatever is said of them.
      const isThere = length <= left || isOpen || file.byteLength === whole || file.byteLength === whole + 1
      if (!isThere) throw new MalformedWav(`truncated: its data chunk has ${left} of ${length} bytes`)
      const there = isOpen ? left : Math.min(length, left)
      return { rate: format.rate, samples: samplesOf(view, start, there, format, little) }
    }
    if (size > left) throw new MalformedWav(`truncated: its ${name.trim()} chunk has ${left} of ${size} bytes`)
    if (name === "ds64" && size >= 16) long = Number(view.getBigUint64(start + 8, little))
    if (name === "fmt ") format = formatOf(view, start, size, little)
    // Some writers leave out the byte after an odd number of them.
    at = start + size + (size % 2 === 1 && file[start + size] === 0 ? 1 : 0)
  }
  throw new MalformedWav("truncated: it has no data chunk")
}

const formatOf = (view: DataView, at: number, size: number, little: boolean): Format => {
  if (size < 16) throw new MalformedWav(`its format chunk has ${size} bytes, not 16`)
  const declared = view.getUint16(at, little)
  const format = {
    codec: declared === EXTENSIBLE && size >= 40 ? view.getUint32(at + 24, little) : declared,
    channels: view.getUint16(at + 2, little),
    rate: view.getUint32(at + 4, little),
    bits: view.getUint16(at + 14, little)
  }
  const known = format.codec === PCM ? [8, 16, 24, 32] : format.codec === FLOAT ? [32, 64] : []
  if (!known.includes(format.bits)) {
    throw new MalformedWav(`${format.bits}-bit samples of codec ${format.codec} are not supported: use PCM`)
  }
  if (format.channels < 1) throw new MalformedWav("it declares no channels")
  const [least, most] = RATES
  if (format.rate < least || format.rate > most) {
    throw new MalformedWav(`it declares a rate of ${format.rate} Hz, which is not from ${least} to ${most}`)
  }
  return format
}

const samplesOf = (
  view: DataView,
  at: number,
  size: number,
  { codec, channels, bits }: Format,
  little: boolean
): Float32Array => {
  const width = bits / 8
  const frames = Math.floor(size / (width * channels))
  if (frames === 0) throw new MalformedWav("it holds no samples")
  const read = (p: number): number => {
    if (codec === FLOAT) return bits === 32 ? view.getFloat32(p, little) : view.getFloat64(p, little)
    if (bits === 8) return (view.getUint8(p) - 128) / 128
    if (bits === 16) return view.getInt16(p, little) / 32768
    if (bits === 32) return view.getInt32(p, little) / 2147483648
    return little
      ? ((view.getInt8(p + 2) << 16) | view.getUint16(p, true)) / 8388608
      : ((view.getInt8(p) << 16) | view.getUint16(p + 1)) / 8388608
  }
  const samples = new Float32Array(frames)
  if (codec === PCM && bits === 16 && channels === 1 && little) {
    for (let done = 0; done < frames; done += BLOCK) {
      const count = Math.min(BLOCK, frames - done)
      const [from, to] = Kernels.regions(2 * count, 4 * count)
      Kernels.put(from, new Uint8Array(view.buffer, view.byteOffset + at + 2 * done, 2 * count))
      kernels.fractions(from, count, to)
      samples.set(Kernels.floats(to, count), done)
    }
    return samples
  }
  for (let i = 0; i < frames; i++) {
    let total = 0
    for (let c = 0; c < channels; c++) total += read(at + (i * channels + c) * width)
    if (!Number.isFinite(Math.fround(total))) throw new MalformedWav(`sample ${i} is not a finite number`)
    samples[i] = total / channels
  }
  return samples
}

/** Decodes the bytes of a WAVE file; errors name `path`. */
export const parse = (path: string, bytes: Uint8Array): Effect.Effect<Sound, MediaError> =>
  Effect.try({
    try: () => decode(bytes),
    catch: (cause) => new MediaError({ path, problem: (cause as Error).message, cause })
  })

/** Reads a WAVE file. */
export const read = Effect.fn("Wav.read")(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const bytes = yield* fs
    .readFile(path)
    .pipe(Effect.mapError((cause) => new MediaError({ path, problem: "this sound cannot be read", cause })))
  return yield* parse(path, bytes)
})

/** Encodes a sound as a WAVE file with one channel of 16-bit PCM; samples beyond ±1 are clipped. */
export const encode = ({ rate, samples }: Sound): Uint8Array => {
  const file = new Uint8Array(44 + 2 * samples.length)
  const view = new DataView(file.buffer)
  const tag = (at: number, text: string) => file.set(new TextEncoder().encode(text), at)
  tag(0, "RIFF")
  view.setUint32(4, 36 + 2 * samples.length, true)
  tag(8, "WAVEfmt ")
  view.setUint32(16, 16, true)
  view.setUint16(20, PCM, true)
  view.setUint16(22, 1, true)
  view.setUint32(24, rate, true)
  view.setUint32(28, 2 * rate, true)
  view.setUint16(32, 2, true)
  view.setUint16(34, 16, true)
  tag(36, "data")
  view.setUint32(40, 2 * samples.length, true)
  samples.forEach((x, i) => {
    view.setInt16(44 + 2 * i, Math.max(-32768, Math.min(32767, Math.round(x * 32768))), true)
  })
  return file
}
