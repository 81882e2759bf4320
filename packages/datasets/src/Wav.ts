/**
 * RIFF/WAVE files, read strictly: integer PCM of 8, 16, 24 and 32 bits and floats of 32 and 64 bits, any number of channels
 * and any rate at which sound is recorded. A file that ends before its data do, or is something else under the name .wav, is an error and never a shorter
 * or silent recording.
 */
import { Effect, FileSystem } from "effect"
import { MediaError } from "./Errors.ts"
import * as Kernels from "./Kernels.ts"
import { kernels } from "./Kernels.ts"

/** Sound in one channel: samples in [−1, 1] at a rate in Hz. */
export interface Sound {
  readonly rate: number
  readonly samples: Float32Array
}

/** Why bytes are not a WAVE file that can be read. */
export class MalformedWav extends Error {
  override readonly name = "MalformedWav"
}

/** Samples that are converted at a time. */
const BLOCK = 1 << 17

/** The rates of sounds in Hz. Of another one it is the file that is wrong: it would be stretched without measure. */
const RATES = [1000, 1_536_000] as const

const PCM = 1
const FLOAT = 3
const EXTENSIBLE = 0xfffe

interface Format {
  readonly codec: number
  readonly channels: number
  readonly rate: number
  readonly bits: number
}

/** The sound in a WAVE file, with its channels averaged. Throws `MalformedWav`. */
export const decode = (file: Uint8Array): Sound => {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const tag = (at: number) => String.fromCharCode(...file.subarray(at, at + 4))
  if (file.byteLength < 12 || tag(0) !== "RIFF" || tag(8) !== "WAVE") {
    throw new MalformedWav(file.byteLength === 0 ? "the file is empty" : "this is not a RIFF/WAVE file")
  }
  let format: Format | undefined
  for (let at = 12; at + 8 <= file.byteLength;) {
    const [name, size] = [tag(at), view.getUint32(at + 4, true)]
    const start = at + 8
    if (start + size > file.byteLength) {
      throw new MalformedWav(`truncated: its ${name.trim()} chunk has ${file.byteLength - start} of ${size} bytes`)
    }
    if (name === "fmt ") format = formatOf(view, start, size)
    if (name === "data") {
      if (format === undefined) throw new MalformedWav("its data come before their format")
      return { rate: format.rate, samples: samplesOf(view, start, size, format) }
    }
    at = start + size + (size % 2)
  }
  throw new MalformedWav("truncated: it has no data chunk")
}

const formatOf = (view: DataView, at: number, size: number): Format => {
  if (size < 16) throw new MalformedWav(`its format chunk has ${size} bytes, not 16`)
  const declared = view.getUint16(at, true)
  const format = {
    codec: declared === EXTENSIBLE && size >= 40 ? view.getUint16(at + 24, true) : declared,
    channels: view.getUint16(at + 2, true),
    rate: view.getUint32(at + 4, true),
    bits: view.getUint16(at + 14, true)
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

const samplesOf = (view: DataView, at: number, size: number, { codec, channels, bits }: Format): Float32Array => {
  const width = bits / 8
  const frames = Math.floor(size / (width * channels))
  if (frames === 0) throw new MalformedWav("it holds no samples")
  const read = (p: number): number => {
    if (codec === FLOAT) return bits === 32 ? view.getFloat32(p, true) : view.getFloat64(p, true)
    if (bits === 8) return (view.getUint8(p) - 128) / 128
    if (bits === 16) return view.getInt16(p, true) / 32768
    if (bits === 24) return ((view.getInt8(p + 2) << 16) | view.getUint16(p, true)) / 8388608
    return view.getInt32(p, true) / 2147483648
  }
  const samples = new Float32Array(frames)
  if (codec === PCM && bits === 16 && channels === 1) {
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

/** The sound in the bytes of a wav file, whose path errors will name. */
export const parse = (path: string, bytes: Uint8Array): Effect.Effect<Sound, MediaError> =>
  Effect.try({
    try: () => decode(bytes),
    catch: (cause) => new MediaError({ path, problem: (cause as Error).message, cause })
  })

/** The sound in a wav file. */
export const read = Effect.fn("Wav.read")(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const bytes = yield* fs
    .readFile(path)
    .pipe(Effect.mapError((cause) => new MediaError({ path, problem: "this sound cannot be read", cause })))
  return yield* parse(path, bytes)
})

/** A WAVE file with one channel of 16-bit PCM; samples beyond ±1 are clipped. */
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
