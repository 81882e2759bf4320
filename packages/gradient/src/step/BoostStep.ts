/**
 * The two steps of ReconBoost. A boosting step trains one head on what the others leave over; a rectifying step trains
 * heads together on the loss of β Σ o_m, where β is the boost rate, a number that may be trained as well. Modalities have
 * a head each, or share one.
 */
import * as Head from "./Head.ts"
import { crossEntropy } from "./Loss.ts"
import type { Step } from "../Method.ts"
import { type Named, type Ops, get, mapNamed } from "../ops/Ops.ts"
import * as Optimizer from "./Optimizer.ts"
import * as Sharpness from "./Sharpness.ts"

/** The form of the boosting loss, with q = softmax(β Σ others' logits), p = softmax(o_m) and C classes. */
export type Form =
  /** −(1/C) Σ_c y_c (w₁ − w₂ q_c) log p_c, the released code's: bounded below for w₂ ≤ w₁. With no others q = 1. */
  | "labelled"
  /** −Σ_c (y_c − w q_c) log p_c over all classes: without a lower bound for w > 0. With no others q = 0. */
  | "residual"

/** The weights of a boosting loss (1 × 1 each): w₁/C and w₂/C, or 1 and w. */
export interface Weights<T> {
  readonly own: T
  readonly others: T
}

/**
 * The targets of a boosting loss, with which it is −Σ_c targets log p_c (batch × classes), for one-hot labels y and the
 * others' logits.
 */
export const targets = <T>(
  ops: Ops<T>,
  form: Form,
  weights: Weights<T>,
  y: T,
  others: ReadonlyArray<T>,
  boost: T
): T => {
  const seen = (): T => ops.exp(ops.logSoftmax(ops.multiply(boost, others.reduce(ops.add))))
  if (form === "residual") return others.length === 0 ? y : ops.subtract(y, ops.multiply(weights.others, seen()))
  const taken = others.length === 0 ? weights.others : ops.multiply(weights.others, seen())
  return ops.multiply(y, ops.subtract(weights.own, taken))
}

/** The options that select a variant of the steps. */
export interface Variant {
  /** The heads by modality. */
  readonly heads: Named<Head.Head>
  /** True if all modalities have one head, whose parameters are then those of `SHARED`. */
  readonly shared: boolean
  readonly batch: number
  readonly optimizer: Optimizer.Optimizer["kind"]
}

/** The owner of the parameters that modalities share. */
export const SHARED = "shared"

/** The owner of a modality's parameters. */
export const ownerOf = ({ shared }: Pick<Variant, "shared">, modality: string): string => (shared ? SHARED : modality)

/** The step's name of a tensor of an owner. */
export const at = (owner: string, name: string): string => `${owner}/${name}`

const tensorsOf = <T>(values: Named<T>, owner: string, names: ReadonlyArray<string>): Named<T> =>
  Object.fromEntries(names.map((name) => [name, get(values, at(owner, name))]))

/** The forward pass of a modality's head with the parameters of its owner. */
const passOf = <T>(ops: Ops<T>, head: Head.Head, parameters: Named<T>, x: T) => {
  const layers = Head.layers(ops, Head.depth(head), parameters)
  return { layers, pass: Head.forward(ops, layers, x) }
}

const readsOf = (modalities: ReadonlyArray<string>): Step["reads"] => ({
  y: { table: "Y", index: "rows" },
  ...Object.fromEntries(modalities.map((modality) => [`x/${modality}`, { table: `X/${modality}`, index: "rows" }]))
})

/** The names of an owner's tensors: its parameters, and the optimizer's memory of them. */
const namesOf = (head: Head.Head, kind: Optimizer.Optimizer["kind"]): ReadonlyArray<string> => [
  ...Object.keys(Head.shapes(head)),
  ...Object.keys(Optimizer.start({ kind }, Head.shapes(head)))
]

/**
 * A boosting step of one modality. State: `owner/W1` … and the optimizer's memory of them. Inputs: the optimizer's,
 * tables X/modality and Y, own and others (`Weights`), boost, and the parameters `other/W1` … of heads that are not its
 * own. Traces: the boosting loss.
 */
export const boost = (
  { heads, shared, batch, optimizer }: Variant,
  form: Form,
  modality: string,
  others: ReadonlyArray<string>
): Step => ({
  name: `step boost/${optimizer}/${form}/${shared ? "shared" : "separate"}/${[modality, ...others].join("/")}`,
  reads: readsOf([modality, ...others]),
  run: (ops, { state, inputs, reads }) => {
    const head = get(heads, modality)
    const owner = ownerOf({ shared }, modality)
    const local = tensorsOf(state, owner, namesOf(head, optimizer))
    const parameters = mapNamed(Head.shapes(head), (_, name) => get(local, name))
    const { layers, pass } = passOf(ops, head, parameters, get(reads, `x/${modality}`))
    const logits = others.map((other) => {
      const theirs = shared ? parameters : tensorsOf(inputs, other, Object.keys(Head.shapes(get(heads, other))))
      return passOf(ops, get(heads, other), theirs, get(reads, `x/${other}`)).pass.logits
    })
    const weights = { own: get(inputs, "own"), others: get(inputs, "others") }
    const target = targets(ops, form, weights, get(reads, "y"), logits, get(inputs, "boost"))
    const { loss, delta } = crossEntropy(ops, pass.logits, target, batch)
    const factors = { activations: pass.activations, deltas: Head.backward(ops, layers, pass, delta) }
    const updated = Optimizer.update(ops, optimizer, inputs, parameters, local, (name, addend) =>
      Sharpness.gradientOf(ops, factors, name, addend)
    )
    return {
      state: Object.fromEntries(Object.entries(updated).map(([name, value]) => [at(owner, name), value])),
      trace: { loss }
    }
  }
})

/** The step's name of the boost rate. */
export const BOOST = "boost"

/**
 * A rectifying step of the heads of the variant: the loss is CE(β Σ o_m, y). State: `owner/W1` … and the optimizer's
 * memory of them; where β is trained, boost and the optimizer's memory of it. Inputs: the optimizer's, tables X/modality
 * and Y, and boost where it is not trained. Traces: the loss.
 */
export const rectify = ({ heads, shared, batch, optimizer }: Variant, trained: boolean): Step => ({
  name: `step rectify/${optimizer}/${shared ? "shared" : "separate"}/${trained ? "trained" : "fixed"}`,
  reads: readsOf(Object.keys(heads)),
  run: (ops, { state, inputs, reads }) => {
    const passes = Object.entries(heads).map(([modality, head]) => {
      const owner = ownerOf({ shared }, modality)
      const parameters = tensorsOf(state, owner, Object.keys(Head.shapes(head)))
      return { owner, head, parameters, ...passOf(ops, head, parameters, get(reads, `x/${modality}`)) }
    })
    const rate = get(trained ? state : inputs, BOOST)
    const total = passes.map(({ pass }) => pass.logits).reduce(ops.add)
    const { loss, delta } = crossEntropy(ops, ops.multiply(rate, total), get(reads, "y"), batch)
    const back = passes.map(({ layers, pass }) => Head.backward(ops, layers, pass, ops.multiply(rate, delta)))
    const owners = [...new Set(passes.map(({ owner }) => owner))]
    const next = owners.map((owner) => {
      const own = passes.flatMap((one, i) => (one.owner === owner ? [{ ...one, deltas: back[i]! }] : []))
      const { head, parameters } = own[0]!
      // Batches of modalities that share a head stand one below the other.
      const below = (parts: ReadonlyArray<typeof loss>) => (parts.length === 1 ? parts[0]! : ops.concat(parts, "rows"))
      const factors = {
        activations: own[0]!.deltas.map((_, l) => below(own.map(({ pass }) => pass.activations[l]!))),
        deltas: own[0]!.deltas.map((_, l) => below(own.map(({ deltas }) => deltas[l]!)))
      }
      const local = tensorsOf(state, owner, namesOf(head, optimizer))
      const updated = Optimizer.update(ops, optimizer, inputs, parameters, local, (name, addend) =>
        Sharpness.gradientOf(ops, factors, name, addend)
      )
      return Object.fromEntries(Object.entries(updated).map(([name, value]) => [at(owner, name), value]))
    })
    const slope = (): typeof loss => ops.sum(ops.multiply(delta, total), "all")
    const rated = trained
      ? Optimizer.update(ops, optimizer, inputs, { [BOOST]: rate }, state, (_, addend) => ops.add(slope(), addend))
      : {}
    return { state: Object.assign({}, ...next, rated), trace: { loss } }
  }
})
