/**
 * What modification needs of a moment Y, without its eigen-decomposition. The ends of the spectrum come from Lanczos
 * iterations: on Y for λmax, on Y without that direction for the second eigenvalue, and on Y⁻¹ = (L Lᵀ)⁻¹, by a Cholesky
 * factorisation, for λmin. With v the strongest direction, R = Y − λmin I − (λmax − λmin) v vᵀ and s = τ/(λmax − λmin),
 * P = exp(−s R) + (e^−τ − 1) v vᵀ. On real features ‖s R‖ is about 0.01, where a polynomial of degree 4 is exact.
 *
 * The matrices multiplied here are symmetric and commute, so that a product is a triangle of products of rows.
 */
import { Tensor } from "@igm/tensor"
import * as Float64 from "./Float64.ts"

/** A matrix by its rows. */
type Rows = ReadonlyArray<Float64Array>

const rowsOf = ({ data, shape }: Float64.Matrix): Rows =>
  Array.from({ length: shape[0]! }, (_, i) => data.subarray(i * shape[1]!, (i + 1) * shape[1]!))

/** ⟨a, b⟩ over the first n entries: in four sums, as each waits for its last addition. */
const dot = (a: Float64Array, b: Float64Array, n = a.length): number => {
  let [s0, s1, s2, s3, k] = [0, 0, 0, 0, 0]
  for (; k + 3 < n; k += 4) {
    s0 += a[k]! * b[k]!
    s1 += a[k + 1]! * b[k + 1]!
    s2 += a[k + 2]! * b[k + 2]!
    s3 += a[k + 3]! * b[k + 3]!
  }
  for (; k < n; k++) s0 += a[k]! * b[k]!
  return s0 + s1 + (s2 + s3)
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

const row = (m: Rows, at: number) => m[Math.min(at, m.length - 1)]!
/** The products of rows i … i + 3 of a and j, j + 1 of b, over n entries: eight sums that stay in registers. */
const tile = (a: Rows, i: number, b: Rows, j: number, n: number): ReadonlyArray<number> => {
  const a0=row(a,i);const a1=row(a,i+1);const a2=row(a,i+2);const a3=row(a,i+3);const b0=row(b,j);const b1=row(b,j+1)
  let s0 = 0
  let s1 = 0
  let s2 = 0
  let s3 = 0
  let t0 = 0
  let t1 = 0
  let t2 = 0
  let t3 = 0
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
 * Visits the lower triangle of A Bᵀ, each row from the left, with the sum over the first n(column) entries (of the even
 * column, where a column has a pair); until a visit says no.
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
export const product = (a: Float64.Matrix, b: Float64.Matrix): Float64.Matrix => {
  const [d, inner] = [a.shape[0]!, a.shape[1]!]
  const out = new Float64Array(d * d)
  const write = (r: number, c: number, sum: number) => {
    out[r * d + c] = out[c * d + r] = sum
    return true
  }
  lower(rowsOf(a), rowsOf(b), () => inner, write)
  return Tensor.float64([d, d], out)
}

/** The moment of batch means (batches × d): Y = Zᵀ Z (d × d). */
export const moment = ({ data, shape }: Float64.Matrix): Float64.Matrix => {
  const [batches, d] = [shape[0]!, shape[1]!]
  const columns = new Float64Array(batches * d)
  for (let i = 0; i < batches; i++) for (let j = 0; j < d; j++) columns[j * batches + i] = data[i * d + j]!
  const transposed = Tensor.float64([d, batches], columns)
  return product(transposed, transposed)
}

/** L with L Lᵀ = Y; nothing where a pivot is not above the floor. No eigenvalue is below 0 nor all above a pivot. */
const cholesky = (y: Rows, floor: number): Rows | undefined => {
  const l = y.map((_, i) => new Float64Array((i | 3) + 1))
  const whole = lower(
    l,
    l,
    (j) => j,
    (r, c, sum) => {
      const rest = y[r]![c]! - (c % 2 === 0 ? sum : sum + l[r]![c - 1]! * l[c]![c - 1]!)
      l[r]![c] = r === c ? Math.sqrt(rest) : rest / l[c]![c]!
      return r !== c || rest > floor
    }
  )
  return whole ? l : undefined
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

/** A symmetric tridiagonal matrix: what is on its diagonal, and beside it. */
interface Tridiagonal {
  readonly diagonal: ReadonlyArray<number>
  readonly beside: ReadonlyArray<number>
}

/** The pivots of T − x I, up to the first that is not negative: x is above the spectrum if there is none. */
const pivots = ({ diagonal, beside }: Tridiagonal, x: number): ReadonlyArray<number> => {
  const found: Array<number> = []
  for (let i = 0, last = -1; i < diagonal.length && last < 0; i++) {
    last = diagonal[i]! - x - (i === 0 ? 0 : beside[i - 1]! ** 2 / last)
    found.push(last)
  }
  return found
}

/** The largest eigenvalue of a tridiagonal matrix, by bisection, and its unit eigenvector, by inverse iteration. */
const ritz = (t: Tridiagonal): { readonly value: number; readonly vector: Float64Array } => {
  const { diagonal, beside } = t
  let low = Math.max(...diagonal)
  let high = low + 2 * Math.max(0, ...beside.slice(0, diagonal.length - 1))
  high += Number.EPSILON * Math.abs(high)
  for (let step = 0; step < 60 && high - low > Number.EPSILON * high; step++) {
    const middle = (low + high) / 2
    if (pivots(t, middle).at(-1)! < 0) high = middle
    else low = middle
  }
  const d = pivots(t, high).map((pivot) => Math.min(pivot, -1e-150))
  let vector: Float64Array = new Float64Array(d.length).fill(1)
  for (let pass = 0; pass < 2; pass++) {
    for (let i = 1; i < d.length; i++) vector[i]! -= (beside[i - 1]! / d[i - 1]!) * vector[i - 1]!
    for (let i = d.length - 1; i >= 0; i--) vector[i] = (vector[i]! - (beside[i] ?? 0) * (vector[i + 1] ?? 0)) / d[i]!
    vector = normalised(vector)
  }
  return { value: high, vector }
}

/**
 * The largest eigenvalue of a symmetric operator on d dimensions with a unit eigenvector, by Lanczos iterations with full
 * reorthogonalisation from a fixed vector, until the residual is within the tolerance; at the latest after d.
 */
const largest = (apply: (x: Float64Array) => Float64Array, d: number, tolerance: (value: number) => number) => {
  const [basis, diagonal, beside]: [Array<Float64Array>, Array<number>, Array<number>] = [[], [], []]
  let next = normalised(new Float64Array(d).map((_, i) => Math.sin((i + 1) ** 2)))
  for (;;) {
    basis.push(next)
    const image = apply(next)
    diagonal.push(dot(next, image))
    for (const q of [...basis, ...basis]) add(image, -dot(q, image), q)
    const norm = Math.sqrt(dot(image, image))
    beside.push(norm)
    const found = ritz({ diagonal, beside })
    if (basis.length === d || norm * Math.abs(found.vector.at(-1)!) <= tolerance(found.value)) {
      const vector = new Float64Array(d)
      basis.forEach((q, i) => add(vector, found.vector[i]!, q))
      return { value: found.value, vector: normalised(vector), steps: basis.length }
    }
    next = image.map((x) => x / norm)
  }
}

/** The ends of the spectrum of a symmetric positive semi-definite matrix (d × d), each to 1e-13 λmax. */
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

const clamp = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high)

/** The ends but for λmin. A second eigenvalue equal to the first is found too: the first's direction is taken out. */
const upper = (y: Rows, tolerance: (max: number) => number): Omit<Ends, "min"> => {
  const d = y.length
  const { value: max, vector } = largest(
    (x) => times(y, x),
    d,
    (value) => 2e-15 * value
  )
  const rest = (x: Float64Array) => {
    const image = times(y, x)
    add(image, -max * dot(vector, x), vector)
    return image
  }
  const second = d === 1 ? 0 : clamp(largest(rest, d, () => tolerance(max)).value, 0, max)
  return { max, second, vector }
}

/** λmin, by Lanczos on Y⁻¹: an error e of an eigenvalue θ = 1/λ is e/θ² in λ. 0 where a pivot says so to 4e-14 λmax. */
const smallest = (y: Rows, max: number, tolerance: number): number => {
  const l = cholesky(y, 4e-14 * max)
  if (l === undefined) return 0
  const { vector } = largest(
    (x) => solve(l, x),
    y.length,
    (value) => tolerance * value * value
  )
  return dot(vector, times(y, vector))
}

/** λmax − λmin is at most √2 ‖Y − c I‖ for any c. */
const isMultipleOfIdentity = (y: Rows): boolean => {
  const c = y[0]![0]!
  const squares = y.reduce((total, row, i) => total + dot(row, row) - row[i]! ** 2 + (row[i]! - c) ** 2, 0)
  return Math.sqrt(2 * squares) <= y.length * Number.EPSILON * c
}

/** The ends of the spectrum of a symmetric positive semi-definite matrix (d × d). */
export const ends = (matrix: Float64.Matrix): Ends => {
  const y = rowsOf(matrix)
  const d = y.length
  if (isMultipleOfIdentity(y)) {
    const [c, vector] = [y[0]![0]!, Float64Array.from({ length: d }, (_, i) => (i === 0 ? 1 : 0))]
    return { min: c, second: d === 1 ? 0 : c, max: c, vector }
  }
  // Of λmax less the mean eigenvalue: where all are close, their differences matter.
  const mean = y.reduce((total, row, i) => total + row[i]! / d, 0)
  const tolerance = (max: number) => 2e-14 * Math.max(max - mean, 1e-3 * max)
  const { max, second, vector } = upper(y, tolerance)
  return { min: clamp(smallest(y, max, tolerance(max)), 0, d === 1 ? max : second), second, max, vector }
}

/** scale Y − weight v vᵀ − shift I. */
const deflate = (y: Rows, v: Float64Array, scale: number, weight: number, shift: number): Float64.Matrix => {
  const d = y.length
  const out = new Float64Array(d * d)
  for (let i = 0; i < d; i++) {
    for (let j = 0; j < d; j++) out[i * d + j] = scale * y[i]![j]! - weight * (v[i]! * v[j]!)
    out[i * d + i]! -= shift
  }
  return Tensor.float64([d, d], out)
}

/**
 * The coefficients, of the powers of t, of a polynomial that is f((1 + t) x/2) to about 1e-14 for −1 ≤ t ≤ 1: of the
 * Chebyshev interpolation, without its end. For f as smooth as these and x ≤ 2.
 */
const approximate = (f: (y: number) => number, x: number): ReadonlyArray<number> => {
  const angles = Array.from({ length: 20 }, (_, i) => (Math.PI * (i + 0.5)) / 20)
  const values = angles.map((angle) => f(((1 + Math.cos(angle)) * x) / 2))
  const chebyshev = angles.map((_, k) => {
    const sum = values.reduce((total, value, i) => total + value * Math.cos(k * angles[i]!), 0)
    return (k === 0 ? 1 : 2) * (sum / 20)
  })
  const degree = chebyshev.findLastIndex((c) => Math.abs(c) > 4e-15)
  // Clenshaw's recurrence, on polynomials.
  let [b, after]: [ReadonlyArray<number>, ReadonlyArray<number>] = [[], []]
  for (let k = degree; k >= 0; k--) {
    const [now, double] = [[0, ...b], k === 0 ? 1 : 2]
    ;[b, after] = [now.map((c, i) => (i === 0 ? chebyshev[k]! : double * c) - (after[i] ?? 0)), b]
  }
  return b
}

/** Σ c[k] Tᵏ, with about 2 √degree products (Paterson and Stockmeyer, 1973). */
const polynomial = (t: Float64.Matrix, c: ReadonlyArray<number>): Float64.Matrix => {
  const d = t.shape[0]!
  const step = Math.max(1, Math.ceil(Math.sqrt(c.length - 1)))
  const powers = [t]
  while (powers.length < step) powers.push(product(powers.at(-1)!, t))
  const part = (from: number, end: number) => {
    const out = new Float64Array(d * d)
    for (let i = 0; i < d; i++) out[i * (d + 1)] = c[from]!
    c.slice(from + 1, end).forEach((weight, i) => add(out, weight, powers[i]!.data))
    return Tensor.float64([d, d], out)
  }
  let from = Math.max(0, Math.ceil((c.length - 1) / step) - 1) * step
  let sum = part(from, c.length)
  while (from > 0) {
    const high = product(sum, powers.at(-1)!)
    from -= step
    sum = part(from, from + step)
    add(sum.data, 1, high.data)
  }
  return sum
}

/** How often an exponent of norm x is to be halved, for the polynomial. */
const halvings = (x: number): number => Math.max(0, Math.ceil(Math.log2(x / 2)))

/** P = exp(−τ (Y − λmin I)/(λmax − λmin)) (eq. 4; d × d) of a moment with these ends; the identity where they are flat. */
export const exponential = (
  matrix: Float64.Matrix,
  tau: number,
  { min, second, max, vector }: Ends
): Float64.Matrix => {
  if (isFlat({ min, max }, vector.length)) return polynomial(matrix, [1])
  const spread = max - min
  const width = Math.max(second - min, 1e-14 * spread)
  const halved = halvings((tau * width) / spread)
  // R = Y − λmin I − (λmax − λmin) v vᵀ has eigenvalues from 0 to `width`; t from −1 to 1.
  const t = deflate(rowsOf(matrix), vector, 2 / width, (2 * spread) / width, (2 * min) / width + 1)
  let power = polynomial(
    t,
    approximate((y) => Math.exp(-y), (tau * width) / spread / 2 ** halved)
  )
  for (let i = 0; i < halved; i++) power = product(power, power)
  return deflate(rowsOf(power), vector, 1, -Math.expm1(-tau), 0)
}

/** Of what P does, without all eigenvalues (see `Modification.Effect`). */
export interface Effect {
  readonly effectiveRank: number
  readonly secondEigenvalue: number
  readonly meanEigenvalue: number
}

/** From a symmetric matrix with the eigenvalues σ of I − P that are not 0: Σσ is its trace, and Σσ² its squared norm. */
const effectOf = (removed: Float64.Matrix, tau: number, ends: Omit<Ends, "vector">, d: number): Effect => {
  if (isFlat(ends, d)) return { effectiveRank: 0, secondEigenvalue: 0, meanEigenvalue: 1 }
  const squares = dot(removed.data, removed.data)
  const trace = rowsOf(removed).reduce((total, row, i) => total + row[i]!, 0)
  return {
    effectiveRank: squares === 0 ? 0 : (trace * trace) / squares,
    secondEigenvalue: -Math.expm1((-tau * (ends.second - ends.min)) / (ends.max - ends.min)),
    meanEigenvalue: 1 - trace / d
  }
}

/** What P (d × d) does, for the ledger. */
export const effect = (p: Float64.Matrix, tau: number, ends: Ends): Effect =>
  effectOf(deflate(rowsOf(p), ends.vector, -1, 0, -1), tau, ends, p.shape[0]!)

/** P = I + Zᵀ K Z for fewer batches than dimensions. */
export interface Thin {
  /** K, batches × batches and symmetric; 0 where the spectrum is flat, that is where Z = 0. */
  readonly kernel: Float64.Matrix
  readonly flat: boolean
  readonly effect: Effect
}

/**
 * K = φ(Z Zᵀ) with φ(λ) = expm1(−τ λ/λmax)/λ, for batch means Z (batches × d) of fewer batches than dimensions, where
 * λmin = 0. In ψ(y) = (1 − e^−y)/y, φ(λ) = −s ψ(s λ) with s = τ/λmax; and ψ(2y) = ψ(y) − y ψ(y)²/2.
 */
export const thin = (means: Float64.Matrix, tau: number): Thin => {
  const gram = product(means, means)
  const d = means.shape[1]!
  const { max, second, vector } = upper(rowsOf(gram), (max) => 2e-14 * max)
  const ends = { min: 0, second, max }
  const flat = isFlat(ends, d)
  if (flat) return { kernel: polynomial(gram, [0]), flat, effect: effectOf(gram, tau, ends, d) }
  const psi = (y: number) => (y === 0 ? 1 : -Math.expm1(-y) / y)
  const [s, width] = [tau / max, Math.max(second, 1e-14 * max)]
  const halved = halvings(s * width)
  const t = deflate(rowsOf(gram), vector, 2 / width, (2 * max) / width, 1)
  const ratio = polynomial(t, approximate(psi, (s * width) / 2 ** halved))
  for (let i = halved; i > 0; i--) {
    const rest = deflate(rowsOf(gram), vector, s / 2 ** i, (s / 2 ** i) * max, 0)
    add(ratio.data, -0.5, product(rest, product(ratio, ratio)).data)
  }
  const kernel = deflate(rowsOf(ratio), vector, -s, s * (psi(tau) - 1), 0)
  const removed = deflate(rowsOf(product(kernel, gram)), vector, -1, 0, 0)
  return { kernel, flat, effect: effectOf(removed, tau, ends, d) }
}
