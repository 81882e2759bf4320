/** Sections about the data: samples and groups of each split, and contents that more than one split has. */
import { Schema } from "effect"
import * as Block from "../Block.ts"
import * as Section from "../Section.ts"

/** A split's number of samples and its groups. */
const SplitSize = Schema.Struct({
  split: Schema.String,
  samples: Schema.Int,
  groups: Schema.Array(Schema.String)
})

/** A split's number of samples and its groups. */
export type SplitSize = typeof SplitSize.Type

/** Groups of a split that are named. */
const GROUPS = 24

const sizes = Section.make("splits", {
  data: Schema.Array(SplitSize),
  draw: (splits) => [
    Block.table(
      ["split", "samples", "groups"],
      splits.map(({ split, samples, groups }) => [
        split,
        samples,
        `${groups.length}: ${groups.slice(0, GROUPS).join(", ")}${groups.length > GROUPS ? ", …" : ""}`
      ])
    )
  ]
})

/** The samples and groups of each split. */
export const splits = (splits: ReadonlyArray<SplitSize>): Section.Section => sizes("Data", splits)

/** Contents of a modality that samples of different splits share: their number, and some of them by the samples' ids. */
const Duplicates = Schema.Struct({
  found: Schema.Int,
  named: Schema.Array(Schema.Struct({ modality: Schema.String, ids: Schema.Array(Schema.String) }))
})

/** Contents that samples of different splits share. */
export type Duplicates = typeof Duplicates.Type

const shared = Section.make("duplicates", {
  data: Duplicates,
  draw: ({ found, named }) => {
    if (found === 0) return [Block.paragraph(["No medium or text is in two splits."])]
    const more = found > named.length ? [`The first ${named.length} of ${found} are named.`] : []
    return [
      Block.paragraph(
        [
          found === 1
            ? "One medium or text is in two splits or more: a head may have been trained on what it is scored on."
            : `${found} media or texts are in two splits or more: heads may have been trained on what they are scored on.`
        ],
        "headline"
      ),
      Block.table(
        ["modality", "samples"],
        named.map(({ modality, ids }) => [modality, ids.join(", ")]),
        { notes: more }
      )
    ]
  }
})

/** Contents that occur in more than one split. */
export const duplicates = (duplicates: Duplicates): Section.Section =>
  shared("Contents in more than one split", duplicates)
