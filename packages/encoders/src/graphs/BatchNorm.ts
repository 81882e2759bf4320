/**
 * Batch normalisation of a frozen network, y = γ (x − μ) / √(σ² + ε) + β for each channel, folded into the convolution
 * before it: a convolution followed by it is a convolution with other weights and a bias. Computed in float64.
 */
import { Tensor } from "@igm/tensor"

/** The statistics and the affine map of a normalisation, one number a channel. */
export interface BatchNorm {
  readonly gamma: ArrayLike<number>
  readonly beta: ArrayLike<number>
  readonly mean: ArrayLike<number>
  readonly variance: ArrayLike<number>
  readonly epsilon: number
}

/** The factor of a channel, γ / √(σ² + ε). */
const factor = ({ gamma, variance, epsilon }: Pick<BatchNorm, "gamma" | "variance" | "epsilon">, channel: number) =>
  gamma[channel]! / Math.sqrt(variance[channel]! + epsilon)

/** The weights (out × …) of the folded convolution: those of output channel c times γ / √(σ² + ε). */
export const foldedWeight = (
  weight: Tensor.Tensor<"float32">,
  norm: Pick<BatchNorm, "gamma" | "variance" | "epsilon">
): Tensor.Tensor<"float32"> => {
  const channels = weight.shape[0]!
  const each = weight.data.length / channels
  const out = new Float32Array(weight.data.length)
  for (let channel = 0; channel < channels; channel++) {
    const scale = factor(norm, channel)
    for (let i = channel * each; i < (channel + 1) * each; i++) out[i] = weight.data[i]! * scale
  }
  return Tensor.float32(weight.shape, out)
}

/** The bias of the folded convolution, which had none: β − μ γ / √(σ² + ε). */
export const foldedBias = (norm: BatchNorm): Tensor.Tensor<"float32"> => {
  const bias = Float32Array.from(norm.beta, (beta, channel) => beta - norm.mean[channel]! * factor(norm, channel))
  return Tensor.float32([bias.length], bias)
}
