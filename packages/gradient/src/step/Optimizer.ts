/**
 * Optimizers as pairs of pure functions, with PyTorch's definitions: `start` gives the initial state, and `update`
 * makes one step of all parameters. A state tensor is named `kind.parameter`, such as `velocity.W1`; numbers of the
 * whole optimizer are 1 × 1.
 */
import { Setting, Tensor } from "@igm/tensor"
import { Schema } from "effect"
import { type Named, type Ops, get, mapNamed } from "../ops/Ops.ts"

/** v ← μ v + g + λ w, w ← w − η v. */
export interface Sgd {
  readonly kind: "sgd"
  readonly rate: number
  readonly momentum: number
  readonly weightDecay: number
}

/**
 * g ← g + λ w, m ← m + (1−β₁)(g − m), s ← β₂ s + (1−β₂) g², w ← w − η m̂/(√ŝ + ε), where m̂ = m/(1−β₁ᵗ) and
 * ŝ = s/(1−β₂ᵗ).
 */
export interface Adam {
  readonly kind: "adam"
  readonly rate: number
  readonly betas: readonly [number, number]
  readonly epsilon: number
  readonly weightDecay: number
}

/** An optimizer with its hyper-parameters. The rate is multiplied by the schedule's factor. */
export type Optimizer = Sgd | Adam

const { nonNegative, belowOne } = Setting

/** The schema of a valid optimizer. A rate of 0 leaves the weights as they are. */
export const domain: Schema.Codec<Optimizer> = Schema.Union([
  Schema.Struct({ kind: Schema.Literal("sgd"), rate: nonNegative, momentum: belowOne, weightDecay: nonNegative }),
  Schema.Struct({
    kind: Schema.Literal("adam"),
    rate: nonNegative,
    betas: Schema.Tuple([belowOne, belowOne]),
    epsilon: Setting.positive,
    weightDecay: nonNegative
  })
]).annotate({
  expected: '{ kind: "sgd", rate, momentum, weightDecay } or { kind: "adam", rate, betas, epsilon, weightDecay }'
})

/** Adam as the released code sets it for Twitter15 and Sarcasm. */
export const adamAsReleased: Adam = { kind: "adam", rate: 1e-5, betas: [0.9, 0.99], epsilon: 1e-8, weightDecay: 1e-4 }

/** Tests whether a name is one of an optimizer's state, rather than of a parameter. */
export const isMemory = (name: string): boolean => name.includes(".")

/** The optimizer's state before the first step, for parameters of the given shapes. */
export const start = (
  { kind }: Pick<Optimizer, "kind">,
  shapes: Named<readonly [number, number]>
): Named<Tensor.Tensor<"float64">> => {
  const zeros = (memory: string) =>
    Object.entries(shapes).map(([name, shape]) => [`${memory}.${name}`, Tensor.zeros(shape)] as const)
  if (kind === "sgd") return Object.fromEntries(zeros("velocity"))
  const scalars = ["correction.1", "correction.2"].map((name) => [name, Tensor.zeros([1, 1])] as const)
  return Object.fromEntries([...zeros("mean"), ...zeros("square"), ...scalars])
}

/** The hyper-parameters besides the learning rate, as named inputs of a step. */
export const inputs = (optimizer: Optimizer): Named<number> => {
  const { weightDecay } = optimizer
  if (optimizer.kind === "sgd") return { momentum: optimizer.momentum, weightDecay }
  const [first, second] = optimizer.betas
  const { epsilon } = optimizer
  return { beta1: first, rest1: 1 - first, beta2: second, rest2: 1 - second, epsilon, weightDecay }
}

/**
 * Updates all parameters by one step. `gradient` returns a parameter's gradient plus an addend, so that both can be
 * computed by one matrix product; `settings` holds the rate and what `inputs` names (1 × 1).
 */
export const update = <T>(
  ops: Ops<T>,
  kind: Optimizer["kind"],
  settings: Named<T>,
  parameters: Named<T>,
  memory: Named<T>,
  gradient: (name: string, addend: T) => T
): Named<T> => {
  const set = (name: string): T => get(settings, name)
  const decay = (w: T): T => ops.multiply(set("weightDecay"), w)
  if (kind === "sgd") {
    const velocities = mapNamed(parameters, (w, name) =>
      gradient(name, ops.add(ops.multiply(set("momentum"), get(memory, `velocity.${name}`)), decay(w)))
    )
    return {
      ...mapNamed(parameters, (w, name) => ops.subtract(w, ops.multiply(set("rate"), get(velocities, name)))),
      ...Object.fromEntries(Object.entries(velocities).map(([name, v]) => [`velocity.${name}`, v]))
    }
  }
  // The corrections 1 − βᵗ are carried as such: 1 − β loses digits in single precision.
  const corrected = (n: 1 | 2): T =>
    ops.add(ops.multiply(set(`beta${n}`), get(memory, `correction.${n}`)), set(`rest${n}`))
  const [first, second] = [corrected(1), corrected(2)]
  const next: Record<string, T> = { "correction.1": first, "correction.2": second }
  for (const [name, w] of Object.entries(parameters)) {
    const g = gradient(name, decay(w))
    const [m, s] = [get(memory, `mean.${name}`), get(memory, `square.${name}`)]
    const mean = ops.add(m, ops.multiply(set("rest1"), ops.subtract(g, m)))
    const square = ops.add(ops.multiply(set("beta2"), s), ops.multiply(set("rest2"), ops.multiply(g, g)))
    const size = ops.add(ops.sqrt(ops.divide(square, second)), set("epsilon"))
    next[`mean.${name}`] = mean
    next[`square.${name}`] = square
    next[name] = ops.subtract(w, ops.divide(ops.multiply(ops.divide(set("rate"), first), mean), size))
  }
  return next
}
