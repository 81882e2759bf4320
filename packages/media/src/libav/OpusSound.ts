/**
 * Decodes the sound of Ogg Opus files as librosa gives it: by libopus, at the lowest of its rates that is not below the
 * original rate that the file declares. FFmpeg decodes everything at 48 kHz, and resamples speech (SILK) with its own
 * resampler. Files with neither a lower rate nor speech are left to FFmpeg, whose output for music equals librosa's
 * exactly, while this build of libopus differs by up to one step of 16 bits.
 */
import type { OpusDecoder } from "opus-decoder"
import * as Libav from "./Libav.ts"
import type { Sound } from "./LibavSound.ts"

/** FFmpeg's number of the codec Opus. */
const OPUS = 86_076

const RATES = [8000, 12_000, 16_000, 24_000, 48_000] as const
/** The rate in Hz in which Opus files count samples, regardless of the original rate. */
const FULL = 48_000

/**
 * The size in bytes of the identification header, without and with a channel mapping table (the table itself not
 * counted).
 */
const HEAD = 19
const TABLE = 21

/** Tells if an open file's sound is Ogg Opus. */
export const isOpus = ({ stream, format }: Libav.Demuxer): boolean =>
  stream.codecpar.codecId === OPUS && format === "ogg" && (stream.codecpar.extradata?.length ?? 0) >= HEAD

/**
 * Tells if Ogg Opus is to be decoded by libopus rather than FFmpeg. Reads packets until it finds one with speech, or
 * all of them.
 */
export const isForLibopus = (demuxer: Libav.Demuxer): boolean => {
  if (headOf(demuxer.stream.codecpar.extradata!).rate !== FULL) return true
  for (let n = 0; ; n++) {
    const packet = demuxer.read(`packet ${n}`)
    if (packet === undefined) return false
    // The first five bits are a mode; the first sixteen modes have speech in them.
    if (packet.data !== null && packet.data[0]! < 0x80) return true
  }
}

/** Parses the identification header. */
const headOf = (bytes: Buffer) => {
  const channels = bytes[9]!
  const hasTable = bytes[18] !== 0 && bytes.length >= TABLE + channels
  return {
    skip: bytes.readUInt16LE(10),
    rate: RATES.find((rate) => bytes.readUInt32LE(12) <= rate) ?? FULL,
    gain: Math.fround(10 ** (bytes.readInt16LE(16) / (20 * 256))),
    channels,
    streamCount: hasTable ? bytes[19]! : 1,
    coupledStreamCount: hasTable ? bytes[20]! : channels - 1,
    channelMappingTable: hasTable ? [...bytes.subarray(TABLE, TABLE + channels)] : [0, 1].slice(0, channels)
  }
}

/** Decodes the sound of an open file. */
export const open = async (demuxer: Libav.Demuxer): Promise<Sound> => {
  const { skip, rate, gain, channels, ...layout } = headOf(demuxer.stream.codecpar.extradata!)
  if (channels < 1 || layout.channelMappingTable.length < channels) throw new Libav.Fault("its head is damaged")
  // Only who meets such a file pays for the library.
  const library = await import("opus-decoder")
  const decoder: OpusDecoder<(typeof RATES)[number]> = new library.OpusDecoder({
    sampleRate: rate,
    channels,
    preSkip: 0,
    ...layout
  })
  await decoder.ready
  const scaled = (samples: number) => Math.floor((samples * rate) / FULL)
  const declared = scaled(Number(demuxer.stream.duration) - skip)
  let left = scaled(skip)
  let count = 0
  let packets = 0

  const mono = (planes: ReadonlyArray<Float32Array>, length: number) => {
    const from = Math.min(left, length)
    left -= from
    const out = new Float32Array(declared > 0 ? Math.min(length - from, declared - count) : length - from)
    for (let i = 0; i < out.length; i++) {
      let total = 0
      for (const plane of planes) total += plane[from + i]!
      out[i] = (gain * total) / planes.length
    }
    count += out.length
    return out
  }

  const next = (least: number) => {
    const parts: Array<Float32Array> = []
    for (let got = 0; got < least;) {
      const where = `packet ${packets++}`
      const packet = demuxer.read(where)
      if (packet === undefined) {
        if (count === 0) throw new Libav.Fault("it holds no samples")
        if (count < declared) throw new Libav.Fault(`truncated: it has ${count} of ${declared} samples`)
        break
      }
      const { channelData, samplesDecoded, errors } = decoder.decodeFrame(packet.data!)
      if (errors.length > 0) throw new Libav.Fault(`truncated or damaged: ${where} cannot be decoded`)
      const part = mono(channelData, samplesDecoded)
      parts.push(part)
      got += part.length
    }
    return Libav.joined(parts)
  }
  const close = () => {
    decoder.free()
    demuxer.close()
  }
  return { about: { rate, channels }, next, close }
}
