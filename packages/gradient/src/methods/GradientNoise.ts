/** Noise that is added to the gradients of jointly trained heads: normal numbers for each tensor, drawn anew each epoch. */
import { Keyed, Tensor } from "@igm/tensor"
import type { Heads } from "./Igm.ts"
import * as JointStep from "../step/JointStep.ts"

/**
 * The number of rows in a table of noise: each epoch has a new table for each tensor, from which rows are drawn with
 * replacement.
 */
const NOISE_ROWS = 256

/** The tables of an epoch's noise, and the rows of them that each of its steps takes. */
export const of = (heads: Heads, noise: JointStep.Noise, seed: number, epoch: number, steps: number) => {
  const tensors = JointStep.noisy(heads, noise)
  const normals = (columns: number, name: string) =>
    Keyed.normals(Keyed.stream([seed, "noise", epoch, name]), NOISE_ROWS * columns)
  const chosen = (rows: number, name: string) => {
    const stream = Keyed.stream([seed, "noise rows", epoch, name])
    return Int32Array.from({ length: steps * rows }, () => Keyed.below(stream, NOISE_ROWS))
  }
  return {
    tables: () =>
      Object.fromEntries(
        tensors.map(([name, shape]) => [`N/${name}`, Tensor.float64([NOISE_ROWS, shape[1]], normals(shape[1], name))])
      ),
    draws: () =>
      Object.fromEntries(
        tensors.map(([name, shape]) => [`noise/${name}`, Tensor.int32([steps, shape[0]], chosen(shape[0], name))])
      )
  }
}
