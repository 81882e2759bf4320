/**
 * A first convolution for other inputs than the one it was trained on: its weights are added up over the input channels
 * and shared out among those wanted. Which way is the user's to say, since the two differ in the scale of what follows.
 */
import { Tensor } from "@igm/tensor"

/**
 * The way in which a stem for m channels becomes one for k. "sum" gives each the m kernels' sum over k: k equal channels
 * come out as m equal ones did (a grey image as its RGB copy). "mean" gives each their sum over m (Wang et al. 2016,
 * "Temporal segment networks", cross-modality initialisation): k equal channels come out as m equal ones times k / m did.
 */
export type Adaptation = "sum" | "mean"

/** The weights (out × channels × …) of a stem whose weights are (out × m × …); sums are in float64. */
export const adapt = (
  weight: Tensor.Tensor<"float32">,
  channels: number,
  how: Adaptation
): Tensor.Tensor<"float32"> => {
  const [out, from, ...kernel] = weight.shape as [number, number, ...ReadonlyArray<number>]
  const size = Tensor.sizeOf(kernel)
  const adapted = new Float32Array(out * channels * size)
  for (let o = 0; o < out; o++) {
    for (let i = 0; i < size; i++) {
      let sum = 0
      for (let c = 0; c < from; c++) sum += weight.data[(o * from + c) * size + i]!
      const share = sum / (how === "sum" ? channels : from)
      for (let c = 0; c < channels; c++) adapted[(o * channels + c) * size + i] = share
    }
  }
  return Tensor.float32([out, channels, ...kernel], adapted)
}
