/** The result in one sentence, under the report's title. */
import { Schema } from "effect"
import * as Block from "../Block.ts"
import { ReportError } from "../ReportError.ts"
import * as Section from "../Section.ts"
import { Comparisons } from "../statistics/Comparison.ts"
import { meanAndDeviation } from "../statistics/Summary.ts"
import * as Words from "../statistics/Words.ts"
import { type Scores, SelectedBy, metricTitle } from "./Scores.ts"

const Headline = Schema.Struct({
  split: Schema.String,
  method: Schema.String,
  by: SelectedBy,
  /** By seed. */
  scores: Schema.Array(Schema.Finite),
  /** Of the method; null if there are none. */
  comparisons: Schema.NullOr(Comparisons)
})

const sentence = ({ split, method, by, scores, comparisons }: typeof Headline.Type): string => {
  const seeds = scores.length === 1 ? "with one seed" : `over ${scores.length} seeds`
  const score = `${method}: ${split} ${metricTitle(by)} ${meanAndDeviation(scores)} ${seeds}`
  if (comparisons === null) return score
  const { design, pairs } = comparisons
  const different = pairs.filter(Words.isDifferent)
  const equivalent = pairs.filter((pair) => !different.includes(pair) && Words.isEquivalent(pair, design))
  const open = pairs.filter((pair) => !different.includes(pair) && !equivalent.includes(pair))
  const names = (some: typeof pairs) => some.map(({ against }) => against).join(" / ")
  const shown = different.map((one) => `${one.difference > 0 ? "above" : "below"} ${one.against}`).join(", ")
  const measure = design.metric === by ? "" : `in ${metricTitle(design.metric)} `
  return [
    score,
    ...(shown === "" ? [] : [`${measure}${shown}`]),
    ...(equivalent.length === 0 ? [] : [`${measure}equivalent to ${names(equivalent)}`]),
    ...(open.length === 0 ? [] : [`no difference ${measure}that these data can show from ${names(open)}`])
  ].join("; ")
}

const section = Section.make(
  "headline",
  { data: Headline, draw: (headline) => [Block.paragraph([`${sentence(headline)}.`], "headline")] },
  { look: "lead" }
)

/** The score of the first method by the metric that selects, and how it compares with the others. */
export const headline = ({ split, methods }: Scores, comparisons?: Comparisons): Section.Section => {
  const [first] = methods
  if (first === undefined) throw new ReportError({ at: "the headline", problem: "there are no methods" })
  const { name: method, selectedBy: by, trainings } = first
  const pairs = comparisons?.pairs.filter((one) => one.method === method) ?? []
  return section("Headline", {
    split,
    method,
    by,
    scores: trainings.map((training) => training[by]),
    comparisons: comparisons === undefined || pairs.length === 0 ? null : { ...comparisons, pairs }
  })
}
