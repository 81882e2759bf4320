/**
 * The order in which modalities take turns. Each turn's gradient is modified by the moment of the modality before it in
 * the ring, so a ring has at least two modalities and names none of them twice: both are checked by its type.
 */
import { Name, Setting } from "@igm/tensor"
import { Schema } from "effect"

/** Modalities in the order of their turns, in rounds. */
export interface Ring<M extends string> {
  readonly order: ReadonlyArray<M>
  readonly rounds: number
  /** Epochs of one turn of a modality. */
  readonly epochs: { readonly [K in M]: number }
}

type Distinct<L extends ReadonlyArray<string>> = L extends readonly [
  infer First,
  ...infer Rest extends ReadonlyArray<string>
]
  ? First extends Rest[number]
    ? never
    : readonly [First, ...Distinct<Rest>]
  : L

/** The schema of a ring of the given modalities. */
export const domain = (order: ReadonlyArray<string>) =>
  Schema.Struct({
    order: Schema.Array(Schema.String).check(
      Schema.makeFilter((names) => names.length > 1 && new Set(names).size === names.length, {
        expected: "two or more modalities, none of them twice"
      })
    ),
    rounds: Setting.repeats,
    epochs: Schema.Struct(Object.fromEntries(order.map((modality) => [modality, Setting.repeats])))
  })

/**
 * A ring of two or more distinct modalities. Throws a `NameError` for an invalid name of a modality, and a
 * `SettingError` for an invalid number of rounds or epochs.
 */
export const make = <const L extends readonly [string, string, ...ReadonlyArray<string>]>(
  order: L & Distinct<L>,
  options: { readonly rounds: number; readonly epochs: { readonly [K in L[number]]: number } }
): Ring<L[number]> => {
  for (const modality of order) Name.key("the name of a modality", modality)
  const ring = { order, ...options }
  Setting.check("a ring", domain(order), ring)
  return ring
}
