/** The encoders of a miniature, described in a file of its folder, for the program that is run on it. */
import type { Encoder } from "@igm/encoders"
import { Digest } from "@igm/tensor"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { Width } from "./Encoders.ts"

/** The file of a folder. */
export const FILE = "encoders.json"

/** The encoder of a modality. */
export const encoder = (folder: string, modality: string): Encoder.Encoder<Width> =>
  (JSON.parse(readFileSync(join(folder, FILE), "utf8")) as { readonly [modality: string]: Encoder.Encoder<Width> })[
    modality
  ]!

/** The vocabulary of a miniature with texts. */
export const vocabulary = (folder: string) => {
  const file = join(folder, "vocab.txt")
  return { file, digest: Digest.ofBytes(readFileSync(file)) }
}
