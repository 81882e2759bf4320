/**
 * The perturbation that looks for flat minima. With ε = ρ ∇L/‖∇L‖, the sharpness-aware gradient is ∇L at θ + ε. The
 * paper and its released code differ in what the norm spans, in whether θ is restored, and in which gradient is used:
 * each is a switch here.
 *
 * For one batch ∇W = Δᵀ A, so the perturbed layer is of low rank and need never be formed:
 * a (W + s Δᵀ A)ᵀ = a Wᵀ + s (a Aᵀ) Δ and δ (W + s Δᵀ A) = δ W + s (δ Δᵀ) A; ‖Δᵀ A‖² = Σ (Δ Δᵀ) ∘ (A Aᵀ).
 * A zero gradient gives no perturbation; in the released code it is 0/0, which turns the weights into NaN.
 */
import * as Head from "./Head.ts"
import { type Named, type Ops, get, mapNamed } from "./Ops.ts"

/** The switches of the perturbed gradient G = (1−f) ∇L(θ) + f ∇L′(θ + ε). */
export interface Form {
  /** ‖∇L‖ over all parameters (paper, eq. 6), or over each tensor by itself (code). */
  readonly norm: "global" | "tensor"
  /** Whether the update starts from θ (paper) or from θ + ε, so that every step's ε stays (code). */
  readonly restored: boolean
  /** The share f of the perturbed gradient: 1 in the paper, 0.3 in the code. */
  readonly share: number
  /** The labels of L′ under mixup: those of the sample itself (code), or the mixed ones. */
  readonly labels: "plain" | "mixed"
  /** Whether a zero gradient is 0/0 = NaN, as in the released code. */
  readonly strictNaN: boolean
}

/** The paper's form. */
export const paper: Form = { norm: "global", restored: true, share: 1, labels: "mixed", strictNaN: false }

/** The released code's form, but for its NaN. */
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

/** The squared norm of each parameter's gradient, by the parameter's name, from Gram matrices of the batch. */
export const squaredNorms = <T>(ops: Ops<T>, { activations, deltas }: Factors<T>): Named<T> =>
  Object.fromEntries(
    deltas.flatMap((delta, i) => {
      const a = activations[i]!
      const grams = ops.multiply(ops.gemm(delta, delta, { transB: true }), ops.gemm(a, a, { transB: true }))
      const bias = ops.sum(delta, "rows")
      // A sum of products that cancel may end below 0 by rounding.
      return [
        [`W${i + 1}`, ops.relu(ops.sum(grams, "all"))],
        [`b${i + 1}`, ops.sum(ops.multiply(bias, bias), "all")]
      ]
    })
  )

/** ρ/norm, and 0 where the norm is 0 unless NaN is wanted. */
const scale = <T>(ops: Ops<T>, rho: T, norm: T, strictNaN: boolean): T => {
  if (strictNaN) return ops.divide(rho, norm)
  const positive = ops.greater(norm, ops.scalar(0))
  return ops.where(positive, ops.divide(rho, ops.where(positive, norm, ops.scalar(1))), ops.scalar(0))
}

/** The perturbation of a batch's gradient. */
export interface Perturbation<T> {
  /** ε of each parameter is its scale times its gradient. */
  readonly scales: Named<T>
  /** The number of norms that are zero (1 × 1). */
  readonly zeros: T
  /** The layers at θ + ε. */
  readonly layers: ReadonlyArray<Head.Layer<T>>
  /** θ + ε, formed. */
  readonly moved: () => Named<T>
}

/** Perturbs the parameters along the gradient that the factors make. */
export const perturb = <T>(
  ops: Ops<T>,
  { norm, restored, strictNaN }: Form,
  parameters: Named<T>,
  factors: Factors<T>,
  rho: T
): Perturbation<T> => {
  const depth = factors.deltas.length
  const materialized = () => mapNamed(parameters, (_, name) => gradientOf(ops, factors, name))
  const gradients = restored ? undefined : materialized()
  const squares =
    gradients === undefined
      ? squaredNorms(ops, factors)
      : mapNamed(gradients, (g) => ops.sum(ops.multiply(g, g), "all"))
  const total = Object.values(squares).reduce(ops.add)
  const norms = norm === "global" ? [total] : Object.values(squares)
  const one = ops.scalar(1)
  const zeros = norms.map((n) => ops.where(ops.greater(n, ops.scalar(0)), ops.scalar(0), one)).reduce(ops.add)
  const shared = norm === "global" ? scale(ops, rho, ops.sqrt(total), strictNaN) : undefined
  const scales = mapNamed(squares, (square) => shared ?? scale(ops, rho, ops.sqrt(square), strictNaN))
  const moved = () =>
    mapNamed(parameters, (parameter, name) =>
      ops.add(
        parameter,
        ops.multiply(get(scales, name), gradients === undefined ? gradientOf(ops, factors, name) : get(gradients, name))
      )
    )
  if (restored) {
    return { scales, zeros, moved, layers: lowRank(ops, Head.layers(ops, depth, parameters), factors, scales) }
  }
  const stays = moved()
  return { scales, zeros, moved: () => stays, layers: Head.layers(ops, depth, stays) }
}

/** The layers at θ + ε without forming it. */
export const lowRank = <T>(
  ops: Ops<T>,
  layers: ReadonlyArray<Head.Layer<T>>,
  { activations, deltas }: Factors<T>,
  scales: Named<T>
): ReadonlyArray<Head.Layer<T>> =>
  layers.map((layer, i) => {
    const [activation, delta] = [activations[i]!, deltas[i]!]
    const [weight, bias] = [get(scales, `W${i + 1}`), get(scales, `b${i + 1}`)]
    return {
      forward: (a) => {
        const shift = ops.gemm(ops.gemm(a, activation, { transB: true }), delta)
        const shiftOfBias = ops.multiply(bias, ops.sum(delta, "rows"))
        return ops.add(layer.forward(a), ops.add(ops.multiply(weight, shift), shiftOfBias))
      },
      backward: (d) =>
        ops.add(layer.backward(d), ops.multiply(weight, ops.gemm(ops.gemm(d, delta, { transB: true }), activation)))
    }
  })
