/**
 * Weighted sums of 8-bit numbers in fixed point, the inner loop of a resize. A loop that knows its number of terms, and so
 * keeps the weights in registers, takes half the time of one that does not; there is one for each number that occurs.
 */
import { BITS } from "./ResizeWeights.ts"

/**
 * Writes `length` sums: the i-th, of `data[at + i step + t tap] weights[k + t]` over t, divided by 2^BITS, rounded (halves
 * up) and clipped to 0 … 255, goes to `out[to + i outStep]`.
 */
export type Sums = (
  data: Uint8Array,
  at: number,
  step: number,
  tap: number,
  weights: Int32Array,
  k: number,
  length: number,
  out: Uint8Array,
  to: number,
  outStep: number
) => void

const HALF = 1 << (BITS - 1)

/** Sums of any number of terms. */
const looped =
  (terms: number): Sums =>
  (data, at, step, tap, weights, k, length, out, to, outStep) => {
    for (let i = 0; i < length; i++, at += step, to += outStep) {
      let sum = HALF
      for (let t = 0, from = at; t < terms; t++, from += tap) sum = (sum + Math.imul(data[from]!, weights[k + t]!)) | 0
      const value = sum >> BITS
      out[to] = value < 0 ? 0 : value > 255 ? 255 : value
    }
  }

/** The same with the loop over the terms written out. */
const unrolled = (terms: number): Sums => {
  const each = (line: (t: number) => string) => Array.from({ length: terms }, (_, t) => line(t)).join("\n")
  return new Function(
    "data, at, step, tap, weights, k, length, out, to, outStep",
    `${each((t) => `const weight${t} = weights[k + ${t}] | 0, tap${t} = (tap * ${t}) | 0`)}
    for (let i = 0; i < length; i++, at += step, to += outStep) {
      let sum = ${HALF}
      ${each((t) => `sum = (sum + Math.imul(data[at + tap${t}], weight${t})) | 0`)}
      const value = sum >> ${BITS}
      out[to] = value < 0 ? 0 : value > 255 ? 255 : value
    }`
  ) as Sums
}

const UNROLLED = 96
const made: Array<Sums> = []

/** The sums of a number of terms. */
export const sumsOf = (terms: number): Sums => (made[terms] ??= terms <= UNROLLED ? unrolled(terms) : looped(terms))
