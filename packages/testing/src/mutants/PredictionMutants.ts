/** Wrong fusions and metrics, as they occur in public code. */
import { Float64, Fusion, Metric, MinNorm } from "@igm/gradient"
import { Tensor } from "@igm/tensor"
import * as PredictionLaws from "../laws/PredictionLaws.ts"
import * as ScheduleLaws from "../laws/ScheduleLaws.ts"
import type { Mutant } from "./Mutant.ts"

const { ops } = Float64

/** exp(−H) with the entropy taken over the samples of the batch. */
const entropyOverBatch: PredictionLaws.Fuse = (logits) => {
  const logs = logits.map(ops.logSoftmax)
  const softmaxes = logs.map(ops.exp)
  const weights = logs.map((log, i) => ops.exp(ops.sum(ops.multiply(softmaxes[i]!, log), "rows")))
  const weighted = softmaxes.map((softmax, i) => ops.multiply(weights[i]!, softmax)).reduce(ops.add)
  const total = ops.sum(weighted, "columns")
  return ops.divide(weighted, total)
}

const BATCH = 8

const first = (labels: ArrayLike<number>, scores: Tensor.Tensor<"float64">, n: number) =>
  Metric.of(
    Array.from(labels).slice(0, n),
    Tensor.takeRows(
      scores,
      Array.from({ length: n }, (_, i) => i)
    )
  )

/** Only whole batches are scored. */
const dropLast: PredictionLaws.Score = (labels, scores) => {
  const n = labels.length < BATCH ? labels.length : labels.length - (labels.length % BATCH)
  return first(labels, scores, n)
}

/** Whole batches are scored, and divided by the number of all samples. */
const countsAll: PredictionLaws.Score = (labels, scores) => {
  const found = dropLast(labels, scores)
  const n = labels.length < BATCH ? labels.length : labels.length - (labels.length % BATCH)
  return { ...found, accuracy: (found.accuracy * n) / labels.length }
}

/** Equal scores are ranked in the order of the samples. */
const tiesInOrder: PredictionLaws.Score = (labels, scores) => {
  const classes = scores.shape[1]!
  const ranked = scores.data.map((score, i) => score - 1e-9 * Math.floor(i / classes))
  const { meanAveragePrecision } = Metric.of(labels, Tensor.float64(scores.shape, ranked))
  return { ...Metric.of(labels, scores), meanAveragePrecision }
}

/** exp(+H): the less certain head counts more. */
const entropyReversed: PredictionLaws.Fuse = (logits) => {
  const logs = logits.map(ops.logSoftmax)
  const softmaxes = logs.map(ops.exp)
  const weights = logs.map((log, i) =>
    ops.exp(ops.multiply(ops.scalar(-1), ops.sum(ops.multiply(softmaxes[i]!, log), "columns")))
  )
  const weighted = softmaxes.map((softmax, i) => ops.multiply(weights[i]!, softmax)).reduce(ops.add)
  return ops.divide(weighted, weights.reduce(ops.add))
}

/** Classes that do not occur count as 0. */
const absentAsZero: PredictionLaws.Score = (labels, scores) => {
  const found = Metric.of(labels, scores)
  const present = new Set([...Array.from(labels), ...Metric.predictions(scores)])
  return { ...found, macroF1: (found.macroF1 * present.size) / scores.shape[1]! }
}

/** The mutants. */
export const mutants: ReadonlyArray<Mutant> = [
  {
    name: "fusion weighs by the entropy over the batch",
    from: "MLA's code",
    laws: PredictionLaws.fusionLaws("entropy over the batch", entropyOverBatch)
  },
  {
    name: "fusion weighs by exp(+H)",
    from: "slip in the sign of the entropy",
    laws: PredictionLaws.definitionLaws("entropy", entropyReversed)
  },
  {
    name: "entropy fusion is the plain mean",
    from: "IGM's code, against its paper",
    laws: PredictionLaws.definitionLaws("entropy", (logits) => Fusion.fuse(ops, "mean", logits))
  },
  {
    name: "macro-F1 counts classes that do not occur",
    from: "hand-written macro-F1",
    laws: PredictionLaws.metricLaws(absentAsZero)
  },
  {
    name: "the rate never falls",
    from: "schedules that are made and not stepped",
    laws: ScheduleLaws.laws((_, memory) => memory)
  },
  {
    name: "the last, incomplete batch is not scored",
    from: "BalanceBenchmark",
    laws: PredictionLaws.metricLaws(dropLast)
  },
  { name: "704 of 744 samples are scored", from: "ReconBoost's code", laws: PredictionLaws.metricLaws(countsAll) },
  {
    name: "ties are broken by the order of the samples",
    from: "hand-written mAP",
    laws: PredictionLaws.metricLaws(tiesInOrder)
  },
  {
    name: "the min-norm weight is not bounded to [0, 1]",
    from: "slip in the closed form",
    laws: PredictionLaws.minNormLaws((on, aa, ab, bb) =>
      on.divide(on.subtract(bb, ab), on.add(on.subtract(aa, ab), on.subtract(bb, ab)))
    )
  },
  {
    name: "the min-norm weights belong to the other gradient",
    from: "slip in the closed form",
    laws: PredictionLaws.minNormLaws((on, aa, ab, bb) => MinNorm.weight(on, bb, ab, aa))
  }
]
