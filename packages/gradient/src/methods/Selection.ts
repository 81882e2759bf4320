/**
 * The rule that selects the epoch whose weights are kept. The split that selects is in the type: a method that selects
 * on the validation split cannot be given anything else to select on.
 */
import { Setting, Split } from "@igm/tensor"
import { Schema } from "effect"
import { type Score, scores } from "../Metric.ts"

/** Selects the epoch that is best by a metric on a split; the first one among equals. */
export interface Selection<S extends Split.Split> {
  readonly on: S
  readonly by: Score
}

/** The schema of a selection. */
export const domain: Schema.Codec<Selection<Split.Split>> = Schema.Struct({
  on: Setting.oneOf(Split.all),
  by: Setting.oneOf(scores)
})

/** The selection in a method's settings, if they have one. */
export const of = (settings: unknown): Selection<Split.Split> | undefined => {
  const found = Schema.decodeUnknownOption(Schema.Struct({ selection: domain }))(settings)
  return found._tag === "Some" ? found.value.selection : undefined
}

/** The epoch that is best on the validation split. */
export const best = (by: Score): Selection<"valid"> => ({ on: "valid", by })

/**
 * The selection of the released code: the best macro-F1 on the *test* split. Its results estimate no generalisation
 * error.
 */
export const onTestAsReleased: Selection<"test"> = { on: "test", by: "macroF1" }
