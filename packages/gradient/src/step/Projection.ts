/**
 * P of batch means as a computation: the host finds the extreme eigenvalues, and an interpreter does the large matrix
 * products. With fewer batches than dimensions P = I + Zᵀ K Z is never needed to project rows: a P = a + ((a Zᵀ) K) Z.
 */
import { Tensor } from "@igm/tensor"
import * as Float64 from "../ops/Float64.ts"
import * as Modification from "./Modification.ts"
import { type Named, type Ops, get, mapNamed } from "../ops/Ops.ts"
import * as Spectrum from "./Spectrum.ts"
import { dot } from "../ops/Symmetric.ts"

/** A projection by P (d × d, symmetric). */
export interface Projection {
  /** True if λmax = λmin, so that P is the identity. */
  readonly flat: boolean
  readonly effect: Modification.Effect
  /** The tensors that `times` and `matrix` read. */
  readonly inputs: Named<Tensor.Tensor>
  /** a P, for rows a (n × d). */
  readonly times: <T>(ops: Ops<T>, inputs: Named<T>, a: T) => T
  /** P. */
  readonly matrix: <T>(ops: Ops<T>, inputs: Named<T>) => T
  /**
   * The factors L and R (rank × d, rank < d/2) of P = I + Lᵀ R, where they project rows with less work than P itself.
   */
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
    inputs: { Z, K, I: identity(Z.shape[1]!) },
    times: (ops, inputs, a) => timesThin(ops, a, get(inputs, "Z"), right(ops, inputs)),
    matrix: (ops, inputs) => ops.gemm(get(inputs, "Z"), right(ops, inputs), { transA: true, addend: get(inputs, "I") }),
    ...(2 * Z.shape[0]! < Z.shape[1]! ? { thin: { left: Z, right } } : {})
  }
}

/** The number of matrix products in the series below: terms up to X², X⁴ or X⁶. */
type Products = 1 | 2 | 3

/**
 * The number of products for ‖X‖, undefined where it is too large for the series. The error is 1e-13 at most; of a
 * moment in single precision terms up to X² are enough where what they leave out, ‖X‖³/6, is no more than rounding P to
 * single precision.
 */
const productsFor = (norm: number, single: boolean): Products | undefined => {
  if (single && norm ** 3 / 6 <= Spectrum.SINGLE) return 1
  if (norm <= 0.006) return 2
  return norm <= 0.05 ? 3 : undefined
}

/**
 * P = e^(s λmin) exp(X) − (e^(s λmin) − e^−τ) v vᵀ with X = −s (Y − λmax v vᵀ) and s = τ/(λmax − λmin), for small ‖X‖ = s λ2,
 * by the series, in one to three products. What it does is told to about 1e-5, from Σσ and Σσ² over the other directions,
 * where σ = 1 − e^−x = x − x²/2 + … with x = s (λ − λmin).
 */
const ofSmall = (Y: Float64.Matrix, tau: number, ends: Spectrum.Ends, products: Products): Projection => {
  const { min, max, second, vector } = ends
  const [d, s] = [vector.length, tau / (max - min)]
  let [trace, squares] = [-max, dot(Y.data, Y.data) - max ** 2]
  for (let i = 0; i < d; i++) trace += Y.data[i * (d + 1)]!
  const removedSquares = s * s * Math.max(0, squares - 2 * min * trace + (d - 1) * min ** 2)
  const removed = s * (trace - (d - 1) * min) - removedSquares / 2
  const gone = -Math.expm1(-tau)
  const gathered = gone ** 2 + removedSquares
  const whole = Math.exp(s * min)
  return {
    flat: false,
    effect: {
      effectiveRank: gathered === 0 ? 0 : (gone + removed) ** 2 / gathered,
      secondEigenvalue: -Math.expm1(-s * (second - min)),
      meanEigenvalue: 1 - (gone + removed) / d
    },
    inputs: {
      Y,
      I: identity(d),
      v: Tensor.float64([d, 1], vector),
      ...mapNamed({ s: -s, along: s * max, whole, gone: Math.exp(-tau) - whole }, Float64.ops.scalar)
    },
    times: (ops, inputs, a) => ops.gemm(a, seriesOf(ops, inputs, products)),
    matrix: (ops, inputs) => seriesOf(ops, inputs, products)
  }
}

const seriesOf = <T>(ops: Ops<T>, inputs: Named<T>, products: Products): T => {
  const { Y, I, v, s, along, whole, gone } = mapNamed(inputs, (value) => value) as Record<string, T>
  const times = (a: T, b: T) => ops.multiply(a, b)
  const withOuter = (weight: T, addend: T) => ops.gemm(times(weight, v!), v!, { transB: true, addend })
  const X = withOuter(along!, times(s!, Y!))
  const low = withOuter(gone!, times(whole!, ops.add(X, I!)))
  if (products === 1) return ops.gemm(times(times(ops.scalar(1 / 2), whole!), X), X, { addend: low })
  const X2 = ops.gemm(X, X)
  const terms = (x: number, one: number) => ops.add(times(ops.scalar(x), X), times(ops.scalar(one), I!))
  const highest = (x2: number, rest: T) => ops.add(times(ops.scalar(x2), X2), rest)
  const high =
    products === 3
      ? ops.gemm(highest(1 / 720, terms(1 / 120, 1 / 24)), X2, { addend: terms(1 / 6, 1 / 2) })
      : highest(1 / 24, terms(1 / 6, 1 / 2))
  return ops.gemm(times(whole!, high), X2, { addend: low })
}

/** The identity (d × d), memoized, so that it is sent and converted once. */
const identity = (d: number): Float64.Matrix => {
  const known = identities.get(d)?.deref()
  if (known !== undefined) return known
  for (const [width, kept] of identities) if (kept.deref() === undefined) identities.delete(width)
  const made = Modification.identity(d)
  identities.set(d, new WeakRef(made))
  return made
}

/** The identities that something still holds. */
const identities = new Map<number, WeakRef<Float64.Matrix>>()

/** A function that memoizes values by the identity of a tensor. */
const remembered = <A>() => {
  const known = new WeakMap<Tensor.Tensor, A>()
  return (tensor: Tensor.Tensor, make: () => A): A => {
    const found = known.get(tensor) ?? make()
    known.set(tensor, found)
    return found
  }
}

/** Tests whether all numbers are representable in single precision, as those that most engines compute are. */
const isSingle = ({ data }: Float64.Matrix): boolean => {
  for (let i = 0; i < data.length; i++) if (Math.fround(data[i]!) !== data[i]) return false
  return true
}

/** Options of P: its temperature τ ≥ 0, and whether it is NaN where the spectrum is flat. */
interface Options {
  readonly tau: number
  readonly strictNaN: boolean
}

const made = (means: Float64.Matrix, { tau, strictNaN }: Options, known?: Float64.Matrix): Projection => {
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
  const { moment, single, ends } = spectrumOf(known ?? means, () => {
    const moment = known ?? Spectrum.moment(means)
    const single = isSingle(moment)
    return { moment, single, ends: Spectrum.ends(moment, single ? Spectrum.SINGLE : undefined) }
  })
  if (Spectrum.isFlat(ends, d)) return flat()
  const products = productsFor((tau * ends.second) / (ends.max - ends.min), single)
  if (products !== undefined) return ofSmall(moment, tau, ends, products)
  const P = Spectrum.exponential(moment, tau, ends)
  return ofMatrix(P, false, Spectrum.effect(P, tau, ends))
}

const spectrumOf = remembered<{
  readonly moment: Float64.Matrix
  readonly single: boolean
  readonly ends: Spectrum.Ends
}>()

const projectionsOf = remembered<Map<string, Projection>>()

/** The projection by P of batch means Z (batches × d), whose moment may be given; memoized by its tensors. */
export const ofMeans = (means: Float64.Matrix, { tau, strictNaN }: Options, known?: Float64.Matrix): Projection => {
  const projections = projectionsOf(known ?? means, () => new Map())
  const key = JSON.stringify([tau, strictNaN])
  const found = projections.get(key) ?? made(means, { tau, strictNaN }, known)
  projections.set(key, found)
  return found
}

/** Composes projections, with their inputs under distinct names; factored if there is one, and it is. */
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

/** The computation that returns P only. */
export const computation = (projection: Projection) => ({
  name: "modification matrix",
  inputs: projection.inputs,
  run: <T>(ops: Ops<T>, inputs: Named<T>): Named<T> => ({ P: projection.matrix(ops, inputs) })
})
