/**
 * Typed access to FFmpeg's libraries, as the npm packages `@seydx/node-av-*` bind them, and a decoder of one stream of
 * a file. Only the process `libav.process.ts` imports this module, so that a crash in native code ends that process and
 * nothing else.
 *
 * Each package contains a single native file with FFmpeg and its binding, and no install script. The numeric constants
 * below are FFmpeg's own.
 */
import { createRequire } from "node:module"
import type * as Native from "./LibavTypes.ts"
import { type Extent, extentOf } from "./Truncation.ts"

/** An error of a file; its message is written for the user. */
export class Fault extends Error {}

/** A stack of cleanup functions, which run in reverse order. */
export class Frees {
  readonly #all: Array<() => void> = []

  add(free: () => void): void {
    this.#all.push(free)
  }

  use<T extends Native.Freed>(resource: T): T {
    this.add(() => resource[Symbol.dispose]())
    return resource
  }

  /** Runs a function and gives its result; if it throws, frees everything and rethrows. */
  or<T>(make: () => T): T {
    try {
      return make()
    } catch (error) {
      this.run()
      throw error
    }
  }

  readonly run = (): void => {
    for (const free of this.#all.splice(0).toReversed()) free()
  }
}

const load = (): Native.Binding => {
  const name = `@seydx/node-av-${process.platform}-${process.arch}${process.platform === "win32" ? "-msvc" : ""}`
  try {
    return createRequire(import.meta.url)(name) as Native.Binding
  } catch (cause) {
    throw new Fault(`FFmpeg cannot be loaded: is the npm package ${name} installed? (${(cause as Error).message})`)
  }
}

/** Loads the native binding on first use and silences FFmpeg's log messages. */
export const binding = (): Native.Binding => {
  const loaded = load()
  loaded.Log.setLevel(-8)
  return loaded
}

/** FFmpeg's numbers of pixel formats; the bytes of RGB24 are red, green, blue, and those of BGR24 the reverse. */
export const PIXELS = { YUV420P: 0, RGB24: 2, BGR24: 3, YUVJ420P: 12 } as const

const KINDS = { video: 0, audio: 1 } as const
/** FFmpeg's error code for the end of a file. */
export const EOF = -541_478_725
const CORRUPT_PACKET = 2
const CORRUPT_FRAME = 1
const DISCARD_ALL = 48
const ATTACHED_PICTURE = 0x400

/** The demuxers that may be tried: none of them opens other files that the file names. */
const FORMATS = "avi,flv,mov,mp3,flac,ogg"

/** The display names of these formats. */
const KNOWN = "an AVI, FLV, MP4, MP3, FLAC or Ogg file"

/** The maximal number of pixels of a frame; films with larger frames are refused. */
const MOST_PIXELS = 1 << 26

/** Throws a `Fault` with FFmpeg's message if a result code is an error (negative); otherwise gives the code. */
export const check = (code: number, what: string): number => {
  if (code < 0) throw new Fault(`${what} (${binding().FFmpegError.strerror(code)})`)
  return code
}

/** Concatenates arrays of samples. */
export const joined = (parts: ReadonlyArray<Float32Array>): Float32Array => {
  const out = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/** Creates an FFmpeg dictionary of options. */
const options = (entries: { readonly [name: string]: string }): Native.Dictionary => {
  const dictionary = new (binding().Dictionary)()
  dictionary.alloc()
  for (const [name, value] of Object.entries(entries)) dictionary.set(name, value, 0)
  return dictionary
}

/** One stream of an open file. */
export interface Demuxer {
  readonly stream: Native.Stream
  /** For each kind of stream, `true` if the file has one. */
  readonly has: { readonly [K in keyof typeof KINDS]: boolean }
  readonly extent: Extent
  /** FFmpeg's name of the file's container format. */
  readonly format: string
  /**
   * Reads the next packet of the stream, which the following call overwrites; undefined at the end. `where` names it in
   * errors.
   */
  readonly read: (where: string) => Native.Packet | undefined
  readonly close: () => void
}

/** A decoder of one stream of a file. */
export interface Decoder extends Demuxer {
  /** Decodes the next frame, which the following call overwrites; undefined at the end. */
  readonly next: () => Native.Frame | undefined
}

const streamsOf = (format: Native.FormatContext, kind: keyof typeof KINDS) =>
  (format.streams ?? []).filter(
    ({ codecpar, disposition }) => codecpar.codecType === KINDS[kind] && (disposition & ATTACHED_PICTURE) === 0
  )

/** Opens the first stream of a kind. Throws a `Fault` for every error that FFmpeg reports. */
export const demux = (path: string, kind: keyof typeof KINDS): Demuxer => {
  const frees = new Frees()
  return frees.or(() => openWith(frees, path, kind))
}

const openWith = (frees: Frees, path: string, kind: keyof typeof KINDS): Demuxer => {
  const { FormatContext, Packet, FFmpegError } = binding()
  const extent = extentOf(path)
  if (typeof extent === "string") throw new Fault(extent)
  const again = FFmpegError.getAverror("EAGAIN")
  const format = new FormatContext()
  const only = frees.use(options({ protocol_whitelist: "file,subfile", format_whitelist: FORMATS }))
  // What follows a file's end is kept from FFmpeg.
  const part = extent.end < extent.size ? `subfile,,start,0,end,${extent.end},,:` : ""
  check(format.openInputSync(`${part}file:${path}`, null, only), `this is not ${KNOWN}, or is damaged`)
  frees.add(() => format.closeInputSync())
  check(format.findStreamInfoSync(null), "its streams cannot be read")
  const has = { video: streamsOf(format, "video").length > 0, audio: streamsOf(format, "audio").length > 0 }
  const [stream] = streamsOf(format, kind)
  if (stream === undefined) {
    throw new Fault(`it has no ${kind} stream${has.audio ? ", only sound" : has.video ? ", only pictures" : ""}`)
  }
  for (const other of format.streams!) if (other.index !== stream.index) other.discard = DISCARD_ALL
  if (stream.codecpar.width * stream.codecpar.height > MOST_PIXELS) {
    throw new Fault(`its frames have more than ${MOST_PIXELS} pixels`)
  }
  const packet = frees.use(new Packet())
  packet.alloc()

  const read = (where: string) => {
    for (;;) {
      packet.unref()
      const code = format.readFrameSync(packet)
      if (code === again) continue
      if (code === EOF) return undefined
      check(code, `${where} cannot be read`)
      if (packet.streamIndex !== stream.index) continue
      if ((packet.flags & CORRUPT_PACKET) !== 0) throw new Fault(`truncated or damaged: ${where} is not whole`)
      return packet
    }
  }
  return { stream, has, extent, format: format.iformat?.name ?? "", read, close: frees.run }
}

/** Opens a decoder for a stream. Closing the decoder closes the file too. */
export const decode = (demuxer: Demuxer, kind: keyof typeof KINDS): Decoder => {
  const frees = new Frees()
  frees.add(demuxer.close)
  return frees.or(() => begin(frees, demuxer, kind))
}

const begin = (frees: Frees, demuxer: Demuxer, kind: keyof typeof KINDS): Decoder => {
  const { CodecContext, Codec, Frame, FFmpegError } = binding()
  const { stream, read } = demuxer
  const again = FFmpegError.getAverror("EAGAIN")
  const found = Codec.findDecoder(stream.codecpar.codecId)
  if (found === null) throw new Fault(`its ${kind} stream is of a kind that FFmpeg does not decode`)
  const codec = frees.use(new CodecContext())
  codec.allocContext3(found)
  check(codec.parametersToContext(stream.codecpar), `its ${kind} stream is damaged`)
  codec.pktTimebase = stream.timeBase
  codec.threadCount = 1
  check(codec.open2Sync(found, null), `its ${kind} stream cannot be decoded`)
  const frame = frees.use(new Frame())
  frame.alloc()

  /** Sends the decoder its next packet, or the end of the stream. */
  const feed = (where: string) => {
    const packet = read(where)
    if (packet === undefined) check(codec.sendPacketSync(null), `${where} is damaged`)
    else check(codec.sendPacketSync(packet), `truncated or damaged: ${where} cannot be decoded`)
  }

  let count = 0
  const next = () => {
    const where = kind === "video" ? `frame ${count}` : `packet ${count}`
    for (;;) {
      const code = codec.receiveFrameSync(frame)
      if (code === 0) break
      if (code === EOF) return undefined
      if (code !== again) check(code, `truncated or damaged: ${where} cannot be decoded`)
      feed(where)
    }
    if (frame.decodeErrorFlags !== 0 || (frame.flags & CORRUPT_FRAME) !== 0) {
      throw new Fault(`truncated or damaged: ${where} has errors`)
    }
    count++
    return frame
  }
  return { ...demuxer, next, close: frees.run }
}
