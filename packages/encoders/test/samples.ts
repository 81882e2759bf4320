/** Made-up samples. */
import { Digest, Keyed, Tensor } from "@igm/tensor"
import type { Encoder } from "../src/index.ts"

/** Sample i of an encoder with one input of fixed shape. */
export const sample = ({ input = [] }: Pick<Encoder.Encoder, "input">, i: number): Tensor.Tensor<"float32"> => {
  const shape = input.map(Number)
  const data = Keyed.normals(Keyed.stream(["sample", i]), Tensor.sizeOf(shape))
  return Tensor.toFloat32(Tensor.float64(shape, data))
}

/** The digest of sample i. */
export const digestOf = (i: number): Digest.Digest => Digest.ofJson(["sample", i])
