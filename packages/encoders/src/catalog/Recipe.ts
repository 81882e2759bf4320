/**
 * Numbers that a Python program can make as well, bit by bit: weights and inputs for comparisons with the networks'
 * originals. A tensor is a function of its name, its shape and its positions; `tools/reference/encoder_goldens.py` has the
 * same functions.
 */
import { Tensor } from "@igm/tensor"
import { Effect, Schema } from "effect"
import type { Weights } from "../weights/Weights.ts"

/** The recipe of an input: numbers in [−2, 2); integers in [0, below); or a mask whose row i begins with so many ones. */
const Recipe = Schema.Union([
  Schema.Struct({ kind: Schema.Literal("normal"), shape: Schema.Array(Schema.Int) }),
  Schema.Struct({ kind: Schema.Literal("integers"), shape: Schema.Array(Schema.Int), below: Schema.Int }),
  Schema.Struct({ kind: Schema.Literal("lengths"), lengths: Schema.Array(Schema.Int) })
])
type Recipe = typeof Recipe.Type

/** Inputs by name. */
export const Recipes = Schema.Record(Schema.String, Recipe)
export type Recipes = typeof Recipes.Type

/** The 32-bit words of a name, by position: a finaliser of integers over a counter that starts at its FNV-1a hash. */
const words = (name: string): ((i: number) => number) => {
  let seed = 0x811c9dc5
  for (const byte of new TextEncoder().encode(name)) seed = Math.imul(seed ^ byte, 0x01000193)
  return (i) => {
    let x = (seed + Math.imul(i, 0x9e3779b9)) | 0
    x = Math.imul(x ^ (x >>> 16), 0x7feb352d)
    x = Math.imul(x ^ (x >>> 15), 0x846ca68b)
    return (x ^ (x >>> 16)) >>> 0
  }
}

/** Numbers center + spread · u, where u in [−1, 1) is a multiple of 2⁻²³. */
const uniform = (name: string, shape: ReadonlyArray<number>, spread: number, center = 0): Tensor.Tensor<"float32"> => {
  const word = words(name)
  const data = new Float32Array(Tensor.sizeOf(shape))
  for (let i = 0; i < data.length; i++) data[i] = center + ((word(i) >>> 8) * 2 ** -23 - 1) * spread
  return Tensor.float32(shape, data)
}

/** A weight of a network, spread so that its layer's output is about as large as its input. */
export const weight = (name: string, shape: ReadonlyArray<number>): Tensor.Tensor<"float32"> => {
  if (shape.length > 1) return uniform(name, shape, Math.sqrt(6 / Tensor.sizeOf(shape.slice(1))))
  if (name.endsWith("running_var")) return uniform(name, shape, 0.5, 1)
  if (name.endsWith("weight")) return uniform(name, shape, 0.25, 1)
  return uniform(name, shape, 0.125)
}

/** Names and shapes of weights. */
export const Layout = Schema.Array(Schema.Tuple([Schema.String, Schema.Array(Schema.Int)]))

/** The weights of a layout; each is computed when it is read. */
export const weights = (layout: typeof Layout.Type): Weights => {
  const entries = new Map(layout.map(([name, shape]) => [name, { dtype: "float32", shape }]))
  return {
    path: "weights by a formula",
    entries,
    read: (name) => Effect.sync(() => weight(name, entries.get(name)!.shape))
  }
}

const int64 = (shape: ReadonlyArray<number>, of: (i: number) => number): Tensor.Tensor => {
  const data = BigInt64Array.from({ length: Tensor.sizeOf(shape) }, (_, i) => BigInt(of(i)))
  return Tensor.make("int64", shape, data)
}

/** An input, by its name. */
export const input = (name: string, recipe: Recipe): Tensor.Tensor => {
  if (recipe.kind === "normal") return uniform(name, recipe.shape, 2)
  if (recipe.kind === "integers") {
    const word = words(name)
    return int64(recipe.shape, (i) => word(i) % recipe.below)
  }
  const { lengths } = recipe
  const columns = Math.max(...lengths)
  return int64([lengths.length, columns], (i) => (i % columns < lengths[Math.floor(i / columns)]! ? 1 : 0))
}

/** The inputs of a case, by its name. */
export const inputs = (name: string, recipes: Recipes): { readonly [input: string]: Tensor.Tensor } =>
  Object.fromEntries(Object.entries(recipes).map(([port, recipe]) => [port, input(`${name}/${port}`, recipe)]))
