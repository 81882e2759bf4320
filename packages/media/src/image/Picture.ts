/**
 * Decodes image files to 8-bit pixels, equal to those of PIL's `Image.open(file).convert("RGB")`, on which the
 * published encoders were trained. JPEG, PNG, WebP, GIF (its first frame) and TIFF (its first page) are supported.
 *
 * Colours are taken as stored: alpha is dropped without blending, embedded profiles and gamma are ignored, CMYK is
 * converted by PIL's formula, 16-bit grey is clipped at 255 and 16-bit colour keeps its upper byte. Only a TIFF is
 * always rotated by its orientation; other formats are if the options ask for it. Kinds of files whose pixels are not
 * known to equal PIL's are refused.
 */
import { Memory } from "@igm/tensor"
import { Effect, FileSystem } from "effect"
import type { Metadata } from "sharp"
import * as Gif from "../codec/Gif.ts"
import * as Jpeg from "../codec/Jpeg.ts"
import * as Orientation from "../codec/Orientation.ts"
import { Refusal } from "../codec/Refusal.ts"
import * as Tiff from "../codec/Tiff.ts"
import { MediaError } from "../Errors.ts"
import * as Raster from "./Raster.ts"
import { type Format, LIMIT } from "./Raster.ts"
import * as Resize from "./Resize.ts"

/** Pixels row by row with interleaved channels: red, green, blue, or grey alone. */
export interface Picture {
  readonly width: number
  readonly height: number
  readonly channels: 1 | 3
  readonly data: Uint8Array
}

/** Options of decoding. */
export interface Options {
  /** Colour (by default), or the grey of PIL's `convert("L")`. */
  readonly mode?: "RGB" | "L"
  /** Applies the EXIF orientation as `ImageOps.exif_transpose` does; `false` by default. */
  readonly orient?: boolean
  /** The maximal number of pixels. By default the number at which PIL warns of a decompression bomb. */
  readonly limit?: number
}

/** Converts 16-bit grey to RGB; values above 255 become 255. */
const ofGrey16 = (grey: Uint16Array): Uint8Array => {
  const out = new Uint8Array(grey.length * 3)
  for (let i = 0; i < grey.length; i++) out.fill(Math.min(255, grey[i]!), 3 * i, 3 * i + 3)
  return out
}

/** Converts RGB to grey: L = (19595 R + 38470 G + 7471 B) / 65536, rounded (ITU-R 601). */
const luma = (rgb: Uint8Array): Uint8Array => {
  const out = new Uint8Array(rgb.length / 3)
  for (let i = 0; i < out.length; i++) {
    out[i] = (19595 * rgb[3 * i]! + 38470 * rgb[3 * i + 1]! + 7471 * rgb[3 * i + 2]! + 0x8000) >>> 16
  }
  return out
}

const bytesOf = (buffer: Buffer): Uint8Array => new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)

/** Tells if the pixels are 16-bit grey without an alpha channel of its own, which PIL clips instead of shifting. */
const isGrey16 = (format: Format, bytes: Uint8Array, { depth, channels }: Metadata): boolean =>
  depth === "ushort" && (format === "PNG" ? bytes[25] === 0 : channels === 1)

/** RGB pixels, row by row. */
type Rgb = Omit<Picture, "channels">

/**
 * Opens the bytes with libvips. Truncation is an error; harmless flaws, which PIL ignores, are not. A TIFF needs the
 * stricter level to report truncation.
 */
const opened = (format: Format, bytes: Uint8Array, { limit = LIMIT }: Options) =>
  Raster.trusted(bytes, {
    failOn: format === "TIFF" ? "error" : "truncated",
    ignoreIcc: true,
    limitInputPixels: limit,
    autoOrient: false
  })

const decodeTiff = async (bytes: Uint8Array, options: Options): Promise<Rgb> => {
  const { file, raw, depth, rgb } = Tiff.page(bytes)
  const { data, info } = await raw(opened("TIFF", file, options)).toBuffer({ resolveWithObject: true })
  const { width, height, channels } = info
  const length = width * height * channels
  const samples =
    depth === "float"
      ? new Float32Array(data.buffer, data.byteOffset, length)
      : depth === "ushort"
        ? new Uint16Array(data.buffer, data.byteOffset, length)
        : bytesOf(data)
  return { width, height, data: rgb({ channels, data: samples }) }
}

const decodeRgb = async (format: Format, bytes: Uint8Array, options: Options): Promise<Rgb> => {
  const image = opened(format, bytes, options).removeAlpha()
  const metadata = await image.metadata()
  const { depth, space } = metadata
  if (!["srgb", "b-w", "rgb16", "grey16", "cmyk"].includes(space) || !["uchar", "ushort"].includes(depth)) {
    throw new Refusal(`this ${format} image has pixels of a kind that is not read: ${space}, ${depth}`)
  }
  if (space === "cmyk") {
    const raw = image.pipelineColourspace("cmyk").toColourspace("cmyk").raw()
    const { data, info } = await raw.toBuffer({ resolveWithObject: true })
    return { width: info.width, height: info.height, data: Tiff.ofCmyk(bytesOf(data)) }
  }
  if (isGrey16(format, bytes, metadata)) {
    const raw = image.toColourspace("grey16").raw({ depth: "ushort" })
    const { data, info } = await raw.toBuffer({ resolveWithObject: true })
    const grey = new Uint16Array(data.buffer, data.byteOffset, info.width * info.height)
    return { width: info.width, height: info.height, data: ofGrey16(grey) }
  }
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true })
  return { width: info.width, height: info.height, data: bytesOf(data) }
}

const decodeGif = async (bytes: Uint8Array, options: Options): Promise<Rgb> => {
  const { frame, canvas, place, fill } = Gif.firstFrame(bytes)
  if (canvas.width * canvas.height > (options.limit ?? LIMIT)) throw new Error("the canvas exceeds pixel limit")
  const inner = await decodeRgb("GIF", frame, options)
  if (inner.width === canvas.width && inner.height === canvas.height) return inner
  const data = new Uint8Array(canvas.width * canvas.height * 3)
  for (let i = 0; i < data.length; i++) data[i] = fill[i % 3]!
  for (let y = 0; y < inner.height; y++) {
    const row = inner.data.subarray(y * inner.width * 3, (y + 1) * inner.width * 3)
    data.set(row, ((place.top + y) * canvas.width + place.left) * 3)
  }
  return { ...canvas, data }
}

const decodeAny = async (format: Format, bytes: Uint8Array, orientation: number, options: Options): Promise<Rgb> => {
  const rgb =
    format === "GIF"
      ? await decodeGif(bytes, options)
      : format === "TIFF"
        ? await decodeTiff(bytes, options)
        : await decodeRgb(format, bytes, options)
  return orientation === 1 ? rgb : Orientation.turned(rgb, orientation)
}

const problemOf = (format: Format, cause: unknown, { limit = LIMIT }: Options): string => {
  if (cause instanceof Refusal) return cause.message
  const message = (cause as Error).message
    .split("\n")[0]!
    .replace(/^Input buffer has corrupt header: *|^Unknown error$/, "")
  if (Raster.isTooLarge(cause)) return `this ${format} image has more than ${limit} pixels`
  return `this ${format} image is truncated or damaged${message === "" ? "" : ` (${message})`}`
}

/** Copies a picture out of temporary memory. */
const kept = (picture: Resize.Source): Picture =>
  "at" in picture ? Resize.kept(picture) : { ...picture, data: picture.data.slice() }

const pictureOf = (rgb: Rgb, { mode }: Options): Picture =>
  mode === "L" ? { ...rgb, channels: 1, data: luma(rgb.data) } : { ...rgb, channels: 3 }

/**
 * Decodes the bytes of a file and gives the result of `make`. The picture may be in temporary memory that is only valid
 * while `make` runs.
 */
const made = <A>(
  path: string,
  bytes: Uint8Array,
  options: Options,
  make: (picture: Resize.Source) => A
): Effect.Effect<A, MediaError> =>
  Effect.suspend(() => {
    const fail = (problem: string, cause?: unknown) => Effect.fail(new MediaError({ path, problem, cause }))
    let [format, orientation]: [Format | undefined, number] = [undefined, 1]
    try {
      format = Raster.formatOf(bytes)
      if (options.orient === true || format === "TIFF") orientation = Orientation.of(format, bytes)
    } catch (cause) {
      if (cause instanceof Refusal) return fail(cause.message, cause)
      throw cause
    }
    try {
      const usual =
        format === "JPEG" && orientation === 1
          ? Jpeg.decode(bytes, options.limit ?? LIMIT, (held) => ({
              made: make(
                options.mode === "L"
                  ? pictureOf(Resize.kept({ ...held, channels: 3 }), options)
                  : { ...held, channels: 3 }
              )
            }))
          : undefined
      if (usual !== undefined) return Effect.succeed(usual.made)
    } catch (cause) {
      if (cause instanceof RangeError) return fail(cause.message, cause)
      throw cause
    }
    return Effect.map(
      Effect.tryPromise({
        try: () => decodeAny(format, bytes, orientation, options),
        catch: (cause) => new MediaError({ path, problem: problemOf(format, cause, options), cause })
      }),
      (rgb) => {
        const picture = pictureOf(rgb, options)
        const out = make(picture)
        Memory.release(picture.data)
        return out
      }
    )
  })

/** Decodes the bytes of a file; errors name `path`. */
export const decode = (path: string, bytes: Uint8Array, options: Options = {}): Effect.Effect<Picture, MediaError> =>
  made(path, bytes, options, kept)

/**
 * Decodes a file and gives the result of `make`. The picture may be in temporary memory that is only valid while `make`
 * runs.
 */
export const use = Effect.fn("Picture.use")(function* <A>(
  path: string,
  options: Options,
  make: (picture: Resize.Source) => A
) {
  const fs = yield* FileSystem.FileSystem
  const bytes = yield* fs
    .readFile(path)
    .pipe(Effect.mapError((cause) => new MediaError({ path, problem: "this image cannot be read", cause })))
  const out = yield* made(path, bytes, options, make)
  Memory.release(bytes)
  return out
})

/** Reads the picture in a file. */
export const read = (path: string, options: Options = {}) => use(path, options, kept)
