/**
 * Films (AVI, FLV, MP4 and other formats that FFmpeg reads from such containers) as streams of 8-bit frames. Frames are
 * decoded on demand: memory holds some megabytes of them, regardless of the film's length.
 *
 * Frames are counted from 0 in presentation order; their pixels are those of OpenCV 5's `VideoCapture`, converted by
 * the matrix, range and primaries that the film declares. A film whose colour encoding OpenCV does not convert (YCgCo,
 * constant luminance) is an error. A truncated film, or one in which FFmpeg reports damage, is an error as well and
 * never a shorter film; rotation metadata is ignored. Each thread has a limited number of films open at a time, from a
 * stream's first frame to its end; further streams wait.
 */
import { Effect, Stream } from "effect"
import { resolve } from "node:path"
import type * as LibavFilm from "../libav/LibavFilm.ts"
import { MediaDecoder } from "../MediaDecoder.ts"

/** Metadata of a film, known before decoding. */
export type About = LibavFilm.About

/**
 * The channels that are kept of each pixel: three, PIL's grey, or the blue channel, which the released code takes for
 * depth.
 */
export type Pixels = LibavFilm.Pixels

/** A frame: its number, and its pixels row by row with interleaved channels. */
export interface Frame {
  readonly index: number
  readonly width: number
  readonly height: number
  readonly channels: 1 | 3
  readonly data: Uint8Array
}

/**
 * The selected frames and channels: frames from `from` (0 by default) up to `to` (exclusive; the end by default), every
 * `step`-th one.
 */
export interface Options {
  /** RGB by default. */
  readonly pixels?: Pixels
  readonly from?: number
  readonly to?: number
  /** Treats frames missing before `to` as an error (by default) or ignores them. */
  readonly missing?: "error" | "ignored"
  /**
   * 1 by default; "second" is the frame rate rounded down (about one frame a second), as in the released conversion of
   * films to images.
   */
  readonly step?: number | "second"
}

/** The size in bytes of a chunk of frames from the decoding process. */
const CHUNK = 1 << 21

const open = Effect.fnUntraced(function* (path: string, { pixels = "RGB", from = 0, to, step = 1, missing }: Options) {
  const ask = yield* (yield* MediaDecoder).ffmpeg(path)
  const [{ film }] = yield* ask({
    do: "film",
    path: resolve(path),
    pixels,
    wanted: { from, to, step, lax: missing === "ignored" }
  })
  return { ask, film: film! }
})

/** A stream of the frames of a film. */
export const frames = (path: string, options: Options = {}) =>
  Stream.unwrap(
    Effect.gen(function* () {
      const { ask, film } = yield* open(path, options)
      const { width, height, channels } = film
      const size = width * height * channels
      const most = Math.max(1, Math.floor(CHUNK / size))
      const next = Effect.fnUntraced(function* (ended: boolean) {
        if (ended) return undefined
        const [{ indices = [], end = true }, bytes] = yield* ask({ do: "frames", most })
        const chunk = indices.map((index, i): Frame => {
          const data = bytes.subarray(i * size, (i + 1) * size)
          return { index, width, height, channels, data }
        })
        return [chunk, end] as const
      })
      // The next frames are decoded while these are used.
      return Stream.unfold(false, next).pipe(Stream.buffer({ capacity: 1 }), Stream.flattenIterable)
    })
  )

/** Reads a film's metadata from its header. */
export const about = Effect.fn("Film.about")(function* (path: string) {
  return (yield* open(path, {})).film
}, Effect.scoped)

/** Counts the frames of a film by decoding all of them. */
export const count = Effect.fn("Film.count")(function* (path: string) {
  const { ask } = yield* open(path, {})
  return (yield* ask({ do: "count" }))[0].count!
}, Effect.scoped)
