/**
 * One step of training a head, written once over `Ops`: (mixup) → forward → backward → (perturbation, second pass) →
 * (gradient modification) → update. Its variants are the switches in which IGM's two semantics differ; without
 * perturbation and modification it is plain training.
 *
 * Gradients stay in factors, G = Δᵀ A, and modification projects the activations: G P = Δᵀ (A P). The projection of the
 * first layer's input is a table of the phase, X P, because mixup is linear.
 */
import * as Head from "./Head.ts"
import { crossEntropy, shareOfCrossEntropy } from "./Loss.ts"
import type { Step, StepContext } from "../Method.ts"
import { type Named, type Ops, get, mapNamed } from "../ops/Ops.ts"
import * as Optimizer from "./Optimizer.ts"
import * as Projection from "./Projection.ts"
import type { Rule } from "./Rule.ts"
import * as Sharpness from "./Sharpness.ts"

/** The options that select a variant of the step. */
export interface Variant {
  /** The number of Linear layers. */
  readonly depth: number
  readonly batch: number
  readonly optimizer: Optimizer.Optimizer["kind"]
  /** True for mixup: features and targets are interpolated with those of a second sample, x̃ = λ x + (1−λ) x_π. */
  readonly mixup: boolean
  readonly sharpness: Sharpness.Form | null
  /** For each layer, true if its gradient is modified by P. */
  readonly modified: ReadonlyArray<boolean>
  /** A user-defined rule, applied to the gradient last. */
  readonly rule: Rule | null
}

/** The gradient of a batch, in factors. */
interface Gradient<T> extends Sharpness.Factors<T> {
  readonly loss: T
  /** A P for the modified layers, A for the others. */
  readonly projected: ReadonlyArray<T>
  /** The inputs of the layers at θ. */
  readonly inputs: ReadonlyArray<T>
  /** The parameters that the update starts from. */
  readonly parameters: Named<T>
  readonly perturbation: Sharpness.Perturbation<T> | null
}

const parametersOf = <T>(state: Named<T>): Named<T> =>
  Object.fromEntries(Object.entries(state).filter(([name]) => !Optimizer.isMemory(name)))

const gradient = <T>(ops: Ops<T>, variant: Variant, { state, inputs, reads, draws }: StepContext<T>): Gradient<T> => {
  const { batch, depth, sharpness } = variant
  const parameters = parametersOf(state)
  const mixed = (name: string): T => {
    if (!variant.mixup) return get(reads, name)
    const partner = get(reads, `${name}.partner`)
    return ops.add(partner, ops.multiply(get(draws, "lambda"), ops.subtract(get(reads, name), partner)))
  }
  const [x, y] = [mixed("x"), mixed("y")]
  const project = (a: T, i: number): T => {
    if (!variant.modified[i]) return a
    if (i === 0) return mixed("xP")
    const [left, right] = [inputs[`L${i + 1}`], inputs[`R${i + 1}`]]
    if (left === undefined || right === undefined) return ops.gemm(a, get(inputs, `P${i + 1}`))
    return Projection.timesThin(ops, a, left, right)
  }

  const layers = Head.layers(ops, depth, parameters)
  const pass = Head.forward(ops, layers, x)
  const backward = (through: ReadonlyArray<Head.Layer<T>>, at: Head.Pass<T>, delta: T) =>
    Head.backward(ops, through, at, delta)
  if (sharpness === null) {
    const here = crossEntropy(ops, pass.logits, y, batch)
    const deltas = backward(layers, pass, here.delta)
    const { activations } = pass
    const projected = activations.map(project)
    return { loss: here.loss, activations, inputs: activations, deltas, projected, parameters, perturbation: null }
  }

  // Any multiple of the gradient has the same direction: the first pass may as well make its share at once.
  const one = ops.scalar(1)
  const f = sharpness.share === 1 ? one : get(inputs, "share")
  const g = sharpness.share === 1 ? one : ops.subtract(one, f)
  const here = shareOfCrossEntropy(ops, pass.logits, y, batch, g)
  const deltas = backward(layers, pass, here.delta)
  const factors = { activations: pass.activations, deltas }
  const perturbation = Sharpness.perturb(ops, sharpness, parameters, factors, get(inputs, "rho"))
  const there = Head.forward(ops, perturbation.layers, x)
  const labels = sharpness.labels === "mixed" ? y : get(reads, "y")
  const flat = shareOfCrossEntropy(ops, there.logits, labels, batch, f)
  const flatDeltas = backward(perturbation.layers, there, flat.delta)
  const rest = {
    inputs: pass.activations,
    parameters: sharpness.restored ? parameters : perturbation.moved(),
    perturbation
  }
  if (sharpness.share === 1) {
    const { activations } = there
    return { ...rest, loss: flat.loss, activations, deltas: flatDeltas, projected: activations.map(project) }
  }
  // Both gradients in one product: the batches stand one below the other, but for the first layer, whose input is the same.
  const both = (a: ReadonlyArray<T>, b: ReadonlyArray<T>, first: (a: T, b: T) => T) =>
    a.map((part, i) => (i === 0 ? first(part, b[0]!) : ops.concat([part, b[i]!], "rows")))
  const activations = both(pass.activations, there.activations, (a) => a)
  return {
    ...rest,
    loss: ops.add(here.loss, flat.loss),
    deltas: both(deltas, flatDeltas, ops.add),
    activations,
    projected: activations.map(project)
  }
}

const reads = ({ mixup, modified }: Variant): Step["reads"] => {
  const own = (name: string, table: string) => ({ [name]: { table, index: "rows" } })
  const partner = (name: string, table: string) => ({ [`${name}.partner`]: { table, index: "partners" } })
  const tables: ReadonlyArray<readonly [string, string]> = [
    ["x", "X"],
    ["y", "Y"],
    ...(modified[0] ? [["xP", "XP"] as const] : [])
  ]
  return Object.assign(
    {},
    ...tables.flatMap(([name, table]) => [own(name, table), ...(mixup ? [partner(name, table)] : [])])
  )
}

const label = ({ mixup, sharpness, modified, optimizer, rule }: Variant): string =>
  [
    optimizer,
    mixup ? "mixup" : "plain",
    sharpness === null ? "no sharpness" : `${sharpness.norm} norm`,
    modified.some(Boolean) ? "modified" : "unmodified",
    ...(rule === null ? [] : [rule.name])
  ].join("/")

/**
 * The function that returns a parameter's gradient plus an addend: by one matrix product, unless a rule needs the
 * gradient itself.
 */
const ruled = <T>(
  ops: Ops<T>,
  { rule, batch }: Variant,
  { deltas, projected, inputs: seen, parameters }: Gradient<T>
): ((name: string, addend: T) => T) => {
  const factors = { deltas, activations: projected }
  if (rule === null) return (name, addend) => Sharpness.gradientOf(ops, factors, name, addend)
  const gradients = mapNamed(parameters, (_, name) => Sharpness.gradientOf(ops, factors, name))
  const means = seen.map((a) => ops.multiply(ops.sum(a, "rows"), ops.scalar(1 / batch)))
  const inputs = Object.fromEntries(means.map((mean, i) => [`W${i + 1}`, mean]))
  const followed = rule.apply(ops, gradients, { parameters, inputs })
  return (name, addend) => ops.add(get(followed, name), addend)
}

/** The trace with the number of zero gradient norms of a step, where it is perturbed. */
export const ZERO_GRADIENTS = "zeroGradients"

/**
 * Makes the step. State: the parameters and the optimizer's state. Inputs (1 × 1 unless stated): rate and the
 * optimizer's, rho, share, tables X (n × in), Y (n × classes), XP (n × in), matrices P2, P3, … (in × in) or in their
 * place L2, R2, … (rank × in) with P = I + Lᵀ R. Draws: rows and partners (indices), lambda. With sharpness, the rows
 * of Y sum to 1. Traces: the loss that is differentiated, and the number of zero gradients where it is perturbed.
 */
export const make = (variant: Variant): Step => ({
  name: `step ${label(variant)}`,
  reads: reads(variant),
  run: (ops, context) => {
    const found = gradient(ops, variant, context)
    const { parameters, loss, perturbation } = found
    const gradients = ruled(ops, variant, found)
    const state = Optimizer.update(ops, variant.optimizer, context.inputs, parameters, context.state, gradients)
    return { state, trace: { loss, ...(perturbation === null ? {} : { [ZERO_GRADIENTS]: perturbation.zeros }) } }
  }
})

/**
 * Makes the probe of the step, which changes nothing and records, over all weights W, the gradient's norm, the share ‖G
 * − G P‖/‖G‖ that modification removes, the ratio ‖G P‖/‖G‖, the cosine of G and G P, and the share of weights that the
 * perturbation moves at the resolution of the interpreter's numbers.
 */
export const probe = (variant: Variant): Step => ({
  name: `probe ${label(variant)}`,
  reads: reads(variant),
  run: (ops, context) => {
    const found = gradient(ops, variant, context)
    const weights = Object.keys(found.parameters).filter(Head.isWeight)
    const total = (f: (name: string, i: number) => (typeof found)["loss"]) => weights.map(f).reduce(ops.add)
    const dot = (a: (typeof found)["loss"], b: (typeof found)["loss"]) => ops.sum(ops.multiply(a, b), "all")
    const before = weights.map((name) => Sharpness.gradientOf(ops, found, name))
    const after = weights.map((name) => Sharpness.gradientOf(ops, { ...found, activations: found.projected }, name))
    const removed = before.map((g, i) => ops.subtract(g, after[i]!))
    const norm = ops.sqrt(total((_, i) => dot(before[i]!, before[i]!)))
    const normAfter = ops.sqrt(total((_, i) => dot(after[i]!, after[i]!)))
    const safe = (a: typeof norm) => ops.where(ops.greater(a, ops.scalar(0)), a, ops.scalar(1))
    const perturbed = found.perturbation === null ? found.parameters : found.perturbation.moved()
    const count = (name: string, ifSame: number) => {
      const same = ops.equal(get(context.state, name), get(perturbed, name))
      return ops.sum(ops.where(same, ops.scalar(ifSame), ops.scalar(1)), "all")
    }
    return {
      state: context.state,
      trace: {
        gradientNorm: norm,
        normRatio: ops.divide(normAfter, safe(norm)),
        shareRemoved: ops.divide(ops.sqrt(total((_, i) => dot(removed[i]!, removed[i]!))), safe(norm)),
        cosine: ops.divide(
          total((_, i) => dot(before[i]!, after[i]!)),
          ops.multiply(safe(norm), safe(normAfter))
        ),
        shareMoved: ops.divide(
          total((name) => count(name, 0)),
          total((name) => count(name, 1))
        )
      }
    }
  }
})
