/** Paired comparisons of methods, in plain words, and the same differences by themselves and in every metric. */
import { Schema } from "effect"
import * as Block from "../Block.ts"
import * as Section from "../Section.ts"
import { type Comparison, Comparisons, type Options, compare } from "../statistics/Comparison.ts"
import * as Resamples from "../statistics/Resamples.ts"
import * as Words from "../statistics/Words.ts"
import { type Scores, metricTitle } from "./Scores.ts"

const section = Section.make("paired", {
  data: Comparisons,
  draw: ({ design, pairs }) =>
    pairs.length === 0
      ? []
      : [
          Block.paragraph(Words.scope(design), "small print"),
          Block.list(
            pairs.map((pair) => ({
              text: Words.verdict(pair, design),
              ...(Words.isDifferent(pair) ? { strong: true } : {})
            }))
          )
        ]
})

/** Comparisons that were made before. */
export const comparisons = (comparisons: Comparisons): Section.Section =>
  section("Paired comparisons", comparisons, { terminal: "Paired comparisons:" })

/**
 * Compares some methods, by default the first, with each of the others. Throws a `ReportError` for the name of no method,
 * and a `MetricError` for probabilities that cannot be scored.
 */
export const paired = (scores: Scores, compared?: ReadonlyArray<string>, options: Options = {}): Section.Section =>
  comparisons(compare(Resamples.of(scores), compared ?? scores.methods.slice(0, 1).map(({ name }) => name), options))

const nameOf = ({ method, against }: Pick<Comparison, "method" | "against">) => `${method} − ${against}`

const everyMetric = Section.make(
  "differences",
  {
    data: Schema.Array(Comparisons),
    draw: (all) => {
      const [first] = all
      if (first === undefined || first.pairs.length === 0) return []
      const heading = all.map(({ design: { metric } }) => `${metricTitle(metric)}, ${Words.unitOf(metric)}`)
      const rows = first.pairs.map((pair, i) => [
        nameOf(pair),
        ...all.map(({ design, pairs }) => {
          const one = pairs[i]!
          const { low, high } = one.plain
          const write = Words.writer(design.metric, low > 0 || high < 0 ? [low, high] : [])
          return `${write(one.difference)} [${write(low)}, ${write(high)}]`
        }),
        pair.probability.toFixed(2)
      ])
      const { metric } = first.design
      return [
        Block.table(["", ...heading, `P(more ${metricTitle(metric)})`], rows, {
          notes: [
            "Each interval is a 95 % interval by itself: among many, some do not cover.",
            "P: the probability that one training of the first, on another split of this size, has more than one of the second; ties count half."
          ]
        })
      ]
    }
  },
  { folded: true }
)

/** The differences of the pairs in every metric, each with its own 95 % interval; the first metric is the one compared. */
export const differences = (
  resamples: Resamples.Resamples,
  compared: ReadonlyArray<string>,
  options: Options = {}
): Section.Section => {
  const first = compare(resamples, compared, options)
  const rest = resamples.metrics.filter((metric) => metric !== first.design.metric)
  return everyMetric("The same differences in every metric", [
    first,
    ...rest.map((by) => compare(resamples, compared, { by }))
  ])
}
