/**
 * The order in which modalities take turns. Each turn's gradient is modified by the moment of the modality before it in
 * the ring, so a ring has at least two modalities and names none of them twice: both are checked by its type.
 */

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

/** A ring of two or more distinct modalities. */
export const make = <const L extends readonly [string, string, ...ReadonlyArray<string>]>(
  order: L & Distinct<L>,
  options: { readonly rounds: number; readonly epochs: { readonly [K in L[number]]: number } }
): Ring<L[number]> => ({ order, ...options })
