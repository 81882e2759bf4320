/** Stochastic gradient descent with momentum and weight decay, as PyTorch defines it. */
import type { Ops } from "./Ops.ts"

/** Settings of SGD; the learning rate is the schedule's. */
export interface Sgd {
  readonly rate: number
  readonly momentum: number
  readonly weightDecay: number
}

/** The hyper-parameters as tensors (1 × 1). */
export interface SgdInputs<T> {
  readonly rate: T
  readonly momentum: T
  readonly weightDecay: T
}

/**
 * One update of a parameter w with velocity v: v ← μ v + g + λ w, then w ← w − η v. The gradient comes as its product
 * Δᵀ A and is accumulated onto the rest.
 */
export const sgd = <T>(ops: Ops<T>, { rate, momentum, weightDecay }: SgdInputs<T>, w: T, v: T, g: (addend: T) => T) => {
  const velocity = g(ops.add(ops.multiply(momentum, v), ops.multiply(weightDecay, w)))
  return { parameter: ops.subtract(w, ops.multiply(rate, velocity)), velocity }
}
