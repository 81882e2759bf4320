/**
 * The second moment of a layer's input, "cumulative variance" in the IGM paper (eq. 2): Y = Σ z̄ z̄ᵀ over the batches of
 * the training set, where z̄ is the mean of the layer's input over a batch. It is uncentred. What is kept are the means,
 * Z (batches × in): Y = Zᵀ Z, and with fewer batches than dimensions Y itself is never needed.
 */
import { Tensor } from "@igm/tensor"
import * as Float64 from "./Float64.ts"
import * as Head from "./Head.ts"
import type { Computation } from "./Method.ts"
import { type Named, mapNamed } from "./Ops.ts"

/**
 * The computation of the batch means of each layer's input, `Z1`, `Z2`, … (batches × in each), for features (n × in)
 * taken in batches of the given order; an incomplete batch is left out. From the second layer's input on everything is
 * linear, so the mean passes through the layers as one sample. With as many batches as dimensions or more, the moment is
 * made too: `Y1`, `Y2`, … (in × in).
 */
export const means = (
  head: Head.Head,
  parameters: Named<Float64.Matrix>,
  features: Tensor.Tensor,
  order: ArrayLike<number>,
  batch: number
): Computation => {
  const batches = Math.floor(order.length / batch)
  const rows = Tensor.int32([batches, batch], Int32Array.from(order).slice(0, batches * batch))
  return {
    name: "batch means",
    inputs: { ...parameters, features, rows },
    run: (ops, { features: table, rows: indices, ...given }) => {
      const layers = Head.layers(ops, Head.depth(head), given)
      const x = ops.gather(table!, indices!)
      const mean = (a: typeof x) => ops.flatten(ops.multiply(ops.sum(a, "rows"), ops.scalar(1 / batch)))
      const found = [mean(x)]
      layers.slice(0, -1).forEach((layer, i) => {
        found.push(i === 0 ? mean(ops.relu(layer.forward(x))) : layer.forward(found[i]!))
      })
      const moments = found.flatMap((z, i) =>
        batches < head.widths[i]! ? [] : [[`Y${i + 1}`, ops.gemm(z, z, { transA: true })] as const]
      )
      return { ...Object.fromEntries(found.map((z, i) => [`Z${i + 1}`, z])), ...Object.fromEntries(moments) }
    }
  }
}

/** The means layer by layer, from what the computation makes. */
export const meansOf = (found: Named<Float64.Matrix>): ReadonlyArray<Float64.Matrix> =>
  Object.keys(found).flatMap((name) => (name.startsWith("Z") ? [found[name]!] : []))

/** The moments that the computation has made, by layer. */
export const momentsOf = (found: Named<Float64.Matrix>): Named<Float64.Matrix> =>
  Object.fromEntries(
    Object.entries(found).flatMap(([name, y]) => (name.startsWith("Y") ? [[name.slice(1), y] as const] : []))
  )

/** The batch means of each layer's input, at once in double precision. */
export const meansOfHead = (...of: Parameters<typeof means>): ReadonlyArray<Float64.Matrix> => {
  const { inputs, run } = means(...of)
  return meansOf(run(Float64.ops, mapNamed(inputs, Tensor.toFloat64)))
}

/** The moment of batch means: Y = Zᵀ Z (in × in). */
export const ofMeans = (means: Float64.Matrix): Float64.Matrix => Float64.ops.gemm(means, means, { transA: true })
