/**
 * Stacks several pictures of a folder into one tensor, channels × pictures × height × width, each preprocessed like a
 * single picture.
 */
import { type Keyed, Memory, Tensor } from "@igm/tensor"
import { Effect, type FileSystem } from "effect"
import { MediaError } from "../Errors.ts"
import type { MediaDecoder } from "../MediaDecoder.ts"
import * as ImageInput from "./ImageInput.ts"
import type { Augmentation, Preprocess, Source } from "../Preprocess.ts"

const SIDE = 224
const AREA = SIDE * SIDE

/** Loads the pictures of a source; a function writes each into its slice of the tensor. */
const stacked = Effect.fn("FrameInput.load")(function* (
  { path, files = [] }: Source,
  load: (
    path: string,
    target: ImageInput.Target
  ) => Effect.Effect<void, MediaError, FileSystem.FileSystem | MediaDecoder>
) {
  if (files.length === 0) return yield* new MediaError({ path, problem: "no pictures are named in this folder" })
  const out = Memory.float32(3 * files.length * AREA)
  for (const [i, file] of files.entries()) {
    const starts = [0, 1, 2].map((c) => (c * files.length + i) * AREA)
    yield* load(`${path}/${file}`, { out, starts })
  }
  return Tensor.float32([3, files.length, SIDE, SIDE], out)
})

const common = { shape: [3, "frames", SIDE, SIDE] } as const

/** Frames of Kinetics-Sounds at test time: three of 224 × 224, bilinear, with ImageNet's mean and deviation. */
export const imagenet: Preprocess<Tensor.Tensor<"float32">> = {
  ...common,
  place: { module: import.meta.url, name: "imagenet" },
  settings: { kind: "frames", version: 1, each: ImageInput.imagenet.settings },
  load: (source) => stacked(source, (path, target) => ImageInput.load(path, ImageInput.frames.still, target))
}

/** Frames of Kinetics-Sounds at training time, each with a random crop and flip of its own. */
export const imagenetCrops: Augmentation<Tensor.Tensor<"float32">> = {
  ...common,
  place: { module: import.meta.url, name: "imagenetCrops" },
  settings: { kind: "frames", version: 1, each: ImageInput.imagenetCrops.settings },
  load: (source, stream: Keyed.Stream) =>
    stacked(source, (path, target) => ImageInput.loadDrawn(path, ImageInput.frames.drawn, stream, target))
}
