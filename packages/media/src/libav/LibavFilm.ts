/**
 * Decodes the frames of a film, in the decoding process. Frames are counted from 0 in presentation order, as OpenCV's
 * `VideoCapture` counts them when it reads sequentially. Their colours are converted as OpenCV converts them: swscale
 * gets the decoded frames themselves and follows their matrix, range, primaries and chroma location. Unwanted frames
 * are decoded and dropped, since a file's index is not reliable about where frames begin.
 */
import * as Libav from "./Libav.ts"
import type * as Native from "./LibavTypes.ts"

/** The channels that are kept of each pixel: three (RGB or BGR), PIL's grey, or the blue channel alone. */
export type Pixels = "RGB" | "BGR" | "grey" | "blue"

/** The selected frames: from `from` up to `to` (exclusive), every `step`-th one, or one a second. */
export interface Wanted {
  readonly from: number
  readonly to?: number | undefined
  readonly step: number | "second"
  /** `true` if the range may extend beyond the film's end. */
  readonly lax: boolean
}

/** Metadata of a film, known before decoding. */
export interface About {
  readonly width: number
  readonly height: number
  readonly channels: 1 | 3
  /** The frame rate, in frames per second. */
  readonly rate: number
  /** The number of frames that the file declares; not all files declare one, and some are wrong. */
  readonly declared?: number
  readonly hasSound: boolean
}

/** A sequence of consecutive selected frames. */
interface Chunk {
  readonly indices: ReadonlyArray<number>
  /** `true` for the film's last chunk. */
  readonly end: boolean
  /** The pixels of the frames, frame after frame. */
  readonly bytes: Uint8Array
}

/** An open film. */
export interface Film {
  readonly about: About
  /** Decodes the next selected frames, at most `most` of them. */
  readonly next: (most: number) => Chunk
  /** Counts all frames of the film; the remaining ones are decoded but not converted. */
  readonly count: () => number
  readonly close: () => void
}

const INTERLACED = 1 << 3

/** Colour encodings (matrix coefficients by their numbers in ITU-T H.273) that swscale does not convert. */
const UNCONVERTED: { readonly [matrix: number]: string } = {
  8: "YCgCo",
  10: "BT.2020 with constant luminance",
  11: "SMPTE ST 2085",
  12: "a matrix of its primaries",
  13: "a matrix of its primaries with constant luminance",
  14: "ICtCp"
}

const rateOf = ({ avgFrameRate, rFrameRate }: Libav.Decoder["stream"]): number => {
  const rate = [avgFrameRate, rFrameRate].find(({ num, den }) => num > 0 && den > 0)
  return rate === undefined ? 0 : rate.num / rate.den
}

const unconverted = ({ colorSpace }: Native.Frame): string => {
  const coded = UNCONVERTED[colorSpace]
  return coded === undefined ? "" : `: their colours are coded as ${coded}, so bring the film to BT.709 first`
}

/** Creates a converter of frames of one size to packed pixels. */
const converter = (frees: Libav.Frees, width: number, height: number, pixels: Pixels) => {
  const { Frame, SoftwareScaleContext } = Libav.binding()
  const scaler = frees.use(new SoftwareScaleContext())
  const picture = frees.use(new Frame())
  const format = pixels === "RGB" || pixels === "grey" ? Libav.PIXELS.RGB24 : Libav.PIXELS.BGR24
  picture.alloc()
  Object.assign(picture, { width, height, format })
  Libav.check(picture.getBuffer(0), "there is not enough memory for a frame")
  scaler.allocContext()
  return (frame: Native.Frame, out: Uint8Array) => {
    // The lines of two fields are one picture, as in OpenCV 4; of version 5 they are what lay in memory.
    frame.flags &= ~INTERLACED
    const code = scaler.scaleFrameSync(picture, frame)
    if (code < 0) Libav.check(code, `its pixels cannot be converted${unconverted(frame)}`)
    const [line] = picture.linesize as [number]
    const [data] = picture.data as [Buffer]
    for (let y = 0; y < height; y++) pack(data, y * line, out, y * width, width, pixels)
  }
}

/** Writes the selected channels of a row of pixels to its place in the output. */
const pack = (data: Uint8Array, at: number, out: Uint8Array, first: number, width: number, pixels: Pixels) => {
  if (pixels === "RGB" || pixels === "BGR") return out.set(data.subarray(at, at + 3 * width), 3 * first)
  for (let x = 0, i = at; x < width; x++, i += 3) {
    out[first + x] =
      pixels === "blue" ? data[i]! : (19595 * data[i]! + 38470 * data[i + 1]! + 7471 * data[i + 2]! + 0x8000) >>> 16
  }
}

/** Opens a film. Reading throws a `Fault` if the film has no frames, or ends before `to` of a range that is not `lax`. */
export const open = (path: string, pixels: Pixels, wanted: Wanted): Film => {
  const frees = new Libav.Frees()
  return frees.or(() => begin(frees, path, pixels, wanted))
}

const begin = (frees: Libav.Frees, path: string, pixels: Pixels, wanted: Wanted): Film => {
  const decoder = Libav.decode(Libav.demux(path, "video"), "video")
  frees.add(decoder.close)
  const { stream, has } = decoder
  const { width, height } = stream.codecpar
  if (width < 1 || height < 1) throw new Libav.Fault("its frames have no size")
  const rate = rateOf(stream)
  const step = wanted.step === "second" ? Math.trunc(rate) : wanted.step
  if (step < 1) throw new Libav.Fault("it does not say how many frames a second it has")
  const channels = pixels === "RGB" || pixels === "BGR" ? 3 : 1
  const size = width * height * channels
  const convert = converter(frees, width, height, pixels)
  const { from, to = Infinity } = wanted
  let index = 0

  const decode = () => {
    const frame = decoder.next()
    if (frame === undefined) {
      if (index === 0) throw new Libav.Fault("it has no frames")
      if (wanted.to === undefined || wanted.lax) return undefined
      throw new Libav.Fault(`its frames ${from} to ${to} are wanted, but it has ${index}`)
    }
    if (frame.width !== width || frame.height !== height) {
      const sizes = `${frame.width} × ${frame.height} after ${width} × ${height}`
      throw new Libav.Fault(`its frames change their size: frame ${index} has ${sizes}`)
    }
    index++
    return frame
  }

  const next = (most: number): Chunk => {
    const indices: Array<number> = []
    const bytes = new Uint8Array(most * size)
    let end = index >= to
    while (!end && indices.length < most) {
      const frame = decode()
      if (frame !== undefined && index > from && (index - 1 - from) % step === 0) {
        convert(frame, bytes.subarray(indices.length * size, (indices.length + 1) * size))
        indices.push(index - 1)
      }
      end = frame === undefined || index >= to
    }
    return { indices, end, bytes: bytes.subarray(0, indices.length * size) }
  }

  const count = () => {
    while (decode() !== undefined);
    return index
  }

  const declared = Number(stream.nbFrames)
  const about = { width, height, channels, rate, ...(declared > 0 ? { declared } : {}), hasSound: has.audio } as const
  return { about, next, count, close: frees.run }
}
