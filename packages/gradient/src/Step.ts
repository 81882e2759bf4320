/**
 * One step of training a head, written once over `Ops`: (mixup) → forward → backward → (perturbation, second pass) →
 * (gradient modification) → update. Its variants are the rows of "paper" and "code" in which IGM's two semantics differ;
 * without perturbation and modification it is plain SGD.
 *
 * Gradients stay in factors, G = Δᵀ A, and modification projects the activations: G P = Δᵀ (A P). The projection of the
 * first layer's input is a table of the phase, X P, because mixup is linear.
 */
import * as Head from "./Head.ts"
import { crossEntropy } from "./Loss.ts"
import type { Step, StepContext } from "./Method.ts"
import { type Named, type Ops, get, mapNamed } from "./Ops.ts"
import * as Optimizer from "./Optimizer.ts"
import * as Sharpness from "./Sharpness.ts"

/** Which variant of the step. */
export interface Variant {
  /** The number of Linear layers. */
  readonly depth: number
  readonly batch: number
  /** Whether features and targets are mixed with a second sample's: x̃ = λ x + (1−λ) x_π. */
  readonly mixup: boolean
  readonly sharpness:
    | "none"
    /** The gradient at θ + ρ ∇L/‖∇L‖ with one norm for all parameters; the weights stay (paper). */
    | "restored"
    /** (1−f) ∇L_mix(w) + f ∇L(w′) at w′ = w + ρ g/‖g‖ tensor by tensor; the update starts from w′ (code). */
    | "drifting"
  /** Layer by layer, whether the gradient is modified. */
  readonly modified: ReadonlyArray<boolean>
}

/** The names of the velocities in a step's state. */
export const velocity = (parameter: string): string => `velocity.${parameter}`

/** The gradient of a batch, in factors whose rows are the batch (twice the batch where two losses are added). */
interface Gradient<T> extends Sharpness.Factors<T> {
  readonly loss: T
  /** A P for the modified layers, A for the others. */
  readonly projected: ReadonlyArray<T>
  /** The parameters that the update starts from. */
  readonly parameters: Named<T>
  /** The parameters moved by the perturbation, as far as the interpreter's numbers resolve it. */
  readonly perturbed: () => Named<T>
}

const gradient = <T>(ops: Ops<T>, variant: Variant, { state, inputs, reads, draws }: StepContext<T>): Gradient<T> => {
  const { batch, depth } = variant
  const parameters = Object.fromEntries(Object.entries(state).filter(([name]) => !name.startsWith(velocity(""))))
  const mixed = (name: string): T => {
    if (!variant.mixup) return get(reads, name)
    const lambda = get(draws, "lambda")
    const other = ops.multiply(ops.subtract(ops.scalar(1), lambda), get(reads, `${name}.partner`))
    return ops.add(ops.multiply(lambda, get(reads, name)), other)
  }
  const x = mixed("x")
  const project = (activations: ReadonlyArray<T>): ReadonlyArray<T> =>
    activations.map((a, i) => {
      if (!variant.modified[i]) return a
      return i === 0 ? mixed("xP") : ops.gemm(a, get(inputs, `P${i + 1}`))
    })

  const layers = Head.layers(ops, depth, parameters)
  const pass = Head.forward(ops, layers, x)
  const here = crossEntropy(ops, pass.logits, mixed("y"), batch)
  const factors = { activations: pass.activations, deltas: Head.backward(ops, layers, pass, here.delta) }
  const norm = () => Sharpness.globalNorm(ops, Sharpness.squaredNorms(ops, factors))

  if (variant.sharpness === "none") {
    const projected = project(pass.activations)
    return { ...factors, loss: here.loss, projected, parameters, perturbed: () => parameters }
  }

  if (variant.sharpness === "restored") {
    const s = Sharpness.scale(ops, get(inputs, "rho"), norm())
    const moved = Sharpness.perturbedLayers(ops, layers, factors, s)
    const there = Head.forward(ops, moved, x)
    const { delta } = crossEntropy(ops, there.logits, mixed("y"), batch)
    return {
      activations: there.activations,
      deltas: Head.backward(ops, moved, there, delta),
      loss: here.loss,
      projected: project(there.activations),
      parameters,
      perturbed: () =>
        mapNamed(parameters, (parameter, name) => ops.add(parameter, ops.multiply(s, ofParameter(ops, factors, name))))
    }
  }

  const drifted = Sharpness.drifted(ops, parameters, factors, get(inputs, "rho"))
  const moved = Head.layers(ops, depth, drifted)
  const there = Head.forward(ops, moved, x)
  const flat = crossEntropy(ops, there.logits, get(reads, "y"), batch)
  const flatDeltas = Head.backward(ops, moved, there, flat.delta)
  const share = get(inputs, "flatShare")
  const rest = ops.subtract(ops.scalar(1), share)
  const both = (a: ReadonlyArray<T>, b: ReadonlyArray<T>) => a.map((part, i) => ops.concat([part, b[i]!], "rows"))
  return {
    loss: ops.add(ops.multiply(rest, here.loss), ops.multiply(share, flat.loss)),
    deltas: both(
      factors.deltas.map((delta) => ops.multiply(rest, delta)),
      flatDeltas.map((delta) => ops.multiply(share, delta))
    ),
    activations: both(pass.activations, there.activations),
    projected: both(project(pass.activations), project(there.activations)),
    parameters: drifted,
    perturbed: () => drifted
  }
}

/** The gradient of a parameter: Δᵀ A of a weight, the sum of Δ's rows of a bias. */
const ofParameter = <T>(ops: Ops<T>, { activations, deltas }: Sharpness.Factors<T>, name: string): T => {
  const i = Number(name.slice(1)) - 1
  return name.startsWith("W") ? ops.gemm(deltas[i]!, activations[i]!, { transA: true }) : ops.sum(deltas[i]!, "rows")
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

const label = ({ mixup, sharpness, modified }: Variant): string =>
  [mixup ? "mixup" : "plain", sharpness, modified.some(Boolean) ? "modified" : "unmodified"].join("/")

/**
 * The step. State: the parameters and their velocities. Inputs (1 × 1 unless said): rate, momentum, weightDecay, rho,
 * flatShare, tables X (n × in), Y (n × classes), XP (n × in), matrices P2, P3, … (in × in). Draws: rows and partners
 * (indices), lambda. Trace: the loss.
 */
export const make = (variant: Variant): Step => ({
  name: `step ${label(variant)}`,
  reads: reads(variant),
  run: (ops, context) => {
    const { deltas, projected, parameters, loss } = gradient(ops, variant, context)
    const settings = {
      rate: get(context.inputs, "rate"),
      momentum: get(context.inputs, "momentum"),
      weightDecay: get(context.inputs, "weightDecay")
    }
    const state: Record<string, (typeof parameters)[string]> = {}
    for (const [name, parameter] of Object.entries(parameters)) {
      const i = Number(name.slice(1)) - 1
      const accumulate = (addend: typeof parameter) =>
        name.startsWith("W")
          ? ops.gemm(deltas[i]!, projected[i]!, { transA: true, addend })
          : ops.add(ops.sum(deltas[i]!, "rows"), addend)
      const next = Optimizer.sgd(ops, settings, parameter, get(context.state, velocity(name)), accumulate)
      state[name] = next.parameter
      state[velocity(name)] = next.velocity
    }
    return { state, trace: { loss } }
  }
})

/**
 * What the step would do, measured: it changes nothing and records, over all weights W, the gradient's norm, the share
 * ‖G − G P‖/‖G‖ that modification removes, the cosine of G and G P, and the share of weights that the perturbation moves
 * at the resolution of the interpreter's numbers.
 */
export const probe = (variant: Variant): Step => ({
  name: `probe ${label(variant)}`,
  reads: reads(variant),
  run: (ops, context) => {
    const found = gradient(ops, variant, context)
    const weights = Object.keys(found.parameters).filter((name) => name.startsWith("W"))
    const total = (f: (name: string, i: number) => (typeof found)["loss"]) => weights.map(f).reduce(ops.add)
    const dot = (a: (typeof found)["loss"], b: (typeof found)["loss"]) => ops.sum(ops.multiply(a, b), "all")
    const before = weights.map((name) => ofParameter(ops, found, name))
    const after = weights.map((name) => ofParameter(ops, { ...found, activations: found.projected }, name))
    const removed = before.map((g, i) => ops.subtract(g, after[i]!))
    const norm = ops.sqrt(total((_, i) => dot(before[i]!, before[i]!)))
    const normAfter = ops.sqrt(total((_, i) => dot(after[i]!, after[i]!)))
    const safe = (a: typeof norm) => ops.where(ops.greater(a, ops.scalar(0)), a, ops.scalar(1))
    const perturbed = found.perturbed()
    const count = (name: string, ifSame: number) => {
      const same = ops.equal(get(context.state, name), get(perturbed, name))
      return ops.sum(ops.where(same, ops.scalar(ifSame), ops.scalar(1)), "all")
    }
    return {
      state: context.state,
      trace: {
        gradientNorm: norm,
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
