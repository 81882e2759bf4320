/**
 * Previews of samples for self-contained HTML pages: a downscaled image, a playable sound with the spectrogram that its
 * encoder reads, or a text.
 */
import type { Tensor } from "@igm/tensor"
import { Effect, FileSystem, Stream } from "effect"
import { MediaError } from "./Errors.ts"
import type { MediaDecoder } from "./MediaDecoder.ts"
import * as Film from "./film/Film.ts"
import * as Libvips from "./image/Libvips.ts"
import * as Raster from "./image/Raster.ts"
import type { Preprocess, Source, Tensors } from "./Preprocess.ts"

/** An image, as the bytes of an image file. */
export interface Image {
  readonly kind: "image"
  readonly type: "image/png" | "image/jpeg"
  readonly bytes: Uint8Array
  /**
   * `true` if the image is so small that the page should enlarge it without smoothing, so that single pixels are
   * visible.
   */
  readonly tiny: boolean
}

/**
 * A sound, as the bytes of its file, and the spectrogram that its encoder reads: rows are frequencies from low to high.
 */
export interface Sound {
  readonly kind: "sound"
  readonly type: string
  readonly bytes: Uint8Array
  readonly spectrogram?: { readonly rows: number; readonly columns: number; readonly data: ArrayLike<number> }
}

/** A text. */
export interface Text {
  readonly kind: "text"
  readonly text: string
}

/** A preview of a sample in one modality. */
export type SamplePreview = Image | Sound | Text

const SOUNDS: { readonly [ending: string]: string } = {
  wav: "audio/wav",
  mp3: "audio/mpeg",
  flac: "audio/flac",
  ogg: "audio/ogg",
  m4a: "audio/mp4"
}

/** The media type of a sound file, by its file extension; undefined for other files. */
export const soundType = (path: string): string | undefined =>
  SOUNDS[/\.([^./]+)$/.exec(path)?.[1]?.toLowerCase() ?? ""]

/** The longest side, in pixels, of a preview, and of an image that counts as tiny. */
const [LARGEST, TINY] = [256, 64]

const read = (path: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFile(path)).pipe(
    Effect.mapError((cause) => new MediaError({ path, problem: "this file cannot be read", cause }))
  )

const image = (path: string) =>
  Raster.use(path, "this picture cannot be shown", async (bytes): Promise<Image> => {
    const { width, height } = await Raster.open(bytes).metadata()
    const tiny = Math.max(width, height) <= TINY
    const size = { width: LARGEST, height: LARGEST, fit: "inside", withoutEnlargement: true } as const
    const picture = Raster.open(bytes).flatten({ background: "black" }).toColourspace("srgb")
    return tiny
      ? { kind: "image", type: "image/png", bytes: await picture.png().toBuffer(), tiny }
      : { kind: "image", type: "image/jpeg", bytes: await picture.resize(size).jpeg().toBuffer(), tiny }
  })

/** Turns the tensor (1 × frequencies × frames) into the rows of a spectrogram. */
const spectrogramOf = (tensors: Tensors): Sound["spectrogram"] => {
  const { shape, data } = tensors as Partial<Tensor.Tensor<"float32">>
  return shape?.length === 3 && shape[0] === 1 ? { rows: shape[1]!, columns: shape[2]!, data: data! } : undefined
}

const sound = Effect.fn("SamplePreview.sound")(function* (source: Source, type: string, { load }: Preprocess) {
  const spectrogram = spectrogramOf(yield* load(source))
  const shown: Sound = {
    kind: "sound",
    type,
    bytes: yield* read(source.path),
    ...(spectrogram === undefined ? {} : { spectrogram })
  }
  return shown
})

/** Tells if a file is a film, by its file extension. */
export const isFilm = (path: string): boolean => /\.(avi|flv|mp4|mov|mkv|webm)$/i.test(path)

/** The number of a film's frames that a preview shows side by side. */
const STRIP = 4

/** A strip of frames, evenly spread over a film or over the source's range of frames. */
const film = Effect.fn("SamplePreview.film")(function* ({ path, frames }: Source) {
  const [from, to] = frames ?? [0, yield* Film.count(path)]
  const step = Math.max(1, Math.floor((to - from) / STRIP))
  const all = yield* Stream.runCollect(Film.frames(path, { from, to, step, missing: "ignored" }))
  const shown = all.slice(0, STRIP)
  const [first] = shown
  if (first === undefined) return yield* new MediaError({ path, problem: "there are no frames to show" })
  return yield* Effect.tryPromise({
    try: async (): Promise<Image> => {
      const { width, height, channels } = first
      const frame = (data: Uint8Array) =>
        Libvips.open()(data, { raw: { width, height, channels } })
          .resize({ width: LARGEST / 2, height: LARGEST / 2, fit: "inside" })
          .png()
          .toBuffer({ resolveWithObject: true })
      const small = await Promise.all(shown.map(({ data }) => frame(data)))
      const size = small[0]!.info
      const strip = Libvips.open()({
        create: { width: size.width * small.length, height: size.height, channels: 3, background: "black" }
      }).composite(small.map(({ data }, i) => ({ input: data, left: i * size.width, top: 0 })))
      return { kind: "image", type: "image/jpeg", bytes: await strip.jpeg().toBuffer(), tiny: false }
    },
    catch: (cause) => new MediaError({ path, problem: "this film cannot be shown", cause })
  })
})

/** The preview of a source with the given preprocessing. */
export const of = (
  source: Source,
  preprocess: Preprocess
): Effect.Effect<SamplePreview, MediaError, FileSystem.FileSystem | MediaDecoder> => {
  if (source.text !== undefined) return Effect.succeed({ kind: "text", text: source.text })
  // Of several pictures, the one in the middle.
  const { path, files } = source
  if (files !== undefined) return image(`${path}/${files[files.length >> 1]!}`)
  if (isFilm(path)) return film(source)
  const type = soundType(path)
  return type === undefined ? image(path) : sound(source, type, preprocess)
}
