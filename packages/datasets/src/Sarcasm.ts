/**
 * Sarcasm on Twitter (Cai, Cai and Wan 2019, "Multi-modal sarcasm detection in Twitter with hierarchical fusion model"):
 * whether a tweet with a picture is meant as it says. 29,040 tweets to train, of which 19,816 are without words that give it
 * away; 2,410 and 2,409 to validate and to test.
 *
 *     text/train.txt              a Python list a line: [id, text, label]
 *     text/{valid2,test2}.txt     [id, text, label by hashtag, label by a person]
 *     images/{id}.jpg
 */
import { ImageInput, type Preprocess } from "@igm/media"
import { Effect, Path } from "effect"
import type { Fault } from "./Errors.ts"
import * as FolderDataset from "./FolderDataset.ts"
import * as Listing from "./Listing.ts"
import * as PythonList from "./PythonList.ts"

export type Modality = "text" | "image"

/** Options of the data set. */
export interface Options extends FolderDataset.Options {
  /** The tokenizer of texts. */
  readonly text: Preprocess
  /** Preprocessing of pictures; by default 3 × 224 × 224 with CLIP's mean and deviation. */
  readonly image?: Preprocess
  /** The labels of the validation and test splits: by the tweet's hashtag, as in training, or by human annotators. */
  readonly labels?: "hashtag" | "person"
}

/** The classes, in the order of the labels. */
export const CLASSES = ["sincere", "sarcastic"] as const

const FILES = { train: "train", valid: "valid2", test: "test2" } as const

/** Training tweets with one of these words are left out, as by the authors, who do not publish their pictures. */
const TELLING = new Set("exgag sarcasm sarcastic reposting <url> joke humour humor jokes irony ironic".split(" "))

const isTelling = (text: string): boolean => text.split(/\s+/).some((word) => TELLING.has(word))

const rowOf = (
  split: keyof typeof FILES,
  at: Listing.At,
  values: ReadonlyArray<string | number>,
  labels: "hashtag" | "person"
): Listing.Row<Modality> | Fault | undefined => {
  const [wanted, shape] = split === "train" ? [3, "[id, text, label]"] : [4, "[id, text, label, label]"]
  if (values.length !== wanted)
    return { ...at, column: "row", problem: `${values.length} values, where ${shape} are ${wanted}` }
  const [id, text] = values
  const label = values[labels === "hashtag" || split === "train" ? 2 : 3]
  if (typeof id !== "string" || !/^\d+$/.test(id))
    return { ...at, column: "id", problem: `${JSON.stringify(id)} is no tweet's id` }
  if (typeof text !== "string") return { ...at, column: "text", problem: `${String(text)} is no text` }
  if (label !== 0 && label !== 1) return { ...at, column: "label", problem: `${JSON.stringify(label)} is not 0 or 1` }
  if (split === "train" && isTelling(text)) return undefined
  return {
    id,
    split,
    label,
    group: id,
    wanted: { text: { kind: "text", text }, image: { kind: "file", path: `images/${id}.jpg` } },
    at
  }
}

/** Reads the files in a folder. */
export const list = (labels: "hashtag" | "person") =>
  Effect.fn("Sarcasm.list")(function* (root: string) {
    const path = yield* Path.Path
    const listings = yield* Effect.forEach(["train", "valid", "test"] as const, (split) => {
      const file = path.join(root, "text", `${FILES[split]}.txt`)
      return Effect.map(Listing.text(file), ({ text, faults }): Listing.Listing<Modality> => {
        const found = text.split("\n").flatMap((line, i): ReadonlyArray<Listing.Row<Modality> | Fault> => {
          if (line.trim() === "") return []
          const at = { path: file, line: i + 1 }
          const read = PythonList.parse(line.trimEnd())
          if ("problem" in read) return [{ ...at, column: `column ${read.at + 1}`, problem: read.problem }]
          const row = rowOf(split, at, read.values, labels)
          return row === undefined ? [] : [row]
        })
        const isFault = (one: Listing.Row<Modality> | Fault): one is Fault => "problem" in one
        return {
          rows: found.flatMap((one) => (isFault(one) ? [] : [one])),
          faults: [...faults, ...found.filter(isFault)]
        }
      })
    })
    return Listing.together(listings)
  })

/** The data set in a folder. */
export const make = (options: Options): FolderDataset.FolderDataset<Modality> => {
  const { text, image = ImageInput.clip, labels = "hashtag" } = options
  return FolderDataset.make(
    {
      name: "Sarcasm",
      source: "Sarcasm on Twitter with the files of Cai, Cai and Wan",
      classes: CLASSES,
      modalities: { text, image },
      list: list(labels),
      divide: (rows) => rows,
      recipe: { labels, leftOut: [...TELLING] }
    },
    options
  )
}
