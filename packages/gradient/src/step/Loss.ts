/** Softmax cross-entropy, averaged over the batch, with soft targets: class probabilities, or residuals of them. */
import type { Ops } from "../ops/Ops.ts"

/** The loss (1 × 1) and its gradient at the logits: L = −(1/B) Σ y log softmax(z), ∂L/∂z = ((Σ_c y) softmax(z) − y)/B. */
export interface LossAndDelta<T> {
  readonly loss: T
  readonly delta: T
}

/** Cross-entropy of logits (batch × classes) and targets, whose rows may sum to any number. */
export const crossEntropy = <T>(ops: Ops<T>, logits: T, target: T, batch: number): LossAndDelta<T> => {
  const logs = ops.logSoftmax(logits)
  return {
    loss: ops.multiply(ops.sum(ops.multiply(target, logs), "all"), ops.scalar(-1 / batch)),
    delta: ops.multiply(
      ops.subtract(ops.multiply(ops.sum(target, "columns"), ops.exp(logs)), target),
      ops.scalar(1 / batch)
    )
  }
}

/**
 * A multiple of the cross-entropy of logits and class probabilities, whose rows sum to 1: share · L and its gradient,
 * for a share of 1 × 1. Both use the targets times −share/B, which a program can compute before its steps.
 */
export const shareOfCrossEntropy = <T>(ops: Ops<T>, logits: T, target: T, batch: number, share: T): LossAndDelta<T> => {
  const logs = ops.logSoftmax(logits)
  const weighted = ops.multiply(ops.multiply(share, ops.scalar(-1 / batch)), target)
  const scale = ops.multiply(share, ops.scalar(1 / batch))
  return {
    loss: ops.sum(ops.multiply(weighted, logs), "all"),
    delta: ops.add(ops.multiply(scale, ops.exp(logs)), weighted)
  }
}
