/**
 * P of batch means, made ready for an interpreter: the host finds the spectrum's ends, and what is large is left to the
 * interpreter. With fewer batches than dimensions P = I + Zᵀ K Z is never needed to project rows: a P = a + ((a Zᵀ) K) Z.
 */
import { Tensor } from "@igm/tensor"
import * as Float64 from "./Float64.ts"
import * as Modification from "./Modification.ts"
import { type Named, type Ops, get, mapNamed } from "./Ops.ts"
import * as Spectrum from "./Spectrum.ts"

/** A projection by P (d × d, symmetric). */
export interface Projection {
  /** Whether λmax = λmin, so that P is the identity. */
  readonly flat: boolean
  readonly effect: Modification.Effect
  /** What it needs. */
  readonly inputs: Named<Tensor.Tensor>
  /** a P, for rows a (n × d). */
  readonly times: <T>(ops: Ops<T>, inputs: Named<T>, a: T) => T
  /** P. */
  readonly matrix: <T>(ops: Ops<T>, inputs: Named<T>) => T
  /** Where P = I + Lᵀ R takes less work to project rows by than P itself: L and R (rank × d, rank < d/2). */
  readonly thin?: Thin
}

/** The factors of P = I + Lᵀ R. */
export interface Thin {
  readonly left: Tensor.Tensor
  readonly right: <T>(ops: Ops<T>, inputs: Named<T>) => T
}

/** a + (a Lᵀ) R. */
export const timesThin = <T>(ops: Ops<T>, a: T, left: T, right: T): T =>
  ops.gemm(ops.gemm(a, left, { transB: true }), right, { addend: a })

const ofMatrix = (P: Float64.Matrix, flat: boolean, effect: Modification.Effect): Projection => ({
  flat,
  effect,
  inputs: { P },
  times: (ops, inputs, a) => ops.gemm(a, get(inputs, "P")),
  matrix: (_, inputs) => get(inputs, "P")
})

const ofKernel = (Z: Float64.Matrix, { kernel: K, effect }: Spectrum.Thin): Projection => {
  const right = <T>(ops: Ops<T>, inputs: Named<T>): T => ops.gemm(get(inputs, "K"), get(inputs, "Z"))
  return {
    flat: false,
    effect,
    inputs: { Z, K, I: Modification.identity(Z.shape[1]!) },
    times: (ops, inputs, a) => timesThin(ops, a, get(inputs, "Z"), right(ops, inputs)),
    matrix: (ops, inputs) => ops.gemm(get(inputs, "Z"), right(ops, inputs), { transA: true, addend: get(inputs, "I") }),
    ...(2 * Z.shape[0]! < Z.shape[1]! ? { thin: { left: Z, right } } : {})
  }
}

/** Up to this norm of X the series below is exact to 1e-13. */
const SMALL = 0.05

/**
 * P = exp(X) − (1 − e^−τ) v vᵀ with X = −s (Y − λmin I − (λmax − λmin) v vᵀ) and s = τ/(λmax − λmin), for ‖X‖ ≤ 0.05: six
 * terms of the series, in three products. What it does is told to about 1e-5, from tr X and ‖X‖².
 */
const ofSmall = (Y: Float64.Matrix, tau: number, ends: Spectrum.Ends): Projection => {
  const { min, max, second, vector } = ends
  const [d, s] = [vector.length, tau / (max - min)]
  const along = (i: number, j: number) => (max - min) * vector[i]! * vector[j]!
  let [trace, squares] = [0, 0]
  for (let i = 0; i < d; i++) {
    for (let j = 0; j < d; j++) {
      const x = s * (Y.data[i * d + j]! - along(i, j) - (i === j ? min : 0))
      squares += x * x
      if (i === j) trace += x
    }
  }
  // Of 1 − e^−x = x − x²/2 + …, and of its square x² − x³ + …
  const [removed, removedSquares] = [trace - squares / 2, squares]
  const gone = -Math.expm1(-tau)
  const numbers = { s: -s, along: s * (max - min), shift: s * min, gone: -gone }
  return {
    flat: false,
    effect: {
      effectiveRank: (gone + removed) ** 2 / (gone ** 2 + removedSquares),
      secondEigenvalue: -Math.expm1(-s * (second - min)),
      meanEigenvalue: 1 - (gone + removed) / d
    },
    inputs: {
      Y,
      I: Modification.identity(d),
      v: Tensor.float64([d, 1], vector),
      ...mapNamed(numbers, Float64.ops.scalar)
    },
    times: (ops, inputs, a) => ops.gemm(a, seriesOf(ops, inputs)),
    matrix: seriesOf
  }
}

const seriesOf = <T>(ops: Ops<T>, inputs: Named<T>): T => {
  const { Y, I, v, s, along, shift, gone } = mapNamed(inputs, (value) => value) as Record<string, T>
  const times = (a: T, b: T) => ops.multiply(a, b)
  const outer = ops.gemm(v!, v!, { transB: true })
  const X = ops.add(ops.add(times(s!, Y!), times(along!, outer)), times(shift!, I!))
  const X2 = ops.gemm(X, X)
  const terms = (x: number, one: number) => ops.add(times(ops.scalar(x), X), times(ops.scalar(one), I!))
  const high = ops.add(times(ops.scalar(1 / 720), X2), terms(1 / 120, 1 / 24))
  const series = ops.gemm(ops.gemm(high, X2, { addend: terms(1 / 6, 1 / 2) }), X2, { addend: terms(1, 1) })
  return ops.add(series, times(gone!, outer))
}

/**
 * P of batch means Z (batches × d) for a temperature τ ≥ 0, with their moment where it is known; `strictNaN` makes it NaN
 * where the spectrum is flat.
 */
export const ofMeans = (
  means: Float64.Matrix,
  { tau, strictNaN }: { readonly tau: number; readonly strictNaN: boolean },
  known?: Float64.Matrix
): Projection => {
  const [batches, d] = [means.shape[0]!, means.shape[1]!]
  const flat = () => {
    const identity: Modification.Modification = { matrix: Modification.identity(d), shrunk: [], flat: true }
    const { matrix } = strictNaN ? Modification.strictNaN(identity) : identity
    return ofMatrix(matrix, true, Modification.noEffect)
  }
  if (batches < d) {
    const thin = Spectrum.thin(means, tau)
    return thin.flat ? flat() : ofKernel(means, thin)
  }
  const moment = known ?? Spectrum.moment(means)
  const ends = Spectrum.ends(moment)
  if (Spectrum.isFlat(ends, d)) return flat()
  if ((tau * (ends.second - ends.min)) / (ends.max - ends.min) <= SMALL) return ofSmall(moment, tau, ends)
  const P = Spectrum.exponential(moment, tau, ends)
  return ofMatrix(P, false, Spectrum.effect(P, tau, ends))
}

/** Projections one after another, with their needs under names of their own; thin if it is one that is. */
export const chain = (projections: ReadonlyArray<Projection>, prefix: string) => {
  const name = (i: number, key: string) => `${prefix}.${i}.${key}`
  const own = <T>(inputs: Named<T>, i: number): Named<T> =>
    mapNamed(projections[i]!.inputs, (_, key) => get(inputs, name(i, key)))
  const inputs: Named<Tensor.Tensor> = Object.assign(
    {},
    ...projections.map((projection, i) =>
      Object.fromEntries(Object.entries(projection.inputs).map(([key, tensor]) => [name(i, key), tensor]))
    )
  )
  const thin = projections.length === 1 ? projections[0]!.thin : undefined
  return {
    inputs,
    ...(thin === undefined
      ? {}
      : { thin: { left: thin.left, right: <T>(ops: Ops<T>, given: Named<T>): T => thin.right(ops, own(given, 0)) } }),
    times: <T>(ops: Ops<T>, given: Named<T>, a: T): T =>
      projections.reduce((at, projection, i) => projection.times(ops, own(given, i), at), a),
    matrix: <T>(ops: Ops<T>, given: Named<T>): T =>
      projections
        .slice(1)
        .reduce(
          (at, projection, i) => projection.times(ops, own(given, i + 1), at),
          projections[0]!.matrix(ops, own(given, 0))
        )
  }
}

/** The computation of P alone. */
export const computation = (projection: Projection) => ({
  name: "modification matrix",
  inputs: projection.inputs,
  run: <T>(ops: Ops<T>, inputs: Named<T>): Named<T> => ({ P: projection.matrix(ops, inputs) })
})
