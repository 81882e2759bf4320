/**
 * Kinetics-Sounds (Arandjelović and Zisserman 2017): 31 actions, heard and seen. The public list has 14,799 clips to train and
 * 2,597 to test, with classes by number; a list with names has the header `youtube_id,label`.
 *
 *     KineticSound-my_{train,test}.txt, or my_{train,test}.txt
 *                                                 clip,10,label
 *     {train,test}.csv                            youtube_id,label
 *     {train,test}_wav/{clip}.wav
 *     {train,test}_img/Image-01-FPS/{clip}/*.jpg  one frame a second, more than three
 */
import { FrameInput, LogStft, type Preprocess } from "@igm/media"
import { Effect } from "effect"
import * as FolderDataset from "./FolderDataset.ts"
import * as Listing from "./Listing.ts"

export type Modality = "audio" | "video"

/** The list to read: the public one, or one with the names of classes, which are given in a fixed order. */
export type Annotations =
  { readonly kind: "public" } | { readonly kind: "named"; readonly classes: ReadonlyArray<string> }

/** Options of the data set. */
export interface Options extends FolderDataset.Options {
  readonly annotations?: Annotations
  /** The names of the lists; by default those of the published names that are there. */
  readonly lists?: Listing.Lists | undefined
  /** The published split, from whose training clips a tenth of each class validates; or splits that share no video. */
  readonly split?: "published" | "independent"
  /** By default a log-spectrogram 1 × 257 × 1003, and three frames, 3 × 3 × 224 × 224. */
  readonly modalities?: { readonly [K in Modality]: Preprocess }
}

const COUNT = 31
const FRAMES = 3

const modalities = { audio: LogStft.inputs.kineticsSounds, video: FrameInput.imagenet }

/** The video on YouTube that a clip is of: the eleven characters at the start of its name. */
const videoOf = (clip: string): string => clip.slice(0, 11)

const rowOf = (split: "train" | "test", clip: string, label: number, at: Listing.At): Listing.Row<Modality> => ({
  id: clip,
  split,
  label,
  group: videoOf(clip),
  wanted: {
    audio: { kind: "file", path: `${split}_wav/${clip}.wav` },
    video: { kind: "pictures", path: `${split}_img/Image-01-FPS/${clip}`, count: FRAMES, least: FRAMES + 1 }
  },
  at
})

type Read = Parameters<typeof Listing.ofLines<Modality>>[1]

const isClip = (clip: string): boolean => /^[\w-]{11}/.test(clip)

const numbered =
  (split: "train" | "test"): Read =>
  (line, fault) => {
    const count = Listing.countFault(line, "clip,10,label", 3)
    if (count !== undefined) return [fault("row", count)]
    const [clip, , label] = line.cells as readonly [string, string, string]
    if (!isClip(clip)) return [fault("clip", `"${clip}" does not begin with the id of a video`)]
    if (!/^\d+$/.test(label) || Number(label) >= COUNT) {
      return [fault("label", `"${label}" is not a class from 0 to ${COUNT - 1}`)]
    }
    return rowOf(split, clip, Number(label), line.at)
  }

const named =
  (split: "train" | "test", classes: ReadonlyArray<string>): Read =>
  (line, fault) => {
    const count = Listing.countFault(line, "youtube_id,label", 2)
    if (count !== undefined) return [fault("row", count)]
    const [clip, name] = line.cells as readonly [string, string]
    if (!isClip(clip)) return [fault("youtube_id", `"${clip}" does not begin with the id of a video`)]
    const label = classes.indexOf(name)
    return label < 0 ? [fault("label", `"${name}" is no class`)] : rowOf(split, clip, label, line.at)
  }

const HEADER = "youtube_id,label"

const LISTS = {
  public: ["KineticSound-my_", "my_"].map((name) => ({ train: `${name}train.txt`, test: `${name}test.txt` })),
  named: [{ train: "train.csv", test: "test.csv" }]
} as const

/** Reads the lists in a folder. */
export const list = (annotations: Annotations, lists?: Listing.Lists) =>
  Effect.fn("KineticsSounds.list")((root: string) =>
    Listing.ofLists(root, LISTS[annotations.kind], lists, (split, file) =>
      Effect.map(Listing.text(file), ({ text, faults }) => {
        const { lines, faults: more } = Listing.cells(file, text, { delimiter: ",", quotes: true })
        const all = [...faults, ...more]
        if (annotations.kind === "public") return Listing.ofLines<Modality>({ lines, faults: all }, numbered(split))
        const [header, ...rows] = lines
        const problem = `the first line is "${header?.cells.join(",") ?? ""}", not the header ${HEADER}`
        const wrong = header === undefined || header.cells.join(",") === HEADER ? [] : [{ ...header.at, problem }]
        return Listing.ofLines<Modality>({ lines: rows, faults: [...all, ...wrong] }, named(split, annotations.classes))
      })
    )
  )

/** The data set in a folder. */
export const make = (options: Options): FolderDataset.FolderDataset<Modality> => {
  const { seed, split = "published", annotations = { kind: "public" }, lists } = options
  const classes =
    annotations.kind === "named" ? annotations.classes : Array.from({ length: COUNT }, (_, label) => `class ${label}`)
  return FolderDataset.make(
    {
      name: "Kinetics-Sounds",
      source: `Kinetics-Sounds with the ${annotations.kind} list`,
      classes,
      modalities: options.modalities ?? modalities,
      list: list(annotations, lists),
      divide:
        split === "published"
          ? FolderDataset.validByClass(0.1, seed)
          : FolderDataset.byGroup({ valid: 0.1, test: 0.15 }, seed),
      recipe: {
        split,
        annotations: annotations as unknown as string,
        ...(lists === undefined ? {} : { lists: { ...lists } })
      }
    },
    options
  )
}
