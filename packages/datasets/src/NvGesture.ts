/**
 * NVGesture (Molchanov et al. 2016): 25 gestures in depth and colour, 1,050 clips to train and 482 to test by 20 subjects.
 * Optical flow is computed of the colour frames.
 *
 *     nvgesture_{train,test}_correct_cvpr2016_v2.lst, or nvgesture_{train,test}_correct_v2.lst
 *                                      path:… depth:sk_depth:s:e color:sk_color:s:e duo_left:… label:n, n from 1
 *     {path}/sk_depth.avi, {path}/sk_color.avi of which frames s … e − 1 are the gesture
 */
import { ClipInput, FlowInput, type Preprocess } from "@igm/media"
import { Effect } from "effect"
import * as FolderDataset from "./FolderDataset.ts"
import * as Listing from "./Listing.ts"

export type Modality = "depth" | "rgb" | "flow"

/** Options of the data set. */
export interface Options extends FolderDataset.Options {
  /**
   * Preprocessing of the films; flow is computed from the colour film. By default the central crop of each of 80
   * frames: depth in [0, 1], colour in [−1, 1] as the published weights of I3D expect it, and flow by TV-L1.
   */
  readonly modalities?: { readonly [K in Modality]: Preprocess }
  /** The published split, from whose training clips a tenth of each class validates; or splits that share no subject. */
  readonly split?: "published" | "independent"
  /** The names of the lists; by default those of the published names that are there. */
  readonly lists?: Listing.Lists | undefined
}

const COUNT = 25
const LISTS = ["correct_v2", "correct_cvpr2016_v2"].map((name) => ({
  train: `nvgesture_train_${name}.lst`,
  test: `nvgesture_test_${name}.lst`
}))

const modalities = { depth: ClipInput.still.depth, rgb: ClipInput.still.kinetics, flow: FlowInput.still }

/** The classes by their numbers, from 1. */
export const CLASSES = Array.from({ length: COUNT }, (_, i) => `gesture ${i + 1}`)

const STREAMS = { depth: "depth", rgb: "color", flow: "color" } as const

const lineOf =
  (split: "train" | "test"): Parameters<typeof Listing.ofLines<Modality>>[1] =>
  (line, fault) => {
    const parts = new Map<string, ReadonlyArray<string>>()
    for (const cell of line.cells) {
      const [name, ...values] = cell.trim().split(":") as [string, ...ReadonlyArray<string>]
      if (name === "") continue
      if (parts.has(name)) return [fault(name, "it is given twice")]
      parts.set(name, values)
    }
    const path = parts.get("path")?.join(":")
    const label = parts.get("label")?.[0] ?? ""
    const subject = /(subject\d+)_r\d+\/?$/.exec(path ?? "")?.[1]
    if (path === undefined || subject === undefined) {
      return [fault("path", `"${path ?? ""}" does not end in subjectN_rN`)]
    }
    if (path.split("/").includes("..")) return [fault("path", `"${path}" leads out of the folder`)]
    if (!/^\d+$/.test(label) || Number(label) < 1 || Number(label) > COUNT) {
      return [fault("label", `"${label}" is not a class from 1 to ${COUNT}`)]
    }
    const wanted: Record<string, Listing.Wanted> = {}
    for (const [modality, stream] of Object.entries(STREAMS)) {
      const [film, ...range] = parts.get(stream) ?? []
      const [from, to] = range.map(Number)
      if (film === undefined || !/^\w+$/.test(film)) return [fault(stream, "no film is named")]
      if (range.length !== 2 || !range.every((n) => /^\d+$/.test(n)) || from! >= to!) {
        return [fault(stream, `"${range.join(":")}" is no range of frames`)]
      }
      wanted[modality] = { kind: "file", path: `${path.replace(/^\.\//, "")}/${film}.avi`, frames: [from!, to!] }
    }
    return {
      id: path.replace(/^\.\//, ""),
      split,
      label: Number(label) - 1,
      group: subject,
      wanted: wanted as Listing.Row<Modality>["wanted"],
      at: line.at
    }
  }

/** Reads the lists in a folder. */
export const list = (lists?: Listing.Lists) =>
  Effect.fn("NvGesture.list")((root: string) =>
    Listing.ofLists(root, LISTS, lists, (split, file) =>
      Effect.map(Listing.text(file), ({ text, faults }) => {
        const { lines, faults: more } = Listing.cells(file, text, { delimiter: " ", quotes: false })
        return Listing.ofLines<Modality>({ lines, faults: [...faults, ...more] }, lineOf(split))
      })
    )
  )

/** The data set in a folder. */
export const make = (options: Options): FolderDataset.FolderDataset<Modality> => {
  const { seed, split = "published", lists } = options
  return FolderDataset.make(
    {
      name: "NVGesture",
      source: "NVGesture",
      classes: CLASSES,
      modalities: options.modalities ?? modalities,
      list: list(lists),
      divide:
        split === "published"
          ? FolderDataset.validByClass(0.1, seed)
          : FolderDataset.byGroup({ valid: 0.1, test: 0.3 }, seed),
      recipe: { split, ...(lists === undefined ? {} : { lists: { ...lists } }) }
    },
    options
  )
}
