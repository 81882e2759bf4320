/**
 * Fast kernels for dense matrices on the host. The matrices multiplied here are symmetric and commute, so that a product
 * is a triangle of products of rows. A loop over entries is written without arrays and closures of its own, which would
 * make it ten times slower.
 */
import { Tensor } from "@igm/tensor"
import type * as Float64 from "./Float64.ts"

/** A matrix as a list of its rows. */
export type Rows = ReadonlyArray<Float64Array>

export const rowsOf = ({ data, shape }: Float64.Matrix): Rows =>
  Array.from({ length: shape[0]! }, (_, i) => data.subarray(i * shape[1]!, (i + 1) * shape[1]!))

/** ⟨a, b⟩ over the first n entries. */
export const dot = (a: Float64Array, b: Float64Array, n = a.length): number => {
  let sum = 0
  for (let k = 0; k < n; k++) sum += a[k]! * b[k]!
  return sum
}

/** y += weight · x over the first n entries. */
export const add = (y: Float64Array, weight: number, x: Float64Array, n = x.length): void => {
  for (let k = 0; k < n; k++) y[k]! += weight * x[k]!
}

export const times = (y: Rows, x: Float64Array): Float64Array => x.map((_, i) => dot(y[i]!, x))

export const normalised = (x: Float64Array): Float64Array => {
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
 * Visits the entries of the lower triangle of A Bᵀ, row by row from the left, with the products of the rows' first
 * `n(column)` entries, for two columns at a time from an even one on. Stops when a visit returns false.
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

/** The moment of batch means Z (batches × d): Y = Zᵀ Z (d × d; eq. 2). */
export const moment = ({ data, shape }: Float64.Matrix): Float64.Matrix => {
  const [batches, d] = [shape[0]!, shape[1]!]
  const columns = new Float64Array(batches * d)
  for (let i = 0; i < batches; i++) for (let j = 0; j < d; j++) columns[j * batches + i] = data[i * d + j]!
  const transposed = Tensor.float64([d, batches], columns)
  return product(transposed, transposed)
}

/** scale Y − weight v vᵀ − shift I. */
export const deflate = (
  y: Float64.Matrix,
  v: Float64Array,
  scale: number,
  weight: number,
  shift: number
): Float64.Matrix => {
  const d = v.length
  const out = new Float64Array(d * d)
  for (let i = 0; i < d; i++) {
    for (let j = 0; j < d; j++) out[i * d + j] = scale * y.data[i * d + j]! - weight * (v[i]! * v[j]!)
    out[i * d + i]! -= shift
  }
  return Tensor.float64([d, d], out)
}

/**
 * The Cholesky factor L, by rows, with L Lᵀ = Y; undefined where the square of a pivot is not above the floor (it is
 * never below λmin).
 */
export const cholesky = (y: Rows, floor: number): Rows | undefined => {
  const l = y.map((_, i) => new Float64Array((i | 3) + 1))
  const fill = (r: number, c: number, sum: number) => {
    const rest = y[r]![c]! - (c % 2 === 0 ? sum : sum + l[r]![c - 1]! * l[c]![c - 1]!)
    l[r]![c] = r === c ? Math.sqrt(rest) : rest / l[c]![c]!
    return r !== c || rest > floor
  }
  return lower(l, l, (j) => j, fill) ? l : undefined
}

/** (L Lᵀ)⁻¹ x. */
export const solve = (l: Rows, x: Float64Array): Float64Array => {
  const out = x.slice()
  for (let i = 0; i < x.length; i++) out[i] = (out[i]! - dot(l[i]!, out, i)) / l[i]![i]!
  for (let i = x.length - 1; i >= 0; i--) {
    out[i]! /= l[i]![i]!
    add(out, -out[i]!, l[i]!, i)
  }
  return out
}
