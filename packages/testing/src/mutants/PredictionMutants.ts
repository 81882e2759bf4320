/** Wrong fusions and wrong scores, as public code has them. */
import { Float64, Metric, MinNorm } from "@igm/gradient"
import { Tensor } from "@igm/tensor"
import * as PredictionLaws from "../PredictionLaws.ts"
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

/** The mutants. */
export const mutants: ReadonlyArray<Mutant> = [
  {
    name: "fusion weighs by the entropy over the batch",
    from: "MLA's code",
    laws: PredictionLaws.fusionLaws("entropy over the batch", entropyOverBatch)
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
