/** Types of the part of FFmpeg's binding that is used here: FFmpeg's own objects, under FFmpeg's names. */

export interface Freed {
  readonly [Symbol.dispose]: () => void
}

export interface Packet extends Freed {
  readonly alloc: () => void
  readonly unref: () => void
  readonly rescaleTs: (from: Rational, to: Rational) => void
  streamIndex: number
  duration: bigint
  readonly flags: number
  readonly data: Buffer | null
}

export interface Frame extends Freed {
  readonly alloc: () => void
  readonly unref: () => void
  readonly getBuffer: (align: number) => number
  readonly makeWritable: () => number
  readonly data: ReadonlyArray<Buffer> | null
  readonly extendedData: ReadonlyArray<Buffer> | null
  readonly linesize: ReadonlyArray<number>
  readonly decodeErrorFlags: number
  readonly colorSpace: number
  flags: number
  format: number
  width: number
  height: number
  nbSamples: number
  sampleRate: number
  channelLayout: ChannelLayout
  pts: bigint
}

export interface Rational {
  readonly num: number
  readonly den: number
}

interface ChannelLayout {
  readonly nbChannels: number
  readonly order: number
  readonly mask: bigint
}

interface Codec {
  readonly sampleFormats: ReadonlyArray<number> | null
}

interface Parameters {
  readonly codecType: number
  readonly codecId: number
  readonly width: number
  readonly height: number
  readonly sampleRate: number
  readonly channels: number
  readonly extradata: Buffer | null
  readonly fromContext: (codec: CodecContext) => number
}

export interface CodecContext extends Freed {
  readonly allocContext3: (codec: Codec) => void
  readonly parametersToContext: (parameters: Parameters) => number
  readonly open2Sync: (codec: Codec, options: null) => number
  readonly sendPacketSync: (packet: Packet | null) => number
  readonly receiveFrameSync: (frame: Frame) => number
  readonly sendFrameSync: (frame: Frame | null) => number
  readonly receivePacketSync: (packet: Packet) => number
  readonly frameSize: number
  threadCount: number
  timeBase: Rational
  pktTimebase: Rational
  framerate: Rational
  width: number
  height: number
  gopSize: number
  pixelFormat: number
  sampleRate: number
  sampleFormat: number
  channelLayout: ChannelLayout
  flags: number
  bitRate: bigint
}

export interface Stream {
  readonly index: number
  readonly codecpar: Parameters
  readonly disposition: number
  readonly duration: bigint
  readonly avgFrameRate: Rational
  readonly rFrameRate: Rational
  readonly nbFrames: bigint
  timeBase: Rational
  discard: number
}

export interface Dictionary extends Freed {
  readonly alloc: () => void
  readonly set: (key: string, value: string, flags: number) => number
}

interface OutputFormat {
  readonly flags: number
}

export interface FormatContext {
  readonly openInputSync: (url: string, format: null, options: Dictionary | null) => number
  readonly findStreamInfoSync: (options: null) => number
  readonly readFrameSync: (packet: Packet) => number
  readonly closeInputSync: () => void
  readonly streams: ReadonlyArray<Stream> | null
  readonly iformat: { readonly name: string | null } | null
  readonly allocOutputContext2: (format: null, name: string | null, file: string) => number
  readonly oformat: OutputFormat | null
  readonly newStream: (codec: null) => Stream
  readonly openOutputSync: () => number
  readonly closeOutputSync: () => void
  readonly writeHeaderSync: (options: null) => number
  readonly interleavedWriteFrameSync: (packet: Packet | null) => number
  readonly writeTrailerSync: () => number
  readonly freeContext: () => void
}

interface SoftwareScaleContext extends Freed {
  readonly allocContext: () => void
  readonly getContext: (
    ...sizes: [
      width: number,
      height: number,
      format: number,
      toWidth: number,
      toHeight: number,
      to: number,
      flags: number
    ]
  ) => void
  readonly scaleFrameSync: (to: Frame, from: Frame) => number
}

export interface Binding {
  readonly Packet: new () => Packet
  readonly Frame: new () => Frame
  readonly FormatContext: new () => FormatContext
  readonly CodecContext: new () => CodecContext
  readonly SoftwareScaleContext: new () => SoftwareScaleContext
  readonly Dictionary: new () => Dictionary
  readonly Codec: {
    readonly findDecoder: (id: number) => Codec | null
    readonly findEncoderByName: (name: string) => Codec | null
  }
  readonly FFmpegError: { readonly strerror: (code: number) => string; readonly getAverror: (name: string) => number }
  readonly Log: { readonly setLevel: (level: number) => void }
  readonly getFFmpegInfo: () => { readonly version: string }
}
