/**
 * Gradient modification (eq. 4 of the IGM paper): from the moment Y = Zᵀ Z of the previous modality's layer,
 * P = exp(−τ (Y − λmin I)/(λmax − λmin)), a matrix exponential, and the gradient of the matching layer becomes ∇W P.
 * Directions in which the previous modality's inputs are strong are shrunk by up to e^−τ; flat directions pass.
 *
 * With λᵢ, vᵢ the eigenpairs of Y, P = V exp(−τ (Λ − λmin)/(λmax − λmin)) Vᵀ. With fewer batches than dimensions
 * λmin = 0, and the thin form needs the Gram matrix Z Zᵀ = U Λ Uᵀ (batches × batches) alone:
 * P = I + Zᵀ U diag(expm1(−τ λ/λmax)/λ) Uᵀ Z.
 */
import { Tensor } from "@igm/tensor"
import { EigenvalueDecomposition, Matrix } from "ml-matrix"
import * as Float64 from "../ops/Float64.ts"
import * as Moment from "./Moment.ts"

/** A modification matrix P with its eigenvalues, which the ledger reports. */
export interface Modification {
  /** P, d × d and symmetric; the identity when the spectrum is flat. */
  readonly matrix: Float64.Matrix
  /** The eigenvalues of I − P, from the largest to the smallest. */
  readonly shrunk: ReadonlyArray<number>
  /** True if λmax = λmin up to rounding, so that there is no direction to shrink. */
  readonly flat: boolean
}

const { ops } = Float64

/** The identity, d × d. */
export const identity = (d: number): Float64.Matrix => {
  const out = Tensor.zeros([d, d])
  for (let i = 0; i < d; i++) out.data[i * (d + 1)] = 1
  return out
}

/** The participation ratio (Σσ)²/Σσ² of the eigenvalues σ of I − P: how many directions are really shrunk. */
export const effectiveRank = ({ shrunk }: Pick<Modification, "shrunk">): number => {
  const squares = shrunk.reduce((total, s) => total + s * s, 0)
  return squares === 0 ? 0 : shrunk.reduce((total, s) => total + s, 0) ** 2 / squares
}

/** Statistics of the effect of a modification, for the ledger. */
export interface Effect {
  readonly effectiveRank: number
  /** The second eigenvalue of I − P; the largest is 1 − e^−τ unless the spectrum is flat. */
  readonly secondEigenvalue: number
  /** tr(P)/d. */
  readonly meanEigenvalue: number
}

/** The effect of the identity. */
export const noEffect: Effect = { effectiveRank: 0, secondEigenvalue: 0, meanEigenvalue: 1 }

/** Computes the effect of a modification. */
export const effect = ({ shrunk }: Pick<Modification, "shrunk">): Effect => ({
  effectiveRank: effectiveRank({ shrunk }),
  secondEigenvalue: shrunk[1] ?? 0,
  meanEigenvalue: 1 - shrunk.reduce((total, s) => total + s, 0) / shrunk.length
})

/** Eigenvalues and eigenvectors (columns) of a symmetric matrix. */
const eigen = (a: Float64.Matrix) => {
  const [d] = Float64.dims(a)
  const rows = Array.from({ length: d }, (_, i) => Array.from(a.data.subarray(i * d, (i + 1) * d)))
  const decomposition = new EigenvalueDecomposition(new Matrix(rows), { assumeSymmetric: true })
  const vectors = Tensor.float64([d, d], decomposition.eigenvectorMatrix.to1DArray())
  return { values: decomposition.realEigenvalues, vectors }
}

/** The eigenvalues of a symmetric matrix. */
export const eigenvalues = (a: Float64.Matrix): ReadonlyArray<number> => eigen(a).values

const isFlat = (min: number, max: number, d: number): boolean => !(max - min > d * Number.EPSILON * Math.abs(max))

const flatOf = (d: number): Modification => ({
  matrix: identity(d),
  shrunk: Array.from({ length: d }, () => 0),
  flat: true
})

/** V diag(weights) Vᵀ for vectors as columns. */
const spread = (vectors: Float64.Matrix, weights: ReadonlyArray<number>): Float64.Matrix =>
  ops.gemm(ops.multiply(vectors, Tensor.float64([1, weights.length], weights)), vectors, { transB: true })

const descending = (numbers: ReadonlyArray<number>): ReadonlyArray<number> => numbers.toSorted((a, b) => b - a)

/** P of a moment (d × d, symmetric positive semi-definite) for a temperature τ ≥ 0, by its eigenvectors. */
export const ofMoment = (moment: Float64.Matrix, tau: number): Modification => {
  const [d] = Float64.dims(moment)
  const { values, vectors } = eigen(moment)
  const [min, max] = [Math.min(...values), Math.max(...values)]
  if (isFlat(min, max, d)) return flatOf(d)
  const removed = values.map((value) => -Math.expm1((-tau * (value - min)) / (max - min)))
  return {
    matrix: ops.subtract(identity(d), spread(vectors, removed)),
    shrunk: descending(removed),
    flat: false
  }
}

/** P of batch means Z (batches × d): in thin form where there are fewer batches than dimensions. */
export const ofMeans = (means: Float64.Matrix, tau: number): Modification => {
  const [batches, d] = Float64.dims(means)
  if (batches >= d) return ofMoment(Moment.ofMeans(means), tau)
  const { values, vectors } = eigen(ops.gemm(means, means, { transB: true }))
  const max = Math.max(...values)
  if (isFlat(0, max, d)) return flatOf(d)
  // expm1(−τ λ/λmax)/λ tends to −τ/λmax as λ → 0.
  const weights = values.map((value) => {
    const share = value / max
    return share > 1e-12 ? -Math.expm1(-tau * share) / value : tau / max
  })
  const thin = ops.gemm(means, vectors, { transA: true })
  const none = Array.from({ length: d - batches }, () => 0)
  return {
    matrix: ops.subtract(identity(d), spread(thin, weights)),
    shrunk: descending([...values.map((value) => -Math.expm1((-tau * Math.max(value, 0)) / max)), ...none]),
    flat: false
  }
}

/**
 * P as the series of the exponential, Σ (−X)ⁿ/n! with X = τ (Y − λmin I)/(λmax − λmin), by Horner's rule. The largest
 * eigenvalue of X is τ; with τ ≤ 1, twelve terms reach 1e-10 and twenty rounding.
 */
export const exponential = (moment: Float64.Matrix, tau: number, ends: readonly [number, number], terms: number) => {
  const [d] = Float64.dims(moment)
  const [min, max] = ends
  if (isFlat(min, max, d)) return identity(d)
  const one = identity(d)
  const shifted = ops.subtract(moment, ops.multiply(ops.scalar(min), one))
  const x = ops.multiply(shifted, ops.scalar(-tau / (max - min)))
  let sum = one
  for (let n = terms; n >= 1; n--) sum = ops.gemm(ops.multiply(x, ops.scalar(1 / n)), sum, { addend: one })
  return sum
}

/** Follows the released code where the spectrum is flat: P becomes NaN. */
export const strictNaN = (modification: Modification): Modification =>
  modification.flat
    ? { ...modification, matrix: ops.multiply(modification.matrix, ops.scalar(Number.NaN)) }
    : modification

/** A rule that pairs a head's layers with layers of the previous head, whose moments modify their gradients. */
export type Matching =
  /** The paper: by position, aligned from the output; a layer without a partner of equal input width is not modified. */
  | "position"
  /** The released code: each layer of equal weight shape; several partners multiply one after the other. */
  | "shape"

/** The numbers of the previous head's layers whose P multiplies layer `l` of a head, in order. Widths are from features to classes. */
export const partners = (
  matching: Matching,
  widths: ReadonlyArray<number>,
  previous: ReadonlyArray<number>,
  l: number
): ReadonlyArray<number> => {
  if (matching === "position") {
    const partner = previous.length - (widths.length - l)
    return partner >= 1 && previous[partner - 1] === widths[l - 1] ? [partner] : []
  }
  return previous.flatMap((width, n) => (n > 0 && width === widths[l] && previous[n - 1] === widths[l - 1] ? [n] : []))
}
