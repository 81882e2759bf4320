/**
 * Films (AVI, FLV, MP4 and what else their containers hold that FFmpeg decodes) as streams of 8-bit frames, which are
 * decoded when they are asked for: memory holds some megabytes of them, whatever the film's length.
 *
 * Frames count from 0 in the order in which they are shown; their pixels are those of OpenCV 5's `VideoCapture`, by the
 * matrix, the range and the primaries that a film declares. A film whose colours are coded in a way that OpenCV does not
 * convert (YCgCo, constant luminance) is an error. So is one that is cut off, or that FFmpeg reports damage in, and not a
 * shorter film; what a file says of how it should be turned is ignored. In a thread some films are open at a time, from a
 * stream's first frame to its end, and others wait.
 */
import { Effect, Stream } from "effect"
import { resolve } from "node:path"
import type * as LibavFilm from "./LibavFilm.ts"
import * as MediaProcess from "./MediaProcess.ts"

/** What is known of a film before it is decoded. */
export type About = LibavFilm.About

/** What is taken of pixels: three channels; the grey that PIL makes of them; or the blue one, as the released code of depth. */
export type Pixels = LibavFilm.Pixels

/** A frame: its number, and its pixels in rows, the channels of a pixel side by side. */
export interface Frame {
  readonly index: number
  readonly width: number
  readonly height: number
  readonly channels: 1 | 3
  readonly data: Uint8Array
}

/** Which frames: from the first on, all that follow or those up to one that is not wanted, and every how manieth. */
export interface Options {
  /** RGB by default. */
  readonly pixels?: Pixels
  readonly from?: number
  readonly to?: number
  /** Whether frames that are missing before `to` are an error, as they are by default. */
  readonly missing?: "error" | "ignored"
  /** 1 by default; "second": the whole part of the frames a second, as the released conversion of films to images. */
  readonly step?: number | "second"
}

/** Bytes of frames that are handed over at a time. */
const CHUNK = 1 << 21

const open = Effect.fnUntraced(function* (path: string, { pixels = "RGB", from = 0, to, step = 1, missing }: Options) {
  const ask = yield* MediaProcess.use(path)
  const [{ film }] = yield* ask({
    do: "film",
    path: resolve(path),
    pixels,
    wanted: { from, to, step, lax: missing === "ignored" }
  })
  return { ask, film: film! }
})

/** The frames of a film. */
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

/** What a film's head says of it. */
export const about = Effect.fn("Film.about")(function* (path: string) {
  return (yield* open(path, {})).film
}, Effect.scoped)

/** How many frames a film has, by decoding them all. */
export const count = Effect.fn("Film.count")(function* (path: string) {
  const { ask } = yield* open(path, {})
  return (yield* ask({ do: "count" }))[0].count!
}, Effect.scoped)
