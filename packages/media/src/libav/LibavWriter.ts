/** Encodes pictures, sound or both into a file, in the decoding process; the file extension selects the format. */
import * as Libav from "./Libav.ts"
import type * as Native from "./LibavTypes.ts"

/**
 * A description of the media to write. The pixels (RGB, frame after frame) and samples (channel after channel) are
 * passed separately, as bytes.
 */
export interface Media {
  readonly pictures?: {
    readonly width: number
    readonly height: number
    readonly frames: number
    /** The frame rate, a whole number of frames per second. */
    readonly rate: number
    readonly codec: string
  }
  readonly sound?: {
    readonly rate: number
    readonly channels: number
    /** The number of samples of each channel. */
    readonly samples: number
    readonly codec: string
  }
}

const GLOBAL_HEADER = { format: 0x40, codec: 1 << 22 }
const S16 = 1
const FLOAT_PLANAR = 8
const BICUBIC = 4
const NATIVE_ORDER = 1

/** An encoder of one stream; `send` encodes frame i, or flushes at the end, and writes the resulting packets. */
interface Encoder {
  readonly seconds: (i: number) => number
  readonly frames: number
  readonly send: (i: number | undefined) => void
  /** Called after the file's header is written. */
  readonly begin: () => void
}

const encoder = (
  frees: Libav.Frees,
  format: Native.FormatContext,
  name: string,
  tick: Native.Rational,
  duration: bigint,
  set: (codec: Native.CodecContext) => void
) => {
  const { Codec, CodecContext, Packet, Frame, FFmpegError } = Libav.binding()
  const found = Codec.findEncoderByName(name)
  if (found === null) throw new Libav.Fault(`FFmpeg has no encoder ${name}`)
  const codec = frees.use(new CodecContext())
  codec.allocContext3(found)
  codec.timeBase = tick
  codec.threadCount = 1
  if ((format.oformat!.flags & GLOBAL_HEADER.format) !== 0) codec.flags |= GLOBAL_HEADER.codec
  set(codec)
  Libav.check(codec.open2Sync(found, null), `${name} cannot encode this`)
  const stream = format.newStream(null)
  Libav.check(stream.codecpar.fromContext(codec), `${name} cannot encode this`)
  stream.timeBase = tick
  const packet = frees.use(new Packet())
  const frame = frees.use(new Frame())
  packet.alloc()
  frame.alloc()
  let unit = tick
  const again = FFmpegError.getAverror("EAGAIN")
  const send = (full: Native.Frame | null) => {
    Libav.check(codec.sendFrameSync(full), `${name} cannot encode this`)
    for (;;) {
      const code = codec.receivePacketSync(packet)
      if (code === again || code === Libav.EOF) return
      Libav.check(code, `${name} cannot encode this`)
      if (packet.duration === 0n) packet.duration = duration
      packet.rescaleTs(tick, unit)
      packet.streamIndex = stream.index
      Libav.check(format.interleavedWriteFrameSync(packet), "the file cannot be written")
    }
  }
  return { codec, frame, send, begin: () => void (unit = format.streams![stream.index]!.timeBase) }
}

const pictures = (
  frees: Libav.Frees,
  format: Native.FormatContext,
  { width, height, frames, rate, codec: name }: NonNullable<Media["pictures"]>,
  bytes: Uint8Array
): Encoder => {
  const { Frame, SoftwareScaleContext } = Libav.binding()
  const pixelFormat = name === "mjpeg" ? Libav.PIXELS.YUVJ420P : Libav.PIXELS.YUV420P
  const { frame, send, begin } = encoder(frees, format, name, { num: 1, den: rate }, 1n, (codec) =>
    Object.assign(codec, {
      width,
      height,
      pixelFormat,
      framerate: { num: rate, den: 1 },
      gopSize: name === "libx264" ? 250 : 12,
      bitRate: 2_000_000n
    })
  )
  Object.assign(frame, { width, height, format: pixelFormat })
  Libav.check(frame.getBuffer(0), "there is not enough memory for a frame")
  const scaler = frees.use(new SoftwareScaleContext())
  const picture = frees.use(new Frame())
  picture.alloc()
  Object.assign(picture, { width, height, format: Libav.PIXELS.RGB24 })
  Libav.check(picture.getBuffer(0), "there is not enough memory for a frame")
  scaler.getContext(width, height, Libav.PIXELS.RGB24, width, height, pixelFormat, BICUBIC)
  return {
    frames,
    seconds: (i) => i / rate,
    begin,
    send: (i) => {
      if (i === undefined) return send(null)
      const [data, line] = [picture.data![0]!, picture.linesize[0]!]
      for (let y = 0; y < height; y++)
        data.set(bytes.subarray(3 * width * (i * height + y), 3 * width * (i * height + y + 1)), y * line)
      Libav.check(frame.makeWritable(), "there is not enough memory for a frame")
      Libav.check(scaler.scaleFrameSync(frame, picture), "its pixels cannot be converted")
      frame.pts = BigInt(i)
      send(frame)
    }
  }
}

const sound = (
  frees: Libav.Frees,
  format: Native.FormatContext,
  { rate, channels, samples, codec: name }: NonNullable<Media["sound"]>,
  values: Float32Array
): Encoder => {
  const sampleFormat = Libav.binding().Codec.findEncoderByName(name)?.sampleFormats?.includes(FLOAT_PLANAR)
    ? FLOAT_PLANAR
    : S16
  const channelLayout = {
    nbChannels: channels,
    order: NATIVE_ORDER,
    mask: channels === 1 ? 4n : BigInt((1 << channels) - 1)
  }
  const { codec, frame, send, begin } = encoder(frees, format, name, { num: 1, den: rate }, 0n, (codec) =>
    Object.assign(codec, { sampleRate: rate, sampleFormat, channelLayout, bitRate: 96_000n })
  )
  const most = codec.frameSize === 0 ? 1024 : codec.frameSize
  return {
    frames: Math.ceil(samples / most),
    seconds: (i) => (i * most) / rate,
    begin,
    send: (i) => {
      if (i === undefined) return send(null)
      const count = Math.min(most, samples - i * most)
      frame.unref()
      Object.assign(frame, { nbSamples: count, format: sampleFormat, sampleRate: rate, channelLayout })
      Libav.check(frame.getBuffer(0), "there is not enough memory for sound")
      for (let c = 0; c < channels; c++) {
        const plane = frame.data![sampleFormat === S16 ? 0 : c]!
        for (let t = 0; t < count; t++) {
          const x = values[c * samples + i * most + t]!
          if (sampleFormat === FLOAT_PLANAR) plane.writeFloatLE(x, 4 * t)
          else plane.writeInt16LE(Math.max(-32768, Math.min(32767, Math.round(x * 32768))), 2 * (t * channels + c))
        }
      }
      frame.pts = BigInt(i * most)
      send(frame)
    }
  }
}

/** Writes a file. `bytes` holds the pixels of all pictures, then all samples as 32-bit floats. */
export const write = (path: string, media: Media, bytes: Uint8Array): void => {
  const frees = new Libav.Frees()
  frees.or(() => writeWith(frees, path, media, bytes))
  frees.run()
}

const writeWith = (frees: Libav.Frees, path: string, media: Media, bytes: Uint8Array): void => {
  const { FormatContext } = Libav.binding()
  const format = new FormatContext()
  // The end of the name says the format; the binding throws where none has it.
  format.allocOutputContext2(null, null, path)
  frees.add(() => format.freeContext())
  const pixels =
    media.pictures === undefined ? 0 : 3 * media.pictures.width * media.pictures.height * media.pictures.frames
  const encoders: Array<Encoder> = []
  if (media.pictures !== undefined) encoders.push(pictures(frees, format, media.pictures, bytes.subarray(0, pixels)))
  if (media.sound !== undefined)
    encoders.push(sound(frees, format, media.sound, new Float32Array(bytes.slice(pixels).buffer)))
  Libav.check(format.openOutputSync(), "this file cannot be written")
  frees.add(() => format.closeOutputSync())
  Libav.check(format.writeHeaderSync(null), "such streams do not go into such a file")
  for (const { begin } of encoders) begin()
  const done = encoders.map(() => 0)
  for (;;) {
    const [next] = encoders
      .flatMap((encoder, e) => (done[e]! <= encoder.frames ? [{ e, at: encoder.seconds(done[e]!) }] : []))
      .toSorted((a, b) => a.at - b.at)
    if (next === undefined) break
    const i = done[next.e]!++
    encoders[next.e]!.send(i < encoders[next.e]!.frames ? i : undefined)
  }
  Libav.check(format.writeTrailerSync(), "the file cannot be written")
}
