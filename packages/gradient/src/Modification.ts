/**
 * Gradient modification (eq. 4 of the IGM paper): from the moment Y = V Λ Vᵀ of the previous modality's layer,
 * P = V exp(−τ (Λ − λmin I)/(λmax − λmin)) Vᵀ, and the gradient of the matching layer becomes ∇W P. Directions in which
 * the previous modality's inputs are strong are shrunk by up to e^−τ; flat directions pass.
 */
import { Tensor } from "@igm/tensor"
import { EigenvalueDecomposition, Matrix } from "ml-matrix"
import * as Float64 from "./Float64.ts"

/** A modification matrix with what the ledger reports of it. */
export interface Modification {
  /** P, d × d and symmetric; the identity when the spectrum is flat. */
  readonly matrix: Float64.Matrix
  /** The participation ratio (Σσ)²/Σσ² of the eigenvalues σ of I − P: how many directions are really shrunk. */
  readonly effectiveRank: number
  /** Whether λmax = λmin (to rounding), so that there is no direction to shrink. */
  readonly flat: boolean
}

/** The identity, d × d. */
export const identity = (d: number): Float64.Matrix =>
  Tensor.float64(
    [d, d],
    Float64Array.from({ length: d * d }, (_, i) => (i % (d + 1) === 0 ? 1 : 0))
  )

/** P of a moment (d × d, symmetric positive semi-definite) for a temperature τ ≥ 0. */
export const ofMoment = (moment: Float64.Matrix, tau: number): Modification => {
  const d = moment.shape[0]!
  const decomposition = new EigenvalueDecomposition(new Matrix(rowsOf(moment)), { assumeSymmetric: true })
  const values = decomposition.realEigenvalues
  const [min, max] = [Math.min(...values), Math.max(...values)]
  if (max - min <= d * Number.EPSILON * Math.abs(max)) return { matrix: identity(d), effectiveRank: 0, flat: true }
  const sigma = values.map((value) => Math.exp((-tau * (value - min)) / (max - min)))
  const vectors = decomposition.eigenvectorMatrix
  const matrix = vectors.mmul(Matrix.diag(sigma)).mmul(vectors.transpose())
  const shrunk = sigma.map((s) => 1 - s)
  const squares = shrunk.reduce((total, s) => total + s * s, 0)
  return {
    matrix: Tensor.float64([d, d], matrix.to1DArray()),
    effectiveRank: squares === 0 ? 0 : shrunk.reduce((total, s) => total + s, 0) ** 2 / squares,
    flat: false
  }
}

const rowsOf = (a: Float64.Matrix): Array<Array<number>> => {
  const [rows, columns] = Float64.dims(a)
  return Array.from({ length: rows }, (_, i) => Array.from(a.data.subarray(i * columns, (i + 1) * columns)))
}

/** How layers find the moment that modifies them. */
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
