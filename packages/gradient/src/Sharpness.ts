/**
 * The perturbation that looks for flat minima. With ε = ρ ∇L/‖∇L‖, the sharpness-aware gradient is ∇L at θ + ε.
 *
 * For one batch ∇W = Δᵀ A, so the perturbed layer is of low rank and need never be formed:
 * a (W + s Δᵀ A)ᵀ = a Wᵀ + s (a Aᵀ) Δ and δ (W + s Δᵀ A) = δ W + s (δ Δᵀ) A; ‖Δᵀ A‖² = Σ (Δ Δᵀ) ∘ (A Aᵀ).
 * A zero gradient gives no perturbation (0/0 in the released code, which turns its weights into NaN).
 */
import type * as Head from "./Head.ts"
import { type Named, type Ops, get, mapNamed } from "./Ops.ts"

/** A batch's gradient in factors: the input A and the output gradient Δ of each layer. */
export interface Factors<T> {
  readonly activations: ReadonlyArray<T>
  readonly deltas: ReadonlyArray<T>
}

/** The squared norm of each parameter's gradient, by the parameter's name. */
export const squaredNorms = <T>(ops: Ops<T>, { activations, deltas }: Factors<T>): Named<T> =>
  Object.fromEntries(
    deltas.flatMap((delta, i) => {
      const a = activations[i]!
      const grams = ops.multiply(ops.gemm(delta, delta, { transB: true }), ops.gemm(a, a, { transB: true }))
      const bias = ops.sum(delta, "rows")
      return [
        [`W${i + 1}`, ops.sum(grams, "all")],
        [`b${i + 1}`, ops.sum(ops.multiply(bias, bias), "all")]
      ]
    })
  )

/** The norm over all parameters. */
export const globalNorm = <T>(ops: Ops<T>, squares: Named<T>): T => ops.sqrt(Object.values(squares).reduce(ops.add))

/** ρ/norm, and 0 where the norm is 0. */
export const scale = <T>(ops: Ops<T>, rho: T, norm: T): T => {
  const positive = ops.greater(norm, ops.scalar(0))
  return ops.where(positive, ops.divide(rho, ops.where(positive, norm, ops.scalar(1))), ops.scalar(0))
}

/** The layers at θ + s ∇L, with the parameters left as they are. */
export const perturbedLayers = <T>(
  ops: Ops<T>,
  layers: ReadonlyArray<Head.Layer<T>>,
  { activations, deltas }: Factors<T>,
  s: T
): ReadonlyArray<Head.Layer<T>> =>
  layers.map((layer, i) => {
    const [activation, delta] = [activations[i]!, deltas[i]!]
    return {
      forward: (a) => {
        const shift = ops.gemm(ops.gemm(a, activation, { transB: true }), delta, { addend: ops.sum(delta, "rows") })
        return ops.add(layer.forward(a), ops.multiply(s, shift))
      },
      backward: (d) =>
        ops.add(layer.backward(d), ops.multiply(s, ops.gemm(ops.gemm(d, delta, { transB: true }), activation)))
    }
  })

/** The parameters moved by ρ ∇/‖∇‖ of their own tensor, as the released code moves them for good. */
export const drifted = <T>(
  ops: Ops<T>,
  parameters: Named<T>,
  { activations, deltas }: Factors<T>,
  rho: T
): Named<T> => {
  const squares = squaredNorms(ops, { activations, deltas })
  return mapNamed(parameters, (parameter, name) => {
    const i = Number(name.slice(1)) - 1
    const s = scale(ops, rho, ops.sqrt(get(squares, name)))
    const gradient = name.startsWith("W")
      ? ops.gemm(deltas[i]!, activations[i]!, { transA: true })
      : ops.sum(deltas[i]!, "rows")
    return ops.add(parameter, ops.multiply(s, gradient))
  })
}
