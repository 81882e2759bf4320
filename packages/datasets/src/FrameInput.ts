/** Several pictures of a folder as one tensor, channels × pictures × height × width, each prepared as a picture alone. */
import { Tensor } from "@igm/tensor"
import { Effect } from "effect"
import type { Preprocess, Source } from "./Dataset.ts"
import { MediaError } from "./Errors.ts"
import * as ImageInput from "./ImageInput.ts"

/** Pictures one after another along the second axis. */
export const stacked = (pictures: ReadonlyArray<Tensor.Tensor<"float32">>): Tensor.Tensor<"float32"> => {
  const [channels, ...size] = pictures[0]!.shape as [number, ...ReadonlyArray<number>]
  const area = Tensor.sizeOf(size)
  const data = new Float32Array(channels * pictures.length * area)
  pictures.forEach((picture, i) => {
    for (let c = 0; c < channels; c++) {
      data.set(picture.data.subarray(c * area, (c + 1) * area), (c * pictures.length + i) * area)
    }
  })
  return Tensor.float32([channels, pictures.length, ...size], data)
}

/** Frames of Kinetics-Sounds at test time: three of 224 × 224, bilinear, ImageNet's mean and deviation. */
export const imagenet: Preprocess<Tensor.Tensor<"float32">> = {
  place: { module: import.meta.url, name: "imagenet" },
  settings: { kind: "frames", version: 1, each: ImageInput.imagenet.settings },
  shape: [3, "frames", 224, 224],
  load: Effect.fn("FrameInput.load")(function* ({ path, files = [] }: Source) {
    if (files.length === 0) return yield* new MediaError({ path, problem: "no pictures are named in this folder" })
    return stacked(yield* Effect.forEach(files, (file) => ImageInput.imagenet.load({ path: `${path}/${file}` })))
  })
}
