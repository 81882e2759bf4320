/** Random heads and batches for the laws: small enough to search, drawn from a keyed stream so that they replay. */
import { Keyed, Tensor } from "@igm/tensor"
import { Schema } from "effect"
import { Features, type Float64, Head, Ops } from "../src/index.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** What a random case is made from; counter-examples shrink towards small ones. */
export const Case = Schema.Struct({
  seed: between(0, 1_000_000),
  hidden: Schema.Array(between(1, 6)).check(Schema.isMinLength(0), Schema.isMaxLength(3)),
  features: between(1, 6),
  classes: between(2, 4),
  batch: between(1, 5)
})

export type Case = typeof Case.Type

/** A matrix of standard normal numbers. */
export const matrix = (rows: number, columns: number, ...key: Keyed.Path): Float64.Matrix => {
  const stream = Keyed.stream(["case", ...key])
  return Tensor.float64(
    [rows, columns],
    Float64Array.from({ length: rows * columns }, () => Keyed.normal(stream))
  )
}

/** A head, its parameters, a batch and its labels. */
export const build = ({ seed, hidden, features, classes, batch }: Case) => {
  const head = Head.make(features, ...hidden, classes) as Head.Head
  const stream = Keyed.stream(["labels", seed])
  const labels = Int32Array.from({ length: batch }, () => Keyed.below(stream, classes))
  return {
    head,
    depth: Head.depth(head),
    parameters: Head.init(head, ["case", seed]),
    x: matrix(batch, features, seed, "x"),
    y: Features.oneHot(labels, classes)
  }
}

/** The largest |a − b| relative to the largest |b| (at least 1e-12). */
export const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  const scale = Math.max(1e-12, ...Array.from(b, Math.abs))
  return Math.max(...Array.from(a, (x, i) => Math.abs(x - b[i]!))) / scale
}

/** The largest distance among tensors of the same names. */
export const distances = (a: Ops.Named<Float64.Matrix>, b: Ops.Named<Float64.Matrix>): number =>
  Math.max(...Object.entries(b).map(([name, tensor]) => distance(Ops.get(a, name).data, tensor.data)))
