/**
 * Simulated tables of methods whose true accuracies are known. A training is right on a sample where a latent number is
 * positive: the sum of its method's skill, its seed's luck, how easy the sample is for all methods and for this one, how
 * easy its cluster is for this one, and noise, all normal (a probit model). The true accuracy is then Φ(skill/σ), with the
 * variance σ² of the sum of the others.
 */
import { Statistics } from "@igm/report"
import { type Keyed, Tensor } from "@igm/tensor"
import type { Design } from "./Design.ts"

/** The number of methods. */
export const METHODS = 6

/** The accuracy of all methods but the last. */
const ACCURACY = 0.85

/** The difference in accuracy of the last method, and so the margin of the tests of equivalence. */
export const MARGIN = 0.05

/** The number of samples of a cluster, and the share of the latent variance that its samples have in common. */
const [CLUSTER, ICC] = [20, 0.05]

/** The variances of the noise of a training's sample, of a sample for all methods, and of a sample for one method. */
const [NOISE, SAMPLE, OWN] = [1, 1, 0.5]

/** The accuracy of each method. */
export const accuracies: ReadonlyArray<number> = Array.from({ length: METHODS }, (_, m) =>
  m === METHODS - 1 ? ACCURACY - MARGIN : ACCURACY
)

const quantile = (p: number): number => Statistics.Distributions.studentQuantile(p, Infinity)

/** The normal numbers of 16 random bits: quantiles at equal distances of probability, of variance 1. */
export const normals = (): Float64Array => {
  const table = Float64Array.from({ length: 2 ** 16 }, (_, i) => quantile((i + 0.5) / 2 ** 16))
  const deviation = Math.sqrt(table.reduce((sum, z) => sum + z * z, 0) / table.length)
  return table.map((z) => z / deviation)
}

/** Normal numbers of a stream, two of each of its words. */
const drawing = (stream: Keyed.Stream, table: Float64Array): (() => number) => {
  let rest = -1
  return () => {
    if (rest >= 0) {
      const z = table[rest]!
      rest = -1
      return z
    }
    const word = stream.uint32()
    rest = word >>> 16
    return table[word & 0xffff]!
  }
}

/** The labels and groups of a design's samples. */
export const samplesOf = ({ samples, clustered }: Design) => ({
  split: "test",
  labels: new Int32Array(samples),
  ...(clustered ? { groups: Array.from({ length: samples }, (_, i) => String(Math.floor(i / CLUSTER))) } : {})
})

/** The methods of a table: class 0 is right on every sample. */
export const methodsOf = (
  { seeds, samples, deviation, clustered }: Design,
  stream: Keyed.Stream,
  table: Float64Array
): Statistics.Resamples.Resampled["methods"] => {
  const next = drawing(stream, table)
  const draw = (n: number, variance: number) => {
    const deviation = Math.sqrt(variance)
    return Float64Array.from({ length: n }, () => deviation * next())
  }
  const still = NOISE + SAMPLE + OWN
  const cluster = clustered ? (still * ICC) / (1 - ICC) : 0
  // A seed's luck in the latent number that moves the accuracy by so many points.
  const slope = Math.exp(-0.5 * quantile(ACCURACY) ** 2) / Math.sqrt(2 * Math.PI)
  const share = (deviation / 100 / slope) ** 2
  const total = (still + cluster) / (1 - share)
  const easy = draw(samples, SAMPLE)
  return accuracies.map((accuracy, m) => {
    const skill = quantile(accuracy) * Math.sqrt(total)
    const own = draw(samples, OWN)
    const clusters = draw(clustered ? Math.ceil(samples / CLUSTER) : 0, cluster)
    const sure = easy.map((x, i) => skill + x + own[i]! + (clustered ? clusters[Math.floor(i / CLUSTER)]! : 0))
    const luck = draw(seeds, share * total)
    const trainings = Array.from(luck, (lucky, seed) => {
      const probabilities = new Float64Array(2 * samples)
      for (let i = 0; i < samples; i++) probabilities[2 * i + Number(sure[i]! + lucky + next() < 0)] = 1
      return { seed, probabilities: Tensor.float64([samples, 2], probabilities) }
    })
    return { name: `method ${m}`, selectedBy: "accuracy", trainings }
  })
}
