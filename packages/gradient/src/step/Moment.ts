/**
 * The second moment of a layer's input, "cumulative variance" in the IGM paper (eq. 2): Y = Σ z̄ z̄ᵀ over the batches
 * of the training set, where z̄ is the mean of the layer's input over a batch. It is uncentred. Only the means Z
 * (batches × in) are kept: Y = Zᵀ Z, and with fewer batches than dimensions Y itself is never needed.
 */
import { Tensor } from "@igm/tensor"
import * as Float64 from "../ops/Float64.ts"
import * as Head from "./Head.ts"
import type { Computation } from "../Method.ts"
import { type Named, type Ops, get, mapNamed } from "../ops/Ops.ts"

type Given = readonly [features: Tensor.Tensor, order: ArrayLike<number>, batch: number]

/** The whole batches of an order, as indices (batches × batch). */
const batchesOf = (...[, order, batch]: Given): Tensor.Tensor<"int32"> => {
  const batches = Math.floor(order.length / batch)
  return Tensor.int32([batches, batch], Int32Array.from(order).slice(0, batches * batch))
}

/** Means `Zl` of layer l's input (batches × in), and its moment `Yl` where there are as many batches as dimensions. */
const named = <T>(ops: Ops<T>, means: ReadonlyArray<T>, widths: ReadonlyArray<number>, batches: number, from: number) =>
  Object.fromEntries(
    means.flatMap((z, i) => [
      [`Z${from + i}`, z] as const,
      ...(batches < widths[i]! ? [] : [[`Y${from + i}`, ops.gemm(z, z, { transA: true })] as const])
    ])
  )

const meanOf =
  <T>(ops: Ops<T>, batch: number) =>
  (a: T): T =>
    ops.flatten(ops.multiply(ops.sum(a, "rows"), ops.scalar(1 / batch)))

/** The computation of the batch means of the features, which are the same for all heads. */
const ofFeatures = (...given: Given): Computation => {
  const [features, order, batch] = given
  const known = latest.get(features) ?? []
  const same = (other: (typeof known)[number]) =>
    other.batch === batch && other.order.length === order.length && other.order.every((row, i) => row === order[i])
  const found = known.find(same)?.computation
  if (found !== undefined) return found
  const rows = batchesOf(...given)
  const computation: Computation = {
    name: "batch means of features",
    inputs: { features, rows },
    run: (ops, given) => {
      const x = ops.gather(get(given, "features"), get(given, "rows"))
      return named(ops, [meanOf(ops, batch)(x)], [features.shape[1]!], rows.shape[0]!, 1)
    }
  }
  latest.set(features, [{ order: Int32Array.from(order), batch, computation }, ...known.slice(0, KEPT - 1)])
  return computation
}

const KEPT = 8

/** Recent computations: the jobs of a sweep ask for the same one, and get the same object. */
const latest = new WeakMap<
  Tensor.Tensor,
  ReadonlyArray<{ readonly order: Int32Array; readonly batch: number; readonly computation: Computation }>
>()

/**
 * The computations of the batch means of each layer's input, `Z1`, `Z2`, … (batches × in each), for features (n × in)
 * taken in batches of the given order; an incomplete batch is left out. The features' own come first, the same
 * computation for all heads. From the second layer's input on everything is linear, so the mean passes through the layers
 * as one sample. With as many batches as dimensions or more, the moment is made too: `Y1`, `Y2`, … (in × in).
 */
export const means = (
  head: Head.Head,
  parameters: Named<Float64.Matrix>,
  ...given: Given
): ReadonlyArray<Computation> => {
  const [features, , batch] = given
  const rows = batchesOf(...given)
  const others: Computation = {
    name: "batch means",
    inputs: { ...parameters, features, rows },
    run: (ops, given) => {
      const [table, indices] = [get(given, "features"), get(given, "rows")]
      const [first, ...rest] = Head.layers(ops, Head.depth(head), given)
      const hidden = (x: typeof table) => ops.relu(first!.forward(x))
      // Of most rows, the product with all of the table spares a copy.
      const isMost = 4 * rows.data.length > 3 * features.shape[0]!
      const a = isMost ? ops.gather(hidden(table), indices) : hidden(ops.gather(table, indices))
      const found = [meanOf(ops, batch)(a)]
      rest.slice(0, -1).forEach((layer, i) => found.push(layer.forward(found[i]!)))
      return named(ops, found, head.widths.slice(1), rows.shape[0]!, 2)
    }
  }
  return Head.depth(head) === 1 ? [ofFeatures(...given)] : [ofFeatures(...given), others]
}

/** The means by layer, from the computation's results. */
export const meansOf = (found: Named<Float64.Matrix>): ReadonlyArray<Float64.Matrix> =>
  Object.keys(found).flatMap((name) => (name.startsWith("Z") ? [found[name]!] : []))

/** The moments by layer, from the computation's results, where it made them. */
export const momentsOf = (found: Named<Float64.Matrix>): Named<Float64.Matrix> =>
  Object.fromEntries(
    Object.entries(found).flatMap(([name, y]) => (name.startsWith("Y") ? [[name.slice(1), y] as const] : []))
  )

/** Computes the batch means of each layer's input eagerly in double precision. */
export const meansOfHead = (...of: Parameters<typeof means>): ReadonlyArray<Float64.Matrix> => {
  const all = means(...of).map(({ inputs, run }) => run(Float64.ops, mapNamed(inputs, Tensor.toFloat64)))
  return all.flatMap(meansOf)
}

/** The moment of batch means: Y = Zᵀ Z (in × in). */
export const ofMeans = (means: Float64.Matrix): Float64.Matrix => Float64.ops.gemm(means, means, { transA: true })
