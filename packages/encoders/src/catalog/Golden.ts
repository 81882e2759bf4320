/**
 * Records of what an encoder's original computes: for weights by a formula, which any machine can make, or for the
 * published weights with a certain digest. The files in `goldens/` are made by `tools/reference/encoder_goldens.py`.
 */
import { AtomicFile } from "@igm/io"
import type { Tensor } from "@igm/tensor"
import { Effect, FileSystem, Path, Schema } from "effect"
import { fileURLToPath } from "node:url"
import { EncoderError } from "../EncoderError.ts"
import * as Recipe from "./Recipe.ts"

/** A comparison. */
export const Golden = Schema.Struct({
  encoder: Schema.String,
  /** The libraries that computed it, and their versions. */
  by: Schema.String,
  /** The digest of the file of weights, or names and shapes for `Recipe.weights`. */
  weights: Schema.Union([Schema.Struct({ sha256: Schema.String }), Schema.Struct({ formula: Recipe.Layout })]),
  inputs: Recipe.Recipes,
  /** Of each sample's features the first, and every so many from there. */
  every: Schema.Int,
  features: Schema.Array(Schema.Array(Schema.Finite)),
  /** The largest difference that is allowed, relative to the largest feature. */
  tolerance: Schema.Finite
})
export type Golden = typeof Golden.Type

const File = Schema.fromJsonString(Golden)

/** The folder of the goldens that come with the project. */
export const FOLDER = fileURLToPath(new URL("../../goldens", import.meta.url))

/** All goldens in a folder. */
export const read = Effect.fn("Golden.read")(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const unreadable = (at: string) => (cause: unknown) =>
    new EncoderError({ path: at, problem: "this is not a golden of an encoder", cause })
  const names = (yield* Effect.mapError(fs.readDirectory(folder), unreadable(folder))).filter((name) =>
    name.endsWith(".json")
  )
  return yield* Effect.forEach(names.toSorted(), (name) => {
    const at = path.join(folder, name)
    return AtomicFile.read(at).pipe(
      Effect.flatMap((bytes) => Schema.decodeEffect(File)(new TextDecoder().decode(bytes))),
      Effect.mapError(unreadable(at))
    )
  })
})

/** The name that a golden's inputs are drawn by. */
export const seed = ({ encoder }: Golden): string => `golden/${encoder}`

/** The largest difference of features (n × width) from a golden, relative to its largest feature; ∞ where shapes differ. */
export const deviation = (golden: Golden, features: Tensor.Tensor<"float32">): number => {
  const [count, width] = features.shape
  const kept = Math.ceil(width! / golden.every)
  if (count !== golden.features.length || golden.features.some((row) => row.length !== kept)) return Infinity
  let [difference, scale] = [0, 0]
  for (const [i, row] of golden.features.entries()) {
    for (const [j, expected] of row.entries()) {
      const found = features.data[i * width! + j * golden.every]!
      if (!Number.isFinite(found)) return Infinity
      difference = Math.max(difference, Math.abs(found - expected))
      scale = Math.max(scale, Math.abs(expected))
    }
  }
  return difference / scale
}
