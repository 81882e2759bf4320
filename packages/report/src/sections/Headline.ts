/** The result in one sentence, under the report's title. */
import { Schema } from "effect"
import * as Block from "../Block.ts"
import { ReportError } from "../ReportError.ts"
import * as Section from "../Section.ts"
import { Comparison, isDifferent } from "../statistics/Comparison.ts"
import { meanAndDeviation } from "../statistics/Summary.ts"
import { type Scores, SelectedBy, metricTitle } from "./Scores.ts"

const Headline = Schema.Struct({
  split: Schema.String,
  method: Schema.String,
  by: SelectedBy,
  /** By seed. */
  scores: Schema.Array(Schema.Finite),
  /** Of the method. */
  comparisons: Schema.Array(Comparison)
})

const sentence = ({ split, method, by, scores, comparisons }: typeof Headline.Type): string => {
  const different = comparisons.filter(isDifferent)
  const open = comparisons.filter((one) => !isDifferent(one)).map(({ against }) => against)
  const seeds = scores.length === 1 ? "with one seed" : `over ${scores.length} seeds`
  const shown = different.map((one) => `${one.difference > 0 ? "above" : "below"} ${one.against}`).join(", ")
  // Comparisons are of the accuracy, whatever selects.
  const measure = by === "accuracy" ? "" : "in accuracy "
  return [
    `${method}: ${split} ${metricTitle(by)} ${meanAndDeviation(scores)} ${seeds}`,
    ...(shown === "" ? [] : [`${measure}${shown}`]),
    ...(open.length === 0 ? [] : [`no difference ${measure}that these data can show from ${open.join(", ")}`])
  ].join("; ")
}

const section = Section.make(
  "headline",
  { data: Headline, draw: (headline) => [Block.paragraph([`${sentence(headline)}.`], "headline")] },
  { look: "lead" }
)

/** The score of the first method by the metric that selects, and how it compares with the others. */
export const headline = ({ split, methods }: Scores, comparisons: ReadonlyArray<Comparison> = []): Section.Section => {
  const [first] = methods
  if (first === undefined) throw new ReportError({ at: "the headline", problem: "there are no methods" })
  const { name: method, selectedBy: by, trainings } = first
  return section("Headline", {
    split,
    method,
    by,
    scores: trainings.map((training) => training[by]),
    comparisons: comparisons.filter((one) => one.method === method)
  })
}
