/** Laws of fusion, of metrics, and of the shortest vector between two gradients. */
import { Float64, Fusion, Metric, MinNorm } from "@igm/gradient"
import { Keyed, Tensor } from "@igm/tensor"
import { Logits, Scores, Seed, logitsOf, matrix, scoresOf } from "../Cases.ts"
import { above, relative, worst } from "../Distance.ts"
import * as Law from "../Law.ts"
import { norm } from "../Oracle.ts"

const { ops } = Float64

/** The function under test: from the logits of heads (batch × classes each) to class probabilities. */
export type Fuse = (logits: ReadonlyArray<Float64.Matrix>) => Float64.Matrix

/** Reorders the columns of a matrix. */
const columns = (a: Float64.Matrix, order: ReadonlyArray<number>): Float64.Matrix => {
  const [, width] = Float64.dims(a)
  return Tensor.float64(
    a.shape,
    a.data.map((_, i) => a.data[Math.floor(i / width) * width + order[i % width]!]!)
  )
}

/** The laws of a fusion. */
export const fusionLaws = (name: string, fuse: Fuse): ReadonlyArray<Law.Law> => {
  const law = (what: string, tolerance: number, deviation: (of: typeof Logits.Type) => number) =>
    Law.make({ name: `${name} fusion ${what}`, cases: Logits, tolerance, deviation })
  return [
    law("gives distributions, at saturated logits too", 1e-12, (of) => {
      const p = fuse(logitsOf(of))
      return worst([
        ...ops.sum(p, "columns").data.map((total) => Math.abs(total - 1)),
        ...p.data.map((x) => above(0, x))
      ])
    }),
    law("of a sample does not depend on the rest of the batch", 1e-12, (of) => {
      const logits = logitsOf(of)
      const whole = fuse(logits)
      return worst(
        Array.from({ length: of.batch }, (_, i) =>
          relative(fuse(logits.map((z) => Tensor.takeRows(z, [i]))).data, Tensor.takeRows(whole, [i]).data)
        )
      )
    }),
    law("does not depend on the order of the heads", 1e-12, (of) => {
      const logits = logitsOf(of)
      return relative(fuse(logits.toReversed()).data, fuse(logits).data)
    }),
    law("permutes with the classes", 1e-12, (of) => {
      const order = Array.from({ length: of.classes }, (_, c) => (c + 1) % of.classes)
      const logits = logitsOf(of)
      return relative(fuse(logits.map((z) => columns(z, order))).data, columns(fuse(logits), order).data)
    }),
    law("of one head is its softmax", 1e-12, (of) => {
      const [z] = logitsOf(of)
      return relative(fuse([z!]).data, ops.exp(ops.logSoftmax(z!)).data)
    })
  ]
}

/** Computes a fusion by its definition, one sample at a time. */
const fusedByDefinition = (kind: Fusion.Fusion, logits: ReadonlyArray<Float64.Matrix>): ReadonlyArray<number> => {
  const [batch, classes] = Float64.dims(logits[0]!)
  const softmax = (z: ReadonlyArray<number>) => {
    const powers = z.map((x) => Math.exp(x - Math.max(...z)))
    return powers.map((p) => p / powers.reduce((a, b) => a + b, 0))
  }
  return Array.from({ length: batch }, (_, i) => {
    const rows = logits.map(({ data }) => Array.from(data.subarray(i * classes, (i + 1) * classes)))
    if (kind === "sum") return softmax(rows[0]!.map((_, c) => rows.reduce((total, row) => total + row[c]!, 0)))
    const each = rows.map(softmax)
    const entropy = (p: ReadonlyArray<number>) => -p.reduce((total, x) => total + (x > 0 ? x * Math.log(x) : 0), 0)
    const weights = each.map((p) => (kind === "mean" ? 1 : Math.exp(-entropy(p))))
    const total = weights.reduce((a, b) => a + b, 0)
    return each[0]!.map((_, c) => each.reduce((sum, p, h) => sum + (weights[h]! * p[c]!) / total, 0))
  }).flat()
}

/** The law that a fusion agrees with its definition. */
export const definitionLaws = (kind: Fusion.Fusion, fuse: Fuse): ReadonlyArray<Law.Law> => [
  Law.make({
    name: `${kind} fusion is what it is called, sample by sample`,
    cases: Logits,
    tolerance: 1e-9,
    deviation: (of) => relative(fuse(logitsOf(of)).data, fusedByDefinition(kind, logitsOf(of)))
  })
]

/** Computes metrics by their definitions, one sample and one threshold at a time. */
const scoredByDefinition = ({ labels, scores }: ReturnType<typeof scoresOf>): ReadonlyArray<number> => {
  const [n, classes] = Float64.dims(scores)
  const [predicted, all] = [Array.from(Metric.predictions(scores)), Array.from(labels)]
  const count = (holds: (i: number) => boolean) => all.filter((_, i) => holds(i)).length
  const names = Array.from({ length: classes }, (_, c) => c)
  const f1 = names.flatMap((c) => {
    const right = count((i) => all[i] === c && predicted[i] === c)
    const wrong = count((i) => (all[i] === c) !== (predicted[i] === c))
    return right + wrong === 0 ? [] : [right / (right + wrong / 2)]
  })
  const precisions = names.map((c) => {
    const of = (i: number) => scores.data[i * classes + c]!
    const positives = count((i) => all[i] === c)
    const thresholds = [...new Set(all.map((_, i) => of(i)))].toSorted((a, b) => b - a)
    let [area, recall] = [0, 0]
    for (const t of thresholds) {
      const found = count((i) => all[i] === c && of(i) >= t)
      const next = positives === 0 ? 0 : found / positives
      area += ((next - recall) * found) / count((i) => of(i) >= t)
      recall = next
    }
    return area
  })
  const confidence = predicted.map((c, i) => scores.data[i * classes + c]!)
  const gaps = Array.from({ length: Metric.BINS }, (_, b) => {
    const inside = all.flatMap((_, i) =>
      (b === 0 || confidence[i]! > b / Metric.BINS) &&
      (confidence[i]! <= (b + 1) / Metric.BINS || b === Metric.BINS - 1)
        ? [i]
        : []
    )
    const share = (f: (i: number) => number) =>
      inside.reduce((total, i) => total + f(i), 0) / Math.max(inside.length, 1)
    return (inside.length / n) * Math.abs(share((i) => Number(predicted[i] === all[i])) - share((i) => confidence[i]!))
  })
  const mean = (numbers: ReadonlyArray<number>) => numbers.reduce((a, b) => a + b, 0) / numbers.length
  const accuracy = count((i) => predicted[i] === all[i]) / n
  return [
    accuracy,
    mean(f1),
    mean(precisions),
    gaps.reduce((a, b) => a + b, 0),
    mean(confidence) - accuracy,
    mean(all.map((label, i) => -Math.log(Math.max(scores.data[i * classes + label]!, 2 ** -52))))
  ]
}

/** The function under test: metrics from labels and scores. */
export type Score = (labels: ArrayLike<number>, scores: Tensor.Tensor<"float64">) => Metric.Metrics

/** The laws of metrics. */
export const metricLaws = (score: Score = Metric.of): ReadonlyArray<Law.Law> => {
  const law = (what: string, tolerance: number, deviation: (of: typeof Scores.Type) => number) =>
    Law.make({ name: `metrics ${what}`, cases: Scores, tolerance, deviation })
  const numbers = (metrics: Metric.Metrics) => Object.values(metrics) as ReadonlyArray<number>
  return [
    law("score every sample once: accuracy counts each of n samples as 1/n", 1e-12, (of) => {
      const { labels, scores } = scoresOf(of)
      const right = Array.from(Metric.predictions(scores), (c, i) => Number(c === labels[i]))
      return Math.abs(score(labels, scores).accuracy - right.reduce((a, b) => a + b, 0) / labels.length)
    }),
    law("are what they are called: counted by their definitions, with ties and absent classes", 1e-9, (of) => {
      const { labels, scores } = scoresOf(of)
      const found = score(labels, scores)
      return relative(
        Metric.names.map((name) => found[name]),
        scoredByDefinition({ labels, scores }),
        1
      )
    }),
    law("do not depend on the order of the samples", 1e-12, (of) => {
      const { labels, scores } = scoresOf(of)
      const order = Keyed.permutation(Keyed.stream(["order", of.seed]), labels.length)
      const there = score(
        Int32Array.from(order, (i) => labels[i]!),
        Tensor.takeRows(scores, order)
      )
      return relative(numbers(there), numbers(score(labels, scores)))
    }),
    law("lie between 0 and 1, but for the likelihood and the sign of the confidence", 0, (of) => {
      const { labels, scores } = scoresOf(of)
      const { overconfidence, negativeLogLikelihood, ...shares } = score(labels, scores)
      const signed = overconfidence >= -1 && overconfidence <= 1 && negativeLogLikelihood >= 0 ? 0 : 1
      return worst([signed, ...Object.values<number>(shares).map((x) => (x >= 0 && x <= 1 ? 0 : 1))])
    })
  ]
}

/** The function under test: the weight of a in the shortest vector between a and b. */
export type Weight = typeof MinNorm.weight<Float64.Matrix>

/** The laws of the shortest vector between two. */
export const minNormLaws = (weight: Weight = MinNorm.weight): ReadonlyArray<Law.Law> => {
  const parts = (seed: number) => {
    const [a, b] = [matrix(1, 4, seed, "a"), ops.multiply(matrix(1, 4, seed, "b"), ops.scalar(1 + (seed % 3)))]
    const dot = (x: Float64.Matrix, y: Float64.Matrix) => ops.sum(ops.multiply(x, y), "all")
    const w = weight(ops, dot(a, a), dot(a, b), dot(b, b)).data[0]!
    const at = (share: number) => ops.add(ops.multiply(ops.scalar(share), a), ops.multiply(ops.scalar(1 - share), b))
    return { a, b, w, at }
  }
  const law = (what: string, tolerance: number, deviation: (seed: number) => number) =>
    Law.make({ name: `min-norm ${what}`, cases: Seed, tolerance, deviation })
  return [
    law("weights lie on the simplex", 0, (seed) => {
      const { w } = parts(seed)
      return w >= 0 && w <= 1 ? 0 : 1
    }),
    law("is no longer than either end, or than any point between", 1e-12, (seed) => {
      const { w, at } = parts(seed)
      const found = norm([at(w)])
      return worst(Array.from({ length: 21 }, (_, i) => above(found, norm([at(i / 20)]))))
    })
  ]
}

/** The laws of every fusion. */
export const ownFusionLaws = (): ReadonlyArray<Law.Law> =>
  Fusion.fusions.flatMap((kind) => {
    const fuse: Fuse = (logits) => Fusion.fuse(ops, kind, logits)
    return [...definitionLaws(kind, fuse), ...fusionLaws(kind, fuse)]
  })
