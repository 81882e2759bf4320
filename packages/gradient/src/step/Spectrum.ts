/**
 * P of a moment Y without its eigen-decomposition. The extreme eigenvalues come from Lanczos iterations: on Y for λmax,
 * on Y without that direction for the second eigenvalue, and on Y⁻¹ = (L Lᵀ)⁻¹, by a Cholesky factorisation, for λmin.
 * With v the strongest direction, R = Y − λmin I − (λmax − λmin) v vᵀ and s = τ/(λmax − λmin), P = exp(−s R) + (e^−τ −
 * 1) v vᵀ. On real features ‖s R‖ is below 0.01, so that five terms of the series are enough.
 */
import { Tensor } from "@igm/tensor"
import type * as Float64 from "../ops/Float64.ts"
import { largest, starts } from "../ops/Lanczos.ts"
import type { Effect } from "./Modification.ts"
import { type Rows, add, cholesky, deflate, dot, normalised, product, rowsOf, solve, times } from "../ops/Symmetric.ts"

export { moment } from "../ops/Symmetric.ts"

/** The ends of the spectrum of a symmetric positive semi-definite matrix (d × d). */
export interface Ends {
  readonly min: number
  /** The second largest eigenvalue; 0 for d = 1. */
  readonly second: number
  readonly max: number
  /** A unit eigenvector of `max` (d). */
  readonly vector: Float64Array
}

/** Tests whether λmax = λmin up to rounding, for a d × d matrix. */
export const isFlat = ({ min, max }: Pick<Ends, "min" | "max">, d: number): boolean =>
  !(max - min > d * Number.EPSILON * Math.abs(max))

const within = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high)

/** The tolerance, relative to λmax, of the ends of a moment in double precision. */
const DOUBLE = 2e-15

/**
 * The same for a moment in single precision: half a unit in the last place of λmax, as much as its entries determine.
 */
export const SINGLE = 2 ** -25

/**
 * The ends except λmin. Of two equal eigenvalues Lanczos finds one; the other it finds from elsewhere. Y times the
 * vector that it finds is nothing at all where Y is nothing: what rounding leaves there would slow products down.
 */
const upper = (y: Rows, precision: number, tolerance: (max: number) => number): Omit<Ends, "min"> => {
  const d = y.length
  const first = (x: Float64Array) => times(y, x)
  const { value: max, vector: found } = largest(starts(d, 0), first, (value) => precision * value)
  const vector = max > 0 ? normalised(first(found)) : found
  const rest = (x: Float64Array) => {
    const image = times(y, x)
    add(image, -max * dot(vector, x), vector)
    return image
  }
  const second = d === 1 ? 0 : within(largest(starts(d, 1), rest, () => tolerance(max)).value, 0, max)
  return { max, vector, second }
}

/** λmin, by Lanczos on Y⁻¹, where an error e of θ = 1/λ is one of e/θ² in λ; 0 where it is not above the floor. */
const smallest = (y: Rows, floor: number, tolerance: number): number => {
  const l = cholesky(y, floor)
  if (l === undefined) return 0
  const inverse = (x: Float64Array) => solve(l, x)
  return 1 / largest(starts(y.length, 0), inverse, (value) => tolerance * value ** 2).value
}

/** Tests whether Y = c I up to rounding: λmax − λmin is at most √2 ‖Y − c I‖. */
const isMultipleOfIdentity = (y: Rows, c: number): boolean => {
  const squares = y.reduce((total, row, i) => total + dot(row, row, i) * 2 + (row[i]! - c) ** 2, 0)
  return Math.sqrt(2 * squares) <= y.length * Number.EPSILON * c
}

/** The ends of the spectrum of a symmetric positive semi-definite matrix (d × d), by default each to 1e-13 λmax. */
export const ends = (matrix: Float64.Matrix, precision = DOUBLE): Ends => {
  const [y, first] = [rowsOf(matrix), matrix.data[0]!]
  const d = y.length
  if (isMultipleOfIdentity(y, first)) {
    const vector = new Float64Array(d).map((_, i) => (i === 0 ? 1 : 0))
    return { min: first, second: d === 1 ? 0 : first, max: first, vector }
  }
  const mean = y.reduce((total, row, i) => total + row[i]! / d, 0)
  // Where the eigenvalues are close to each other, their differences count.
  const tolerance = (max: number) => precision * Math.max(max - mean, 1e-3 * max)
  const { max, second, vector } = upper(y, precision, tolerance)
  return { min: within(smallest(y, precision * max, tolerance(max)), 0, second), second, max, vector }
}

/** Σ c[k] Xᵏ, with about 2 √degree products (Paterson and Stockmeyer, 1973). */
const polynomial = (x: Float64.Matrix, c: ReadonlyArray<number>): Float64.Matrix => {
  const [d, step] = [x.shape[0]!, Math.max(1, Math.ceil(Math.sqrt(c.length - 1)))]
  const powers = [x]
  while (powers.length < step) powers.push(product(powers.at(-1)!, x))
  const part = (from: number, end: number) => {
    const out = Tensor.zeros([d, d])
    for (let i = 0; i < d; i++) out.data[i * (d + 1)] = c[from]!
    c.slice(from + 1, end).forEach((weight, i) => add(out.data, weight, powers[i]!.data))
    return out
  }
  let from = Math.max(0, Math.ceil((c.length - 1) / step) - 1) * step
  let sum = part(from, c.length)
  for (; from > 0; from -= step) {
    const high = product(sum, powers.at(-1)!)
    sum = part(from - step, from)
    add(sum.data, 1, high.data)
  }
  return sum
}

/**
 * The number of times that a matrix of this norm is halved before the series, and the coefficients 1/(k + shift)! of
 * the series, which leave an error of 1e-13 after as many doublings.
 */
const series = (norm: number, shift: 0 | 1) => {
  const halvings = Math.max(0, Math.ceil(Math.log2(norm)))
  const parts = 2 ** halvings
  const coefficients = [1]
  for (let k = 1, term = 1; (term *= norm / parts / (k + shift)) > 1e-13 / parts; k++) {
    coefficients.push(coefficients[k - 1]! / (k + shift))
  }
  return { halvings, coefficients }
}

/** P = exp(−τ (Y − λmin I)/(λmax − λmin)) of a moment with these ends (d × d; eq. 4); I where they are flat. */
export const exponential = (y: Float64.Matrix, tau: number, { min, second, max, vector }: Ends): Float64.Matrix => {
  if (isFlat({ min, max }, vector.length)) return polynomial(y, [1])
  const { halvings, coefficients } = series((tau * (second - min)) / (max - min), 0)
  const scale = tau / (max - min) / 2 ** halvings
  let power = polynomial(deflate(y, vector, -scale, scale * (min - max), -scale * min), coefficients)
  for (let i = 0; i < halvings; i++) power = product(power, power)
  return deflate(power, vector, 1, -Math.expm1(-tau), 0)
}

/** From a matrix with the eigenvalues σ of I − P, but for zeros: Σσ is its trace and Σσ² its squared norm. */
const effectOf = (removed: Float64.Matrix, tau: number, ends: Omit<Ends, "vector">, d: number): Effect => {
  if (isFlat(ends, d)) return { effectiveRank: 0, secondEigenvalue: 0, meanEigenvalue: 1 }
  const squares = dot(removed.data, removed.data)
  const trace = rowsOf(removed).reduce((total, row, i) => total + row[i]!, 0)
  return {
    effectiveRank: squares === 0 ? 0 : trace ** 2 / squares,
    secondEigenvalue: -Math.expm1((-tau * (ends.second - ends.min)) / (ends.max - ends.min)),
    meanEigenvalue: 1 - trace / d
  }
}

/** The effect of P (d × d) of a moment with these ends, without its eigenvalues: Σσ = d − tr P and Σσ² = ‖I − P‖². */
export const effect = (p: Float64.Matrix, tau: number, ends: Ends): Effect =>
  effectOf(deflate(p, ends.vector, -1, 0, -1), tau, ends, ends.vector.length)

/** P of fewer batches than dimensions, as I + Zᵀ K Z. */
export interface Thin {
  /** K, batches × batches and symmetric; 0 where the spectrum is flat, that is where Z = 0. */
  readonly kernel: Float64.Matrix
  readonly flat: boolean
  readonly effect: Effect
}

type Gram = Omit<Ends, "min"> & { readonly gram: Float64.Matrix }

const grams = new WeakMap<Float64.Matrix, Gram>()

/** Z Zᵀ of batch means with the upper ends of its spectrum, made once for any τ. */
const gramOf = (means: Float64.Matrix): Gram => {
  const known = grams.get(means)
  if (known !== undefined) return known
  const gram = product(means, means)
  const found = { gram, ...upper(rowsOf(gram), DOUBLE, (largest) => DOUBLE * largest) }
  grams.set(means, found)
  return found
}

/**
 * K = φ(Z Zᵀ) with φ(λ) = expm1(−τ λ/λmax)/λ of batch means Z (batches × d) of fewer batches than dimensions, where
 * λmin = 0. With s = τ/λmax and ψ(x) = (eˣ − 1)/x, φ(λ) = −s ψ(−s λ), and ψ(2x) = ψ(x) (1 + eˣ)/2.
 */
export const thin = (means: Float64.Matrix, tau: number): Thin => {
  const d = means.shape[1]!
  const { gram, max, second, vector } = gramOf(means)
  const ends = { min: 0, second, max }
  const flat = isFlat(ends, d)
  if (flat) return { kernel: polynomial(gram, [0]), flat, effect: effectOf(gram, tau, ends, d) }
  const s = tau / max
  const { halvings, coefficients } = series(s * second, 1)
  const scale = s / 2 ** halvings
  const x = deflate(gram, vector, -scale, -scale * max, 0)
  let psi = polynomial(x, coefficients)
  for (let i = 0, power = x; i < halvings; i++) {
    power = i === 0 ? deflate(product(x, psi), vector, 1, 0, -1) : product(power, power)
    psi = product(psi, deflate(power, vector, 0.5, 0, -0.5))
  }
  const along = tau === 0 ? 1 : -Math.expm1(-tau) / tau
  // ψ(0) = 1, but for rounding errors that λmax would make large.
  const before = dot(vector, times(rowsOf(psi), vector))
  const kernel = deflate(psi, vector, -s, s * (along - before), 0)
  const removed = deflate(product(kernel, gram), vector, -1, 0, 0)
  return { kernel, flat, effect: effectOf(removed, tau, ends, d) }
}
