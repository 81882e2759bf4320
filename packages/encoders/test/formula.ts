/**
 * Weights and inputs by the formula of `src/Recipe.ts`, which `tools/reference/encoders.py` has too, in the words of the
 * golden files: nothing but outputs is committed.
 */
import type { Tensor } from "@igm/tensor"
import { Effect } from "effect"
import type { Weights } from "../src/index.ts"
import * as Recipe from "../src/catalog/Recipe.ts"

/** A state dictionary's line: a name, a shape, and the dtype where it is not float32. */
export type Line = readonly [name: string, shape: ReadonlyArray<number>, dtype?: "int64"]

/** The weights of a state dictionary; each tensor is computed when it is read. */
export const weights = (lines: ReadonlyArray<Line>): Weights.Weights => {
  const shapes = new Map(lines.map(([name, shape]) => [name, shape]))
  return {
    path: "formula",
    entries: new Map(lines.map(([name, shape, dtype = "float32"]) => [name, { dtype, shape }])),
    read: (name) => Effect.sync(() => Recipe.weight(name, shapes.get(name)!))
  }
}

/** How the input of a case is made. */
export type Input =
  | readonly [kind: "normal", shape: ReadonlyArray<number>]
  | readonly [kind: "integers", shape: ReadonlyArray<number>, below: number]
  | readonly [kind: "lengths", lengths: ReadonlyArray<number>]

/** The input of a case: numbers in [-2, 2), integers, or a mask whose row i has 1 in its first lengths[i] columns. */
export const input = (name: string, of: Input): Tensor.Tensor => {
  if (of[0] === "normal") return Recipe.input(name, { kind: "normal", shape: of[1] })
  if (of[0] === "integers") return Recipe.input(name, { kind: "integers", shape: of[1], below: of[2] })
  return Recipe.input(name, { kind: "lengths", lengths: of[1] })
}
