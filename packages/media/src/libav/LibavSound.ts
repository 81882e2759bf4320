/**
 * Decodes the sound of a file, in the decoding process: the mean of its channels as 32-bit floats at the file's own
 * rate, as `librosa.load(file, sr=None)` gives it.
 */
import * as Libav from "./Libav.ts"
import type * as Native from "./LibavTypes.ts"
import * as OpusSound from "./OpusSound.ts"

/** Metadata of a sound, known before decoding. */
export interface About {
  readonly rate: number
  readonly channels: number
}

/** An open sound. */
export interface Sound {
  readonly about: About
  /** Decodes the next samples: at least `least` of them, except at the end; empty after the end. */
  readonly next: (least: number) => Float32Array
  readonly close: () => void
}

/** FFmpeg's number of the codec FLAC. */
const FLAC = 86_028

type Reader = (bytes: DataView, at: number) => number

/**
 * Readers of samples by FFmpeg's number of the sample format (0 to 4: interleaved channels); the planar variants,
 * channel by channel, have the same order after them.
 */
const READERS: ReadonlyArray<readonly [width: number, read: Reader]> = [
  [1, (bytes, at) => (bytes.getUint8(at) - 128) / 128],
  [2, (bytes, at) => bytes.getInt16(at, true) / 32768],
  [4, (bytes, at) => bytes.getInt32(at, true) / 2147483648],
  [4, (bytes, at) => bytes.getFloat32(at, true)],
  [8, (bytes, at) => bytes.getFloat64(at, true)]
]

/** Averages the channels of a frame. */
const mono = (frame: Native.Frame, channels: number): Float32Array => {
  const format = READERS[frame.format % READERS.length]
  const planes = (frame.extendedData ?? frame.data ?? []).map(
    ({ buffer, byteOffset, byteLength }) => new DataView(buffer, byteOffset, byteLength)
  )
  if (format === undefined || frame.format >= 2 * READERS.length || planes.length === 0) {
    throw new Libav.Fault(`its samples are of a kind that is not read (${frame.format})`)
  }
  const [width, read] = format
  const planar = frame.format >= READERS.length
  const out = new Float32Array(frame.nbSamples)
  for (let i = 0; i < out.length; i++) {
    let total = 0
    for (let c = 0; c < channels; c++) {
      total += planar ? read(planes[c]!, i * width) : read(planes[0]!, (i * channels + c) * width)
    }
    out[i] = total / channels
    if (!Number.isFinite(out[i])) throw new Libav.Fault(`a sample is not a finite number`)
  }
  return out
}

/** Opens the sound of a file. */
export const open = async (path: string): Promise<Sound> => {
  let demuxer = Libav.demux(path, "audio")
  try {
    const isOpus = OpusSound.isOpus(demuxer)
    const isForLibopus = isOpus && OpusSound.isForLibopus(demuxer)
    if (isOpus) {
      // Its packets have been read, and are from the beginning now.
      demuxer.close()
      demuxer = Libav.demux(path, "audio")
    }
    return isForLibopus ? await OpusSound.open(demuxer) : decoded(Libav.decode(demuxer, "audio"))
  } catch (error) {
    demuxer.close()
    throw error
  }
}

const decoded = (decoder: Libav.Decoder): Sound => {
  const { sampleRate: rate, channels, codecId } = decoder.stream.codecpar
  if (rate < 1 || channels < 1) {
    decoder.close()
    throw new Libav.Fault("it declares no channels or no rate")
  }
  // FLAC counts its samples in its head, in the unit of its time base.
  const declared = codecId === FLAC ? Number(decoder.stream.duration) : 0
  const { lead } = decoder.extent
  /** The number of samples that FFmpeg has decoded so far. */
  let count = 0
  const next = (least: number): Float32Array => {
    const parts: Array<Float32Array> = count === 0 ? [new Float32Array(Math.max(0, lead))] : []
    for (let got = 0; got < least;) {
      // What follows all samples is none, whatever it is.
      if (declared > 0 && count >= declared) break
      const frame = decoder.next()
      if (frame === undefined) {
        if (count === 0) throw new Libav.Fault("it holds no samples")
        if (count < declared) throw new Libav.Fault(`truncated: it has ${count} of ${declared} samples`)
        break
      }
      if (frame.sampleRate !== rate || frame.channelLayout.nbChannels !== channels) {
        throw new Libav.Fault("its rate or number of channels changes on the way")
      }
      const samples = mono(frame, channels).subarray(Math.max(0, -lead - count))
      parts.push(samples)
      got += samples.length
      count += frame.nbSamples
    }
    return Libav.joined(parts)
  }
  return { about: { rate, channels }, next, close: decoder.close }
}
