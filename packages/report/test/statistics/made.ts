/** Made-up predictions, and the numbers that other libraries come to. */
import { Keyed, Tensor } from "@igm/tensor"
import { Schema } from "effect"
import { readFileSync } from "node:fs"
import { Statistics } from "../../src/index.ts"
import { certain } from "../fixture.ts"

type Method = Statistics.Resamples.Resampled["methods"][number]

/** A method whose trainings predict these classes of two, by seed. */
export const method = (
  name: string,
  trainings: ReadonlyArray<readonly [seed: number, predicted: ReadonlyArray<number>]>
): Method => ({
  name,
  selectedBy: "accuracy",
  trainings: trainings.map(([seed, predicted]) => ({ seed, probabilities: certain(predicted, 2) }))
})

/** Methods on samples that are all of class 1. */
export const made = (methods: ReadonlyArray<Method>, groups?: ReadonlyArray<string>) => {
  const samples = methods[0]!.trainings[0]!.probabilities.shape[0]!
  return { split: "test", labels: Array.from({ length: samples }, () => 1), methods, ...(groups ? { groups } : {}) }
}

/** Some resamples. */
export const resampled = (of: Statistics.Resamples.Resampled, count = 200): Statistics.Resamples.Resamples =>
  Statistics.Resamples.of(of, { count, metrics: ["accuracy"] })

/** Predictions of methods that are right on a sample as often as they have skill, and on an easy sample more often. */
export const random = (
  path: Keyed.Path,
  skills: { readonly [name: string]: number },
  { seeds = 3, samples = 120 }: { readonly seeds?: number; readonly samples?: number } = {}
) => {
  const stream = Keyed.stream(path)
  const easy = Keyed.normals(stream, samples)
  return made(
    Object.entries(skills).map(([name, skill]) =>
      method(
        name,
        Array.from({ length: seeds }, (_, s) => [
          s + 1,
          Array.from(easy, (x) => Number(skill + x + Keyed.normal(stream) > 0))
        ])
      )
    )
  )
}

const Case = { labels: Schema.Array(Schema.Int), counts: Schema.Array(Schema.Array(Schema.Int)) }
const Rows = Schema.Array(Schema.Array(Schema.Finite))
const Numbers = Schema.Array(Schema.Finite)

/** What `tools/reference/statistics.py` writes. */
const Golden = Schema.Struct({
  metrics: Schema.Array(Schema.Struct({ ...Case, expected: Schema.Record(Schema.String, Schema.Finite) })),
  bootstrap: Schema.Struct({
    ...Case,
    expected: Schema.Record(
      Schema.String,
      Schema.Struct({ error: Schema.Finite, low: Schema.Finite, high: Schema.Finite })
    )
  }),
  family: Schema.Array(
    Schema.Struct({ means: Schema.Int, range: Schema.Finite, level: Schema.Finite, tukeyhsd: Schema.Finite })
  ),
  quantiles: Schema.Struct({
    normal: Rows,
    studentQuantile: Rows,
    fisherTail: Rows,
    chiSquareTail: Rows,
    rangeQuantile: Rows
  }),
  paired: Schema.Array(
    Schema.Struct({
      a: Numbers,
      b: Numbers,
      low: Schema.Finite,
      high: Schema.Finite,
      statistic: Schema.Finite,
      bound: Schema.Finite
    })
  ),
  friedman: Schema.Array(
    Schema.Struct({
      table: Rows,
      ranks: Numbers,
      chiSquare: Schema.NullOr(Schema.Finite),
      chiSquareP: Schema.NullOr(Schema.Finite),
      f: Schema.Finite,
      fP: Schema.Finite
    })
  )
})

/** What scikit-learn, scipy and statsmodels come to. */
export const golden = (): typeof Golden.Type =>
  Schema.decodeUnknownSync(Schema.fromJsonString(Golden))(
    readFileSync(new URL("../golden/statistics.json", import.meta.url), "utf8")
  )

/** The probabilities of a case: shares of whole numbers. */
export const probabilities = (counts: ReadonlyArray<ReadonlyArray<number>>): Tensor.Tensor =>
  Tensor.float64(
    [counts.length, counts[0]!.length],
    counts.flatMap((row) => row.map((x) => x / row.reduce((a, b) => a + b, 0)))
  )
