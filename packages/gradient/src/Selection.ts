/**
 * Which epoch's weights are kept. The split that selects is in the type: a method that selects on the validation split
 * cannot be given anything else to select on.
 */
import { Setting, Split } from "@igm/tensor"
import { Schema } from "effect"
import { type Score, scores } from "./Metric.ts"

/** Keep the epoch that is best by a metric on a split; the first one of equals. */
export interface Selection<S extends Split.Split> {
  readonly on: S
  readonly by: Score
}

/** What may select. */
export const domain: Schema.Codec<Selection<Split.Split>> = Schema.Struct({
  on: Setting.oneOf(Split.all),
  by: Setting.oneOf(scores)
})

/** The selection that a method's settings tell of, if they do. */
export const of = (settings: unknown): Selection<Split.Split> | undefined => {
  const found = Schema.decodeUnknownOption(Schema.Struct({ selection: domain }))(settings)
  return found._tag === "Some" ? found.value.selection : undefined
}

/** The epoch that is best on the validation split. */
export const best = (by: Score): Selection<"valid"> => ({ on: "valid", by })

/** What the released code does: the best macro-F1 on the *test* split. Its results are not estimates of anything. */
export const onTestAsReleased: Selection<"test"> = { on: "test", by: "macroF1" }
