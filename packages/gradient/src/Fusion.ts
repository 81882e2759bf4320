/** Late fusion: one distribution over the classes from the logits of several heads. */
import type { Ops } from "./ops/Ops.ts"

/**
 * The rules of late fusion:
 *
 * - `mean`, the mean of the heads' softmaxes, as the released code fuses;
 * - `sum`, the softmax of the sum of the heads' logits, by which heads that are trained jointly are trained;
 * - `entropy`, softmaxes weighted for each sample by exp(−H), where H is their entropy: MLA, and the paper of IGM.
 */
export const fusions = ["mean", "sum", "entropy"] as const

/** A rule of late fusion. */
export type Fusion = (typeof fusions)[number]

/** Class probabilities (batch × classes) from one or more heads' logits (batch × classes each). */
export const fuse = <T>(ops: Ops<T>, fusion: Fusion, logits: ReadonlyArray<T>): T => {
  if (fusion === "sum") return ops.exp(ops.logSoftmax(logits.reduce(ops.add)))
  const logs = logits.map(ops.logSoftmax)
  const softmaxes = logs.map(ops.exp)
  const weights =
    fusion === "mean"
      ? softmaxes.map(() => ops.scalar(1))
      : logs.map((log, i) => ops.exp(ops.sum(ops.multiply(softmaxes[i]!, log), "columns")))
  const weighted = softmaxes.map((softmax, i) => ops.multiply(weights[i]!, softmax)).reduce(ops.add)
  return ops.divide(weighted, weights.reduce(ops.add))
}
