/** The spectra of the modifications that the turns of a training began with. */
import { Schema } from "effect"
import * as Block from "../Block.ts"
import * as Section from "../Section.ts"
import { mean } from "../statistics/Summary.ts"

/** The modification that a turn began with, and the head whose features it was made from. */
export const TurnModification = Schema.Struct({
  method: Schema.String,
  seed: Schema.Int,
  turn: Schema.Int,
  head: Schema.String,
  from: Schema.String,
  /** Of I − P, by layer. */
  effectiveRank: Schema.Array(Schema.Finite)
})

/** The modification that a turn began with. */
export type TurnModification = typeof TurnModification.Type

/** By method and turn, the means over seeds. */
const rowsOf = (modifications: ReadonlyArray<TurnModification>): ReadonlyArray<ReadonlyArray<string>> =>
  [...Map.groupBy(modifications, ({ method }) => method)].flatMap(([method, own]) =>
    [...Map.groupBy(own, ({ turn }) => turn)].map(([turn, of]) => [
      method,
      `${turn}: ${of[0]!.head}`,
      of[0]!.from,
      of[0]!.effectiveRank.map((_, l) => mean(of.map(({ effectiveRank }) => effectiveRank[l]!)).toFixed(2)).join(" / ")
    ])
  )

const section = Section.make("igm-spectra", {
  data: Schema.Array(TurnModification),
  draw: (modifications) =>
    modifications.length === 0
      ? []
      : [
          Block.paragraph(
            ["The effective rank of I − P, layer by layer, counts the directions that P shrinks; means over seeds."],
            "small print"
          ),
          Block.table(["method", "turn", "modified by", "effective rank of I − P"], rowsOf(modifications))
        ]
})

/** The effective ranks of the modifications, by method, turn and layer. */
export const spectra = (modifications: ReadonlyArray<TurnModification>): Section.Section =>
  section("Spectra of the modifications", modifications)
