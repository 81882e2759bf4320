/** Features to hold interpreters to float64 on: those of the default experiment, and those of a file. */
import { AvDigits, DigitEncoders } from "@igm/av-digits"
import { Encode, Data as Opening, Run } from "@igm/experiment"
import { Features } from "@igm/gradient"
import { Safetensors, Tensor } from "@igm/tensor"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import type { Data } from "./Conformance.ts"

const first = (count: number) => Array.from({ length: count }, (_, i) => i)

/** The features of AV-digits, as the default experiment makes and keeps them. */
export const avDigits = Effect.fn("Data.avDigits")(function* (rows: number) {
  const opened = yield* Opening.open(AvDigits.make({ seed: 1, speech: { kind: "synthetic" } }))
  const features = yield* Encode.splits(opened, { audio: DigitEncoders.audio, image: DigitEncoders.image })
  const data: Data = {
    name: "AV-digits",
    train: Features.takeRows(features.train, first(Math.min(rows, features.train.labels.length))),
    select: features.valid
  }
  return data
}, Effect.provide(Run.layerNone))

/** The rows of four fifths of the actors, and the others'; by place where clips (`1041_TIE_NEU_XX,…`) are not named. */
const divided = (count: number, clips: string | undefined) => {
  const actors = clips?.split(",").map((clip) => clip.slice(0, clip.indexOf("_")))
  const group = (row: number) => actors?.[row] ?? String(row).padStart(String(count).length, "0")
  const groups = [...new Set(first(count).map(group))].toSorted()
  const training = new Set(groups.slice(0, Math.floor(0.8 * groups.length)))
  const [train, valid] = [true, false].map((trains) =>
    first(count).filter((row) => training.has(group(row)) === trains)
  )
  return { train: train!, valid: valid! }
}

/** The features of a file: four fifths of the actors train, `rows` samples at most, and the others select. */
export const file = (path: string, rows: number): Data => {
  const { tensors, metadata } = Safetensors.decode(readFileSync(path))
  const labels = Int32Array.from(tensors["label"]!.data, Number)
  const modalities = Object.fromEntries(["audio", "video"].map((name) => [name, Tensor.toFloat32(tensors[name]!)]))
  const all: Features.Features<"train", Features.Dims> = {
    split: "train",
    widths: Object.fromEntries(Object.entries(modalities).map(([name, { shape }]) => [name, shape[1]!])),
    classes: Math.max(...labels) + 1,
    ids: Array.from(labels, (_, i) => String(i)),
    labels,
    modalities
  }
  const { train, valid } = divided(labels.length, metadata["clips"])
  return {
    name: path.split("/").slice(-2).join("/"),
    train: Features.takeRows(all, train.slice(0, rows)),
    select: Features.takeRows(all, valid, "valid")
  }
}
