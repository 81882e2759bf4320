/**
 * Twitter15 (Yu and Jiang 2019, "Adapting BERT for target-oriented multimodal sentiment classification"): what a tweet with a
 * picture feels about a target that it names. The splits are published: 3,179 rows to train, 1,122 and 1,037.
 *
 *     absa_data/twitter2015/{train,dev,test}.tsv   index, label, image, text with $T$ for the target, target
 *     twitter2015_images/{image}
 */
import { ImageInput, type Preprocess } from "@igm/media"
import { Effect, Path } from "effect"
import * as FolderDataset from "./FolderDataset.ts"
import * as Listing from "./Listing.ts"

export type Modality = "text" | "image"

/** Options of the data set. */
export interface Options extends FolderDataset.Options {
  /** The tokenizer of texts. */
  readonly text: Preprocess
  /** Preprocessing of pictures; by default 3 × 224 × 224 with CLIP's mean and deviation. */
  readonly image?: Preprocess
  /**
   * The treatment of the target: "left out", as in the released code, so that $T$ stands in the text; or it takes its
   * place.
   */
  readonly target?: "left out" | "in place"
}

/** The classes, in the order of the labels. */
export const CLASSES = ["negative", "neutral", "positive"] as const

const FILES = { train: "train", valid: "dev", test: "test" } as const
const TITLES = new Set(["index\t#1 Label\t#2 ImageID\t#3 String\t#3 String", "index\t#1 ImageID\t#2 String\t#2 String"])
const MARKER = "$T$"

const lineOf =
  (split: keyof typeof FILES, target: "left out" | "in place"): Parameters<typeof Listing.ofLines<Modality>>[1] =>
  (line, fault) => {
    const count = Listing.countFault(line, "index, label, image, text and target", 5)
    if (count !== undefined) return [fault("row", count)]
    const [index, label, image, text, named] = line.cells as readonly [string, string, string, string, string]
    if (!/^\d+$/.test(index)) return [fault("index", `"${index}" is not a number`)]
    if (!/^[012]$/.test(label)) return [fault("label", `"${label}" is not 0, 1 or 2`)]
    if (!/^[^/\\]+$/.test(image)) return [fault("image", `"${image}" is not the name of a file`)]
    if (!text.includes(MARKER)) return [fault("text", `the text has no ${MARKER} where its target stands`)]
    return {
      id: `${FILES[split]}-${index}`,
      split,
      label: Number(label),
      group: image,
      wanted: {
        text: { kind: "text", text: target === "in place" ? text.replaceAll(MARKER, () => named) : text },
        image: { kind: "file", path: `twitter2015_images/${image}` }
      },
      at: line.at
    }
  }

/** Reads the files in a folder. */
export const list = (target: "left out" | "in place") =>
  Effect.fn("Twitter15.list")(function* (root: string) {
    const path = yield* Path.Path
    const listings = yield* Effect.forEach(["train", "valid", "test"] as const, (split) => {
      const file = path.join(root, "absa_data", "twitter2015", `${FILES[split]}.tsv`)
      return Effect.map(Listing.text(file), ({ text, faults }) => {
        const { lines, faults: more } = Listing.cells(file, text, { delimiter: "\t", quotes: false })
        const [header, ...rows] = lines
        const isTitled = header === undefined || TITLES.has(header.cells.join("\t").trim())
        const wrong = isTitled
          ? []
          : [{ ...header.at, problem: "the first line is not a header of tab-separated titles" }]
        return Listing.ofLines<Modality>({ lines: rows, faults: [...faults, ...more, ...wrong] }, lineOf(split, target))
      })
    })
    return Listing.together(listings)
  })

/** The data set in a folder. */
export const make = (options: Options): FolderDataset.FolderDataset<Modality> => {
  const { text, image = ImageInput.clip, target = "left out" } = options
  return FolderDataset.make(
    {
      name: "Twitter15",
      source: "Twitter15 with the files of TomBERT",
      classes: CLASSES,
      modalities: { text, image },
      list: list(target),
      divide: (rows) => rows,
      recipe: { target }
    },
    options
  )
}
