/**
 * MLA's step: a batch of every modality in turn on one shared head. A matrix P for each layer's input is part of the
 * state: it forgets the direction of the batch's mean input r, and a gradient G is replaced by G Pᵀ.
 */
import * as Head from "./Head.ts"
import { crossEntropy } from "./Loss.ts"
import type { Step } from "../Method.ts"
import { type Ops, get } from "../ops/Ops.ts"
import * as Optimizer from "./Optimizer.ts"
import * as Sharpness from "./Sharpness.ts"

/** The switches of the projection. */
export interface Form {
  /** The P that multiplies a batch's gradient: as batches before it left it (paper), or after it forgot this batch too (code). */
  readonly used: "before" | "after"
  /** The divisor of k kᵀ: the number α + kᵀ r (paper), or the matrix α + k rᵀ, number by number (code). */
  readonly divisor: "number" | "matrix"
  /** True if P is divided by its Frobenius norm after each of its updates (code). */
  readonly normalized: boolean
  /** α as it is, or α^(1 + t/T) in batch t of an epoch of T (code). */
  readonly alpha: "fixed" | "falling"
  /** True if the first batch of a training leaves P as it is (code). */
  readonly skipsFirst: boolean
}

/** The switches as the equations have them. */
export const paper: Form = { used: "before", divisor: "number", normalized: false, alpha: "fixed", skipsFirst: false }

/**
 * The switches of the released code, of which nothing comes into effect there: it changes the gradient of a parameter
 * `module.weight`, and there is none of that name. What its trainings do is `projection: null`.
 */
export const code: Form = { used: "after", divisor: "matrix", normalized: true, alpha: "falling", skipsFirst: true }

/** P (d × d) after it forgot a mean input r (1 × d): P − k kᵀ/(α + kᵀ r) with k = P r and α > 0 (1 × 1), or as `form` says. */
export const forget = <T>(
  ops: Ops<T>,
  p: T,
  r: T,
  alpha: T,
  { divisor, normalized }: Pick<Form, "divisor" | "normalized"> = paper
): T => {
  // With a number as divisor P is symmetric.
  const k = divisor === "number" ? ops.gemm(r, p) : ops.gemm(r, p, { transB: true })
  const product = divisor === "number" ? ops.sum(ops.multiply(k, r), "all") : ops.gemm(k, r, { transA: true })
  const next = ops.subtract(p, ops.divide(ops.gemm(k, k, { transA: true }), ops.add(alpha, product)))
  return normalized ? ops.divide(next, ops.sqrt(ops.sumSquares(next))) : next
}

/**
 * One batch of every modality in turn on the shared head. State: its parameters and memory, and P1, P2, … with a
 * projection. Inputs: the optimizer's, tables X/modality and Y, and alpha. Draws: rows; alpha where it falls; and with
 * `skipsFirst` the number `first`, 1 in the first step of a training and 0 later.
 */
export const step = (
  head: Head.Head,
  order: ReadonlyArray<string>,
  batch: number,
  kind: Optimizer.Optimizer["kind"],
  projection: Form | null = paper
): Step => {
  const depth = Head.depth(head)
  const names = Object.keys(Head.shapes(head))
  const of = projection === null ? "none" : JSON.stringify(Object.values(projection))
  return {
    name: `step mla/${kind}/${order.length}/${of}`,
    reads: {
      y: { table: "Y", index: "rows" },
      ...Object.fromEntries(order.map((modality) => [`x/${modality}`, { table: `X/${modality}`, index: "rows" }]))
    },
    run: (ops, { state, inputs, reads, draws }) => {
      let at = state
      const alpha = () => get(projection?.alpha === "falling" ? draws : inputs, "alpha")
      const losses = order.map((modality, i) => {
        const parameters = Object.fromEntries(names.map((name) => [name, get(at, name)]))
        const layers = Head.layers(ops, depth, parameters)
        const pass = Head.forward(ops, layers, get(reads, `x/${modality}`))
        const { loss, delta } = crossEntropy(ops, pass.logits, get(reads, "y"), batch)
        const deltas = Head.backward(ops, layers, pass, delta)
        const forgotten = (form: Form, a: typeof loss, l: number): typeof loss => {
          const mean = ops.multiply(ops.sum(a, "rows"), ops.scalar(1 / batch))
          const p = get(at, `P${l}`)
          const next = forget(ops, p, mean, alpha(), form)
          const skips = form.skipsFirst && i === 0
          return skips ? ops.where(ops.greater(get(draws, "first"), ops.scalar(0)), p, next) : next
        }
        const matrices = Object.fromEntries(
          projection === null ? [] : pass.activations.map((a, j) => [`P${j + 1}`, forgotten(projection, a, j + 1)])
        )
        const used = projection?.used === "after" ? matrices : at
        const projected =
          projection === null
            ? pass.activations
            : pass.activations.map((a, j) => ops.gemm(a, get(used, `P${j + 1}`), { transB: true }))
        const gradient = (name: string, addend: typeof loss) =>
          Sharpness.gradientOf(ops, { activations: projected, deltas }, name, addend)
        const updated = Optimizer.update(ops, kind, inputs, parameters, at, gradient)
        at = { ...at, ...updated, ...matrices }
        return loss
      })
      const loss = ops.multiply(losses.reduce(ops.add), ops.scalar(1 / losses.length))
      return { state: at, trace: { loss } }
    }
  }
}
