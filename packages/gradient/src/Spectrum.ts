/**
 * What modification needs of a moment Y, without its eigen-decomposition. The ends of the spectrum come from Lanczos
 * iterations: on Y for λmax, on Y without that direction for the second eigenvalue, and on Y⁻¹ = (L Lᵀ)⁻¹, by a Cholesky
 * factorisation, for λmin. With v the strongest direction, R = Y − λmin I − (λmax − λmin) v vᵀ and s = τ/(λmax − λmin),
 * P = exp(−s R) + (e^−τ − 1) v vᵀ. On real features ‖s R‖ is below 0.01, so that five terms of the series are enough.
 *
 * The matrices multiplied here are symmetric and commute, so that a product is a triangle of products of rows. A loop
 * over entries is written without arrays and closures of its own, which would make it ten times slower.
 */
import { Tensor } from "@igm/tensor"
import type * as Float64 from "./Float64.ts"

/** A matrix by its rows. */
type Rows = ReadonlyArray<Float64Array>

const rowsOf = ({ data, shape }: Float64.Matrix): Rows =>
  Array.from({ length: shape[0]! }, (_, i) => data.subarray(i * shape[1]!, (i + 1) * shape[1]!))

/** ⟨a, b⟩ over the first n entries. */
const dot = (a: Float64Array, b: Float64Array, n = a.length): number => {
  let sum = 0
  for (let k = 0; k < n; k++) sum += a[k]! * b[k]!
  return sum
}

/** y += weight · x over the first n entries. */
const add = (y: Float64Array, weight: number, x: Float64Array, n = x.length): void => {
  for (let k = 0; k < n; k++) y[k]! += weight * x[k]!
}

const times = (y: Rows, x: Float64Array): Float64Array => x.map((_, i) => dot(y[i]!, x))

const normalised = (x: Float64Array): Float64Array => {
  const norm = Math.sqrt(dot(x, x))
  return x.map((entry) => entry / norm)
}

/** The products of rows i … i + 3 of a and j, j + 1 of b, over n entries: eight sums that stay in registers. */
const tile = (a: Rows, i: number, b: Rows, j: number, n: number): ReadonlyArray<number> => {
  const row = (m: Rows, at: number) => m[Math.min(at, m.length - 1)]!
  const [a0, a1, a2, a3, b0, b1] = [row(a, i), row(a, i + 1), row(a, i + 2), row(a, i + 3), row(b, j), row(b, j + 1)]
  let [s0, s1, s2, s3, t0, t1, t2, t3] = [0, 0, 0, 0, 0, 0, 0, 0]
  for (let k = 0; k < n; k++) {
    const x = b0[k]!
    const y = b1[k]!
    const u0 = a0[k]!
    s0 += u0 * x
    t0 += u0 * y
    const u1 = a1[k]!
    s1 += u1 * x
    t1 += u1 * y
    const u2 = a2[k]!
    s2 += u2 * x
    t2 += u2 * y
    const u3 = a3[k]!
    s3 += u3 * x
    t3 += u3 * y
  }
  return [s0, t0, s1, t1, s2, t2, s3, t3]
}

/**
 * Visits the lower triangle of A Bᵀ, each row from the left, with the products of the rows' first `n(column)` entries,
 * where columns go by twos, from an even one; until a visit says no.
 */
const lower = (a: Rows, b: Rows, n: (j: number) => number, visit: (r: number, c: number, sum: number) => boolean) => {
  const d = a.length
  for (let i = 0; i < d; i += 4) {
    for (let j = 0; j < Math.min(i + 4, d); j += 2) {
      const sums = tile(a, i, b, j, n(j))
      for (let c = j; c < Math.min(j + 2, d); c++) {
        for (let r = Math.max(i, c); r < Math.min(i + 4, d); r++) {
          if (!visit(r, c, sums[2 * (r - i) + c - j]!)) return false
        }
      }
    }
  }
  return true
}

/** A Bᵀ where that is symmetric (a, b: d × n). */
const product = (a: Float64.Matrix, b: Float64.Matrix): Float64.Matrix => {
  const [d, inner] = [a.shape[0]!, a.shape[1]!]
  const out = new Float64Array(d * d)
  const write = (r: number, c: number, sum: number) => {
    out[r * d + c] = out[c * d + r] = sum
    return true
  }
  lower(rowsOf(a), rowsOf(b), () => inner, write)
  return Tensor.float64([d, d], out)
}

/** The moment of batch means Z (batches × d): Y = Zᵀ Z (d × d; eq. 2). */
export const moment = ({ data, shape }: Float64.Matrix): Float64.Matrix => {
  const [batches, d] = [shape[0]!, shape[1]!]
  const columns = new Float64Array(batches * d)
  for (let i = 0; i < batches; i++) for (let j = 0; j < d; j++) columns[j * batches + i] = data[i * d + j]!
  const transposed = Tensor.float64([d, batches], columns)
  return product(transposed, transposed)
}

/** scale Y − weight v vᵀ − shift I. */
const deflate = (y: Float64.Matrix, v: Float64Array, scale: number, weight: number, shift: number): Float64.Matrix => {
  const d = v.length
  const out = new Float64Array(d * d)
  for (let i = 0; i < d; i++) {
    for (let j = 0; j < d; j++) out[i * d + j] = scale * y.data[i * d + j]! - weight * (v[i]! * v[j]!)
    out[i * d + i]! -= shift
  }
  return Tensor.float64([d, d], out)
}

/** L, by rows, with L Lᵀ = Y; nothing where the square of a pivot, which is never below λmin, is not above the floor. */
const cholesky = (y: Rows, floor: number): Rows | undefined => {
  const l = y.map((_, i) => new Float64Array((i | 3) + 1))
  const fill = (r: number, c: number, sum: number) => {
    const rest = y[r]![c]! - (c % 2 === 0 ? sum : sum + l[r]![c - 1]! * l[c]![c - 1]!)
    l[r]![c] = r === c ? Math.sqrt(rest) : rest / l[c]![c]!
    return r !== c || rest > floor
  }
  return lower(l, l, (j) => j, fill) ? l : undefined
}

/** (L Lᵀ)⁻¹ x. */
const solve = (l: Rows, x: Float64Array): Float64Array => {
  const out = x.slice()
  for (let i = 0; i < x.length; i++) out[i] = (out[i]! - dot(l[i]!, out, i)) / l[i]![i]!
  for (let i = x.length - 1; i >= 0; i--) {
    out[i]! /= l[i]![i]!
    add(out, -out[i]!, l[i]!, i)
  }
  return out
}

/**
 * The pivots of T − x I for a symmetric tridiagonal T of what is on its diagonal and beside it, up to the first that is
 * not negative: there is none if and only if x is above T's spectrum.
 */
const pivots = (diagonal: ReadonlyArray<number>, beside: ReadonlyArray<number>, x: number): ReadonlyArray<number> => {
  const found: Array<number> = []
  for (let i = 0, last = -1; i < diagonal.length && last < 0; i++) {
    last = diagonal[i]! - x - (i === 0 ? 0 : beside[i - 1]! ** 2 / last)
    found.push(last)
  }
  return found
}

/** The largest eigenvalue of a symmetric tridiagonal matrix, by bisection, and its unit eigenvector, by inverse iteration. */
const ritz = (diagonal: ReadonlyArray<number>, beside: ReadonlyArray<number>) => {
  let low = Math.max(...diagonal)
  let high = low + 2 * Math.max(0, ...beside.slice(0, diagonal.length - 1))
  high += Number.EPSILON * Math.abs(high)
  for (let step = 0; step < 60 && high - low > Number.EPSILON * high; step++) {
    const middle = (low + high) / 2
    if (pivots(diagonal, beside, middle).at(-1)! < 0) high = middle
    else low = middle
  }
  const d = pivots(diagonal, beside, high).map((pivot) => Math.min(pivot, -1e-150))
  let vector: Float64Array = new Float64Array(d.length).fill(1)
  for (let pass = 0; pass < 2; pass++) {
    for (let i = 1; i < d.length; i++) vector[i]! -= (beside[i - 1]! / d[i - 1]!) * vector[i - 1]!
    for (let i = d.length - 1; i >= 0; i--) vector[i] = (vector[i]! - beside[i]! * (vector[i + 1] ?? 0)) / d[i]!
    vector = normalised(vector)
  }
  return { value: high, vector }
}

/** Unit vectors in no special direction, and each in another. */
const starts = (d: number, phase: number): Float64Array =>
  normalised(new Float64Array(d).map((_, i) => Math.sin((i + 1) ** 2 + phase)))

/**
 * The largest eigenvalue of a symmetric operator with a unit eigenvector, by Lanczos iterations with full
 * reorthogonalisation, until the residual is within the tolerance; at the latest after as many as there are dimensions.
 */
const largest = (
  start: Float64Array,
  apply: (x: Float64Array) => Float64Array,
  tolerance: (value: number) => number
): { readonly value: number; readonly vector: Float64Array } => {
  const [basis, diagonal, beside]: [Array<Float64Array>, Array<number>, Array<number>] = [[], [], []]
  for (let next = start; ;) {
    basis.push(next)
    const image = apply(next)
    diagonal.push(dot(next, image))
    for (const q of [...basis, ...basis]) add(image, -dot(q, image), q)
    const norm = Math.sqrt(dot(image, image))
    beside.push(norm)
    const { value, vector } = ritz(diagonal, beside)
    const residual = norm * Math.abs(vector.at(-1)!)
    if (basis.length === start.length || !(residual > tolerance(value))) {
      const whole = new Float64Array(start.length)
      basis.forEach((q, i) => add(whole, vector[i]!, q))
      return { value, vector: normalised(whole) }
    }
    next = image.map((x) => x / norm)
  }
}

/** The ends of the spectrum of a symmetric positive semi-definite matrix (d × d). */
export interface Ends {
  readonly min: number
  /** The second largest eigenvalue; 0 for d = 1. */
  readonly second: number
  readonly max: number
  /** A unit eigenvector of `max` (d). */
  readonly vector: Float64Array
}

/** Whether λmax = λmin to rounding, for a d × d matrix. */
export const isFlat = ({ min, max }: Pick<Ends, "min" | "max">, d: number): boolean =>
  !(max - min > d * Number.EPSILON * Math.abs(max))

const within = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high)

/** The ends but for λmin. Of two equal eigenvalues Lanczos finds one; the other it finds from elsewhere. */
const upper = (y: Rows, tolerance: (max: number) => number): Omit<Ends, "min"> => {
  const d = y.length
  const first = (x: Float64Array) => times(y, x)
  const { value: max, vector } = largest(starts(d, 0), first, (value) => 2e-15 * value)
  const rest = (x: Float64Array) => {
    const image = times(y, x)
    add(image, -max * dot(vector, x), vector)
    return image
  }
  const second = d === 1 ? 0 : within(largest(starts(d, 1), rest, () => tolerance(max)).value, 0, max)
  return { max, vector, second }
}

/** λmin, by Lanczos on Y⁻¹, where an error e of θ = 1/λ is one of e/θ² in λ; 0 where it is not above 2e-15 λmax. */
const smallest = (y: Rows, max: number, tolerance: number): number => {
  const l = cholesky(y, 2e-15 * max)
  if (l === undefined) return 0
  const inverse = (x: Float64Array) => solve(l, x)
  return 1 / largest(starts(y.length, 0), inverse, (value) => tolerance * value ** 2).value
}

/** Whether Y = c I to rounding: λmax − λmin is at most √2 ‖Y − c I‖. */
const isMultipleOfIdentity = (y: Rows, c: number): boolean => {
  const squares = y.reduce((total, row, i) => total + dot(row, row, i) * 2 + (row[i]! - c) ** 2, 0)
  return Math.sqrt(2 * squares) <= y.length * Number.EPSILON * c
}

/** The ends of the spectrum of a symmetric positive semi-definite matrix (d × d), each to 1e-13 λmax. */
export const ends = (matrix: Float64.Matrix): Ends => {
  const [y, first] = [rowsOf(matrix), matrix.data[0]!]
  const d = y.length
  if (isMultipleOfIdentity(y, first)) {
    const vector = new Float64Array(d).map((_, i) => (i === 0 ? 1 : 0))
    return { min: first, second: d === 1 ? 0 : first, max: first, vector }
  }
  const mean = y.reduce((total, row, i) => total + row[i]! / d, 0)
  // Where the eigenvalues are close to each other, their differences count.
  const tolerance = (max: number) => 2e-15 * Math.max(max - mean, 1e-3 * max)
  const { max, second, vector } = upper(y, tolerance)
  return { min: within(smallest(y, max, tolerance(max)), 0, second), second, max, vector }
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
 * How often a matrix of this norm is to be halved for the series, and the series' coefficients 1/(k + shift)! for then,
 * to an error of 1e-13 after as many doublings.
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

/** What P does (`Modification.Effect`). */
export interface Effect {
  readonly effectiveRank: number
  readonly secondEigenvalue: number
  readonly meanEigenvalue: number
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

/** What P (d × d) of a moment with these ends does, without its eigenvalues: Σσ = d − tr P and Σσ² = ‖I − P‖². */
export const effect = (p: Float64.Matrix, tau: number, ends: Ends): Effect =>
  effectOf(deflate(p, ends.vector, -1, 0, -1), tau, ends, ends.vector.length)

/** P of fewer batches than dimensions: I + Zᵀ K Z. */
export interface Thin {
  /** K, batches × batches and symmetric; 0 where the spectrum is flat, that is where Z = 0. */
  readonly kernel: Float64.Matrix
  readonly flat: boolean
  readonly effect: Effect
}

/**
 * K = φ(Z Zᵀ) with φ(λ) = expm1(−τ λ/λmax)/λ of batch means Z (batches × d) of fewer batches than dimensions, where
 * λmin = 0. With s = τ/λmax and ψ(x) = (eˣ − 1)/x, φ(λ) = −s ψ(−s λ), and ψ(2x) = ψ(x) (1 + eˣ)/2.
 */
export const thin = (means: Float64.Matrix, tau: number): Thin => {
  const [gram, d] = [product(means, means), means.shape[1]!]
  const { max, second, vector } = upper(rowsOf(gram), (largest) => 2e-15 * largest)
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
