/**
 * CREMA-D (Cao et al. 2014): one of six emotions, acted in a voice and a face. The lists are those of OGM-GE, without a header,
 * 6,698 clips to train and 744 to test, in which all 91 actors are on both sides; `independent` deals the actors anew.
 *
 *     annotations/{train,test}.csv     clip,EMO
 *     AudioWAV/{clip}.wav              16 kHz
 *     Image-01-FPS/{clip}/*.jpg        one frame a second of VideoFlash/{clip}.flv: `igm data prepare` makes them
 */
import { type FilmFrames, ImageInput, LogStft, type Preprocess } from "@igm/media"
import { Effect, Path } from "effect"
import * as FolderDataset from "./FolderDataset.ts"
import * as Listing from "./Listing.ts"

export type Modality = "audio" | "video"

/** Options of the data set. */
export interface Options extends FolderDataset.Options {
  /** The published split, from whose training clips a tenth of each class validates; or splits that share no actor. */
  readonly split?: "published" | "independent"
  /** By default a log-spectrogram 1 × 257 × 188, and the first frame, 3 × 224 × 224. */
  readonly modalities?: { readonly [K in Modality]: Preprocess }
}

/** The classes, in the order of the released code. */
export const CLASSES = ["neutral", "happy", "sad", "fear", "disgust", "anger"] as const
const EMOTIONS = ["NEU", "HAP", "SAD", "FEA", "DIS", "ANG"]

const modalities = { audio: LogStft.inputs.cremaD, video: ImageInput.imagenet }

const lineOf =
  (split: "train" | "test"): Parameters<typeof Listing.ofLines<Modality>>[1] =>
  (line, fault) => {
    const count = Listing.countFault(line, "clip,EMO", 2)
    if (count !== undefined) return [fault("row", count)]
    const [clip, emotion] = line.cells as readonly [string, string]
    const label = EMOTIONS.indexOf(emotion)
    const actor = /^(\d{4})_\w+$/.exec(clip)?.[1]
    if (actor === undefined) return [fault("clip", `"${clip}" does not begin with the four digits of an actor`)]
    if (label < 0) return [fault("emotion", `"${emotion}" is none of ${EMOTIONS.join(", ")}`)]
    return {
      id: clip,
      split,
      label,
      group: actor,
      wanted: {
        audio: { kind: "file", path: `AudioWAV/${clip}.wav` },
        video: { kind: "pictures", path: `Image-01-FPS/${clip}`, count: 1, least: 1 }
      },
      at: line.at
    }
  }

/** Reads the lists in a folder. */
export const list = Effect.fn("CremaD.list")(function* (root: string) {
  const path = yield* Path.Path
  const listings = yield* Effect.forEach(["train", "test"] as const, (split) => {
    const file = path.join(root, "annotations", `${split}.csv`)
    return Effect.map(Listing.text(file), ({ text, faults }) => {
      const { lines, faults: more } = Listing.cells(file, text, { delimiter: ",", quotes: true })
      return Listing.ofLines<Modality>({ lines, faults: [...faults, ...more] }, lineOf(split))
    })
  })
  return Listing.together(listings)
})

/** The films of all listed clips and where their pictures belong, and what is wrong with the lists. */
export const films = Effect.fn("CremaD.films")(function* (root: string) {
  const path = yield* Path.Path
  const { rows, faults } = yield* list(root)
  const wanted = rows.map(({ id }): FilmFrames.Wanted => ({
    film: path.join(root, "VideoFlash", `${id}.flv`),
    folder: path.join(root, "Image-01-FPS", id)
  }))
  return { wanted, faults }
})

/** The data set in a folder. */
export const make = (options: Options): FolderDataset.FolderDataset<Modality> => {
  const { seed, split = "published" } = options
  return FolderDataset.make(
    {
      name: "CREMA-D",
      source: "CREMA-D with the lists of OGM-GE",
      classes: CLASSES,
      modalities: options.modalities ?? modalities,
      list,
      divide:
        split === "published"
          ? FolderDataset.validByClass(0.1, seed)
          : FolderDataset.byGroup({ valid: 0.1, test: 0.1 }, seed),
      recipe: { split }
    },
    options
  )
}
