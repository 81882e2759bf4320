/**
 * Sharpness-aware perturbation, which seeks flat minima. With ε = ρ ∇L/‖∇L‖, the sharpness-aware gradient is ∇L at θ +
 * ε. The paper and its released code differ in what the norm spans, in whether θ is restored, and in which gradient is
 * used: each is a switch here.
 *
 * For one batch ∇W = Δᵀ A, so the perturbed layer is of low rank and need never be formed: a (W + s Δᵀ A)ᵀ = a Wᵀ + s
 * (a Aᵀ) Δ and δ (W + s Δᵀ A) = δ W + s (δ Δᵀ) A; ‖Δᵀ A‖² = Σ (Δ Δᵀ) ∘ (A Aᵀ). A zero gradient gives no perturbation;
 * in the released code it is 0/0, which turns the weights into NaN.
 */
import { Setting } from "@igm/tensor"
import { Schema } from "effect"
import * as Head from "./Head.ts"
import { type Named, type Ops, get } from "../ops/Ops.ts"

/** The switches of the perturbed gradient G = (1−f) ∇L(θ) + f ∇L′(θ + ε). */
export interface Form {
  /** ‖∇L‖ over all parameters (paper, eq. 6), or over each tensor by itself (code). */
  readonly norm: "global" | "tensor"
  /** True if the update starts from θ (paper) or from θ + ε, so that every step's ε stays (code). */
  readonly restored: boolean
  /** The share f of the perturbed gradient: 1 in the paper, 0.3 in the code. */
  readonly share: number
  /** The labels of L′ under mixup: those of the sample itself (code), or the mixed ones. */
  readonly labels: "plain" | "mixed"
  /** True if a zero gradient is 0/0 = NaN, as in the released code. */
  readonly strictNaN: boolean
}

/** The schema of the switches. */
export const domain = Schema.Struct({
  norm: Setting.oneOf(["global", "tensor"]),
  restored: Schema.Boolean,
  share: Setting.share,
  labels: Setting.oneOf(["plain", "mixed"]),
  strictNaN: Schema.Boolean
})

/** The switches of the paper. */
export const paper: Form = { norm: "global", restored: true, share: 1, labels: "mixed", strictNaN: false }

/** The switches of the released code, without its NaN. */
export const code: Form = { norm: "tensor", restored: false, share: 0.3, labels: "plain", strictNaN: false }

/** A batch's gradient in factors: the input A and the output gradient Δ of each layer. */
export interface Factors<T> {
  readonly activations: ReadonlyArray<T>
  readonly deltas: ReadonlyArray<T>
}

/** The gradient of a parameter plus an addend: Δᵀ A of a weight, the sum of Δ's rows of a bias. */
export const gradientOf = <T>(ops: Ops<T>, { activations, deltas }: Factors<T>, name: string, addend?: T): T => {
  const i = Head.layerOf(name) - 1
  if (Head.isWeight(name)) {
    return ops.gemm(deltas[i]!, activations[i]!, { transA: true, ...(addend === undefined ? {} : { addend }) })
  }
  const bias = ops.sum(deltas[i]!, "rows")
  return addend === undefined ? bias : ops.add(bias, addend)
}

/** The squared norm of a parameter's gradient, ‖Δᵀ A‖² from Gram matrices of the batch, or ‖Σ Δ‖². */
export const squaredNorm = <T>(ops: Ops<T>, { activations, deltas }: Factors<T>, name: string): T => {
  const i = Head.layerOf(name) - 1
  const [a, delta] = [activations[i]!, deltas[i]!]
  if (!Head.isWeight(name)) return ops.sumSquares(ops.sum(delta, "rows"))
  const grams = ops.multiply(ops.gemm(delta, delta, { transB: true }), ops.gemm(a, a, { transB: true }))
  // A sum of products that cancel may end below 0 by rounding.
  return ops.relu(ops.sum(grams, "all"))
}

/**
 * ρ divided by each norm, and 0 where a norm is 0 unless NaN is wanted, for norms side by side (1 × n); with the number
 * of zero norms.
 */
const scalesOf = <T>(ops: Ops<T>, rho: T, squared: T, strictNaN: boolean): readonly [scales: T, zeros: T] => {
  const [norms, positive] = [ops.sqrt(squared), ops.greater(squared, ops.scalar(0))]
  const safe = ops.where(positive, norms, ops.scalar(1))
  const scales = strictNaN ? ops.divide(rho, norms) : ops.where(positive, ops.divide(rho, safe), ops.scalar(0))
  return [scales, ops.sum(ops.subtract(safe, norms), "all")]
}

/** The perturbation of a batch's gradient. */
export interface Perturbation<T> {
  /** ε of each parameter is its scale times its gradient. */
  readonly scales: Named<T>
  /** The number of norms that are zero (1 × 1). */
  readonly zeros: T
  /** The layers at θ + ε. */
  readonly layers: ReadonlyArray<Head.Layer<T>>
  /** The parameters θ + ε as tensors. */
  readonly moved: () => Named<T>
}

/**
 * Perturbs the parameters along the gradient that the factors represent; factors of a multiple of the gradient work as
 * well. If the perturbation stays (`restored` is false), the perturbed weights of all layers but the first are formed,
 * and passes through these layers use them instead of the low-rank form.
 */
export const perturb = <T>(
  ops: Ops<T>,
  { norm, restored, strictNaN }: Form,
  parameters: Named<T>,
  factors: Factors<T>,
  rho: T
): Perturbation<T> => {
  const depth = factors.deltas.length
  const names = Object.keys(parameters)
  const isFormed = (name: string) => !restored && (Head.layerOf(name) > 1 || !Head.isWeight(name))
  const formed = new Map(names.filter(isFormed).map((name) => [name, gradientOf(ops, factors, name)]))
  const squares = names.map((name) => {
    const gradient = formed.get(name)
    return gradient === undefined ? squaredNorm(ops, factors, name) : ops.sumSquares(gradient)
  })
  const squared = norm === "global" ? squares.reduce(ops.add) : ops.concat(squares, "columns")
  const [ratios, zeros] = scalesOf(ops, rho, squared, strictNaN)
  const parts = norm === "global" ? names.map(() => ratios) : ops.split(ratios, Array(names.length).fill(1))
  const scales = Object.fromEntries(names.map((name, i) => [name, parts[i]!]))

  const { activations, deltas } = factors
  const scaled = (l: number): T => ops.multiply(get(scales, `W${l}`), deltas[l - 1]!)
  const movedTo = (name: string): T => {
    const [parameter, gradient] = [get(parameters, name), formed.get(name)]
    if (gradient !== undefined) return ops.add(parameter, ops.multiply(get(scales, name), gradient))
    if (!Head.isWeight(name)) return ops.add(parameter, biasShift(Head.layerOf(name)))
    const l = Head.layerOf(name)
    return ops.gemm(scaled(l), activations[l - 1]!, { transA: true, addend: parameter })
  }
  const biasShift = (l: number): T => ops.multiply(get(scales, `b${l}`), ops.sum(deltas[l - 1]!, "rows"))
  // a (W + s Δᵀ A)ᵀ + b + s′ Σ Δ and δ (W + s Δᵀ A): the products with A and Δ are small.
  const lowRank = (layer: Head.Layer<T>, l: number): Head.Layer<T> => ({
    forward: (a) => {
      const gram = ops.gemm(a, activations[l - 1]!, { transB: true })
      return ops.add(ops.gemm(gram, scaled(l), { addend: layer.forward(a) }), biasShift(l))
    },
    backward: (d) =>
      ops.gemm(ops.gemm(d, scaled(l), { transB: true }), activations[l - 1]!, { addend: layer.backward(d) })
  })
  const moved = () => Object.fromEntries(names.map((name) => [name, movedTo(name)]))
  const [first, ...rest] = Head.layers(ops, depth, parameters).map((layer, i) => lowRank(layer, i + 1))
  return {
    scales,
    zeros,
    moved,
    layers: restored ? [first!, ...rest] : [first!, ...Head.layers(ops, depth, moved()).slice(1)]
  }
}
