/**
 * The largest eigenvalue of a symmetric linear operator by Lanczos iterations: the operator is only applied to vectors,
 * and the tridiagonal matrix that results is small.
 */
import { add, dot, normalised } from "./Symmetric.ts"

/**
 * The pivots of T − x I for a symmetric tridiagonal T, given by its diagonal and off-diagonal, up to the first that is
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

/** A deterministic unit vector without a special direction; another one for each phase. */
export const starts = (d: number, phase: number): Float64Array =>
  normalised(new Float64Array(d).map((_, i) => Math.sin((i + 1) ** 2 + phase)))

/**
 * The largest eigenvalue of a symmetric operator with a unit eigenvector, by Lanczos iterations with full
 * reorthogonalisation, until the residual is within the tolerance; at the latest after as many as there are dimensions.
 */
export const largest = (
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
