/** Random heads, batches, features, moments and schedules for laws: small, and drawn by keyed streams. */
import { Features, type Float64, Float64 as F, Head, type Ops } from "@igm/gradient"
import { Keyed, Tensor } from "@igm/tensor"
import { Schema } from "effect"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))
const real = (minimum: number, maximum: number) => Schema.Finite.check(Schema.isBetween({ minimum, maximum }))

/** A seed. */
export const Seed = between(0, 1_000_000)

/** A head with a batch; counter-examples shrink towards small ones. */
export const Batch = Schema.Struct({
  seed: Seed,
  hidden: Schema.Array(between(1, 6)).check(Schema.isMaxLength(3)),
  features: between(1, 6),
  classes: between(2, 4),
  batch: between(1, 5)
})

/** A head with a batch. */
export type Batch = typeof Batch.Type

/** Batch means of features with a temperature τ: fewer batches than dimensions, as many, and more. */
export const Means = Schema.Struct({
  seed: Seed,
  width: between(1, 8),
  batches: between(1, 12),
  tau: real(0, 5),
  /** True for features like those of encoders: non-negative, around a common mean. Otherwise standard normal. */
  realistic: Schema.Boolean
})

/** Batch means of features with a temperature τ. */
export type Means = typeof Means.Type

/** Logits of some heads on a batch; a large `scale` saturates the softmax. */
export const Logits = Schema.Struct({
  seed: Seed,
  heads: between(1, 3),
  batch: between(1, 6),
  classes: between(2, 5),
  scale: Schema.Literals([1, 30, 800])
})

/** Logits of some heads on a batch. */
export type Logits = typeof Logits.Type

/** Labels and scores of some samples, with ties. */
export const Scores = Schema.Struct({ seed: Seed, samples: between(1, 30), classes: between(2, 5) })

/** Labels and scores of some samples. */
export type Scores = typeof Scores.Type

/** A learning-rate schedule, and the losses of epochs. */
export const Scheduled = Schema.Struct({
  schedule: Schema.Union([
    Schema.Struct({ kind: Schema.Literal("constant") }),
    Schema.Struct({
      kind: Schema.Literal("step"),
      size: between(1, 6),
      factor: real(0.1, 0.9),
      early: Schema.Boolean
    }),
    Schema.Struct({
      kind: Schema.Literal("warm-up"),
      epochs: between(1, 6),
      from: real(0.1, 1),
      early: Schema.Boolean
    }),
    Schema.Struct({
      kind: Schema.Literal("plateau"),
      factor: real(0.1, 0.9),
      patience: between(0, 4),
      threshold: real(0, 0.1)
    })
  ]),
  // Few different losses, so that they stand still at times.
  losses: Schema.Array(between(1, 4)).check(Schema.isMaxLength(20))
})

/** A matrix of standard normal numbers. */
export const matrix = (rows: number, columns: number, ...key: Keyed.Path): Float64.Matrix => {
  const stream = Keyed.stream(["case", ...key])
  return Tensor.float64(
    [rows, columns],
    Float64Array.from({ length: rows * columns }, () => Keyed.normal(stream))
  )
}

/** Features like those of frozen encoders (n × width): non-negative, with a mean for each dimension. */
export const features = (n: number, width: number, ...key: Keyed.Path): Float64.Matrix => {
  const mean = matrix(1, width, ...key, "mean").data.map((x) => Math.abs(x) + 0.5)
  const spread = matrix(n, width, ...key, "spread")
  return Tensor.float64(
    [n, width],
    spread.data.map((x, i) => Math.max(0, mean[i % width]! * (1 + 0.1 * x)))
  )
}

/** The batch means of a case. */
export const meansOf = ({ seed, width, batches, realistic }: Means): Float64.Matrix =>
  realistic ? features(batches, width, seed, "means") : matrix(batches, width, seed, "means")

/** The logits of a case, by head. */
export const logitsOf = ({ seed, heads, batch, classes, scale }: Logits): ReadonlyArray<Float64.Matrix> =>
  Array.from({ length: heads }, (_, h) =>
    F.ops.multiply(matrix(batch, classes, seed, "logits", h), F.ops.scalar(scale))
  )

/** Labels and scores (samples × classes, in tenths so that some are equal) of a case. */
export const scoresOf = ({ seed, samples, classes }: Scores) => {
  const stream = Keyed.stream(["scores", seed])
  const labels = Int32Array.from({ length: samples }, () => Keyed.below(stream, classes))
  const scores = Float64Array.from({ length: samples * classes }, () => Keyed.below(stream, 10) / 10)
  return { labels, scores: Tensor.float64([samples, classes], scores) }
}

/** An orthogonal matrix (d × d), by Gram–Schmidt. */
export const rotation = (d: number, ...key: Keyed.Path): Float64.Matrix => {
  const rows = Array.from({ length: d }, (_, i) => matrix(1, d, ...key, i).data.slice())
  rows.forEach((row, i) => {
    // Twice, so that rounding does not add up.
    for (const other of [...rows.slice(0, i), ...rows.slice(0, i)]) {
      const along = row.reduce((total, x, k) => total + x * other[k]!, 0)
      other.forEach((x, k) => (row[k]! -= along * x))
    }
    const norm = Math.hypot(...row)
    row.forEach((x, k) => (row[k] = x / norm))
  })
  return Tensor.float64([d, d], Float64Array.from(rows.flatMap((row) => Array.from(row))))
}

/** The inputs of a step of a head. */
export interface Scene {
  readonly head: Head.Head
  readonly depth: number
  readonly parameters: Ops.Named<Float64.Matrix>
  readonly velocities: Ops.Named<Float64.Matrix>
  /** A symmetric matrix for each layer's input. */
  readonly projections: ReadonlyArray<Float64.Matrix>
  readonly x: Float64.Matrix
  readonly y: Float64.Matrix
  /** The rows of the mixup partners, and λ. */
  readonly partners: Int32Array
  readonly lambda: number
}

/** The scene of a case. */
export const sceneOf = ({ seed, hidden, features: width, classes, batch }: Batch): Scene => {
  const head = Head.make(width, ...hidden, classes) as Head.Head
  const parameters = Head.init(head, ["case", seed])
  const stream = Keyed.stream(["labels", seed])
  const labels = Int32Array.from({ length: batch }, () => Keyed.below(stream, classes))
  return {
    head,
    depth: Head.depth(head),
    parameters,
    velocities: Object.fromEntries(
      Object.entries(parameters).map(([name, w]) => [name, matrix(w.shape[0]!, w.shape[1]!, seed, "velocity", name)])
    ),
    projections: head.widths.slice(0, -1).map((d, i) => {
      const z = matrix(2, d, seed, "projection", i)
      return F.ops.gemm(z, z, { transA: true })
    }),
    x: matrix(batch, width, seed, "x"),
    y: Features.oneHot(labels, classes),
    partners: Keyed.permutation(Keyed.stream([seed, "partners"]), batch),
    lambda: 0.3
  }
}
