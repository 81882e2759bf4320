/** Made-up samples. */
import { Digest, Keyed, Tensor } from "@igm/tensor"

/** Sample i of an encoder with one input of fixed shape. */
export const sample = ({ input }: { readonly input: ReadonlyArray<number> }, i: number): Tensor.Tensor<"float32"> => {
  const data = Keyed.normals(Keyed.stream(["sample", i]), Tensor.sizeOf(input))
  return Tensor.toFloat32(Tensor.float64(input, data))
}

/** The digest of sample i. */
export const digestOf = (i: number): Digest.Digest => Digest.ofJson(["sample", i])
