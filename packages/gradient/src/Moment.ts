/**
 * The second moment of a layer's input, "cumulative variance" in the IGM paper (eq. 2): Y = Σ z̄ z̄ᵀ over the batches of
 * the training set, where z̄ is the mean of the layer's input over a batch. It is uncentred. What is kept are the means,
 * Z (batches × in): Y = Zᵀ Z, and with fewer batches than dimensions Y itself is never needed.
 */
import { Tensor } from "@igm/tensor"
import * as Float64 from "./Float64.ts"
import * as Head from "./Head.ts"
import type { Named } from "./Ops.ts"

/**
 * The batch means Z of each layer's input (batches × in), for features (n × in) taken in batches of the given order; an
 * incomplete batch is left out.
 */
export const meansOfHead = (
  head: Head.Head,
  parameters: Named<Float64.Matrix>,
  features: Float64.Matrix,
  order: ArrayLike<number>,
  batch: number
): ReadonlyArray<Float64.Matrix> => {
  const { ops } = Float64
  const batches = Math.floor(order.length / batch)
  const rows = Tensor.takeRows(features, Array.from(order).slice(0, batches * batch))
  const pass = Head.forward(ops, Head.layers(ops, Head.depth(head), parameters), rows)
  return pass.activations.map((activation) => batchMeans(activation, batches, batch))
}

/** The mean of each group of `batch` rows (batches × in). */
const batchMeans = (activation: Float64.Matrix, batches: number, batch: number): Float64.Matrix => {
  const [, width] = Float64.dims(activation)
  const means = new Float64Array(batches * width)
  for (let row = 0; row < batches * batch; row++) {
    const at = Math.floor(row / batch) * width
    for (let j = 0; j < width; j++) means[at + j]! += activation.data[row * width + j]! / batch
  }
  return Tensor.float64([batches, width], means)
}

/** The moment of batch means: Y = Zᵀ Z (in × in). */
export const ofMeans = (means: Float64.Matrix): Float64.Matrix => Float64.ops.gemm(means, means, { transA: true })
