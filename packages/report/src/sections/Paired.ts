/** Paired comparisons of methods, in plain words. */
import { Schema } from "effect"
import * as Block from "../Block.ts"
import * as Section from "../Section.ts"
import { Comparison, compare, isDifferent, scope, verdict } from "../statistics/Comparison.ts"
import type { Scores } from "./Scores.ts"

const section = Section.make("paired", {
  data: Schema.Array(Comparison),
  draw: (comparisons) =>
    comparisons.length === 0
      ? []
      : [
          Block.paragraph([scope], "small print"),
          Block.list(comparisons.map((one) => ({ text: verdict(one), ...(isDifferent(one) ? { strong: true } : {}) })))
        ]
})

/** Comparisons that were made before. */
export const comparisons = (comparisons: ReadonlyArray<Comparison>): Section.Section =>
  section("Paired comparisons", comparisons, { terminal: "Paired comparisons:" })

/** Compares some methods, by default the first, with each of the others by their accuracy. Throws a `ReportError` for the name of no method. */
export const paired = (scores: Scores, compared?: ReadonlyArray<string>): Section.Section =>
  comparisons(compare(scores, compared ?? scores.methods.slice(0, 1).map(({ name }) => name)))
