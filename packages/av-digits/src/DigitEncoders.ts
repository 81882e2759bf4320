/**
 * The two encoders that come with the project: slim ResNet18s (He et al. 2016, stages of 16, 32, 64 and 128 channels)
 * for spoken and for written digits. Their model cards stand beside the files in `models/`.
 */
import { Encoder } from "@igm/encoders"
import { fileURLToPath } from "node:url"

const file = (name: string): string => fileURLToPath(new URL(`../models/${name}`, import.meta.url))

/** Log-spectrograms (1 × 129 × 63) of spoken digits to 128 features. */
export const audio = Encoder.make({
  name: "digit-audio",
  file: file("digit-audio.onnx"),
  digest: "cbc61bd084559442cc1219689c6ced4bf3e026a9bc4fe70a7c4302579b8c2660",
  input: [1, 129, 63],
  width: 128
})

/** Grey images (1 × 28 × 28) of written digits to 128 features. */
export const image = Encoder.make({
  name: "digit-image",
  file: file("digit-image.onnx"),
  digest: "6621d1e1707039362093ccd11487edbc7a2a948a6cd6742078244800b3a464fe",
  input: [1, 28, 28],
  width: 128
})
