/**
 * Weights and inputs by a formula that `tools/reference/encoders.py` has too, so that nothing but outputs is committed:
 * a number depends on a tensor's name and on its own position alone.
 */
import type { Weights } from "../src/index.ts"
import { Tensor } from "@igm/tensor"
import { Effect } from "effect"

/** A state dictionary's line: a name, a shape, and the dtype where it is not float32. */
export type Line = readonly [name: string, shape: ReadonlyArray<number>, dtype?: "int64"]

/** The 32-bit words of a name: a finaliser of 32-bit integers over a counter, seeded with the name's FNV-1a hash. */
const words = (name: string): ((i: number) => number) => {
  let seed = 0x811c9dc5
  for (const byte of new TextEncoder().encode(name)) seed = Math.imul(seed ^ byte, 0x01000193)
  return (i) => {
    let x = (seed + Math.imul(i, 0x9e3779b9)) | 0
    x ^= x >>> 16
    x = Math.imul(x, 0x7feb352d)
    x ^= x >>> 15
    x = Math.imul(x, 0x846ca68b)
    return (x ^ (x >>> 16)) >>> 0
  }
}

/** Numbers offset + scale · u with u in [-1, 1). */
const uniform = (name: string, shape: ReadonlyArray<number>, scale: number, offset = 0): Tensor.Tensor<"float32"> => {
  const word = words(name)
  const data = new Float32Array(Tensor.sizeOf(shape))
  for (let i = 0; i < data.length; i++) data[i] = offset + ((word(i) >>> 8) / 8388608 - 1) * scale
  return Tensor.float32(shape, data)
}

const weight = (name: string, shape: ReadonlyArray<number>): Tensor.Tensor<"float32"> => {
  if (shape.length > 1) return uniform(name, shape, Math.sqrt(6 / Tensor.sizeOf(shape.slice(1))))
  if (name.endsWith("running_var")) return uniform(name, shape, 0.5, 1)
  if (name.endsWith("weight")) return uniform(name, shape, 0.25, 1)
  return uniform(name, shape, 0.125)
}

/** The weights of a state dictionary; each tensor is computed when it is read. */
export const weights = (lines: ReadonlyArray<Line>): Weights.Weights => {
  const shapes = new Map(lines.map(([name, shape]) => [name, shape]))
  return {
    path: "formula",
    entries: new Map(lines.map(([name, shape, dtype = "float32"]) => [name, { dtype, shape }])),
    read: (name) => Effect.sync(() => weight(name, shapes.get(name)!))
  }
}

/** How the input of a case is made. */
export type Input =
  | readonly [kind: "normal", shape: ReadonlyArray<number>]
  | readonly [kind: "integers", shape: ReadonlyArray<number>, below: number]
  | readonly [kind: "lengths", lengths: ReadonlyArray<number>]

/** The input of a case: numbers in [-2, 2), integers, or a mask whose row i has 1 in its first lengths[i] columns. */
export const input = (name: string, of: Input): Tensor.Tensor => {
  if (of[0] === "normal") return uniform(name, of[1], 2)
  if (of[0] === "integers") {
    const word = words(name)
    return Tensor.make(
      "int64",
      of[1],
      BigInt64Array.from({ length: Tensor.sizeOf(of[1]) }, (_, i) => BigInt(word(i) % of[2]))
    )
  }
  const width = Math.max(...of[1])
  const mask = of[1].flatMap((length) => Array.from({ length: width }, (_, i) => (i < length ? 1n : 0n)))
  return Tensor.make("int64", [of[1].length, width], BigInt64Array.from(mask))
}
