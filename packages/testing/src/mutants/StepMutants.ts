/** Wrong steps: misreadings of the IGM paper, and defects of its released code. */
import { Float64, Head, Ops, Sharpness, Step } from "@igm/gradient"
import * as StepLaws from "../laws/StepLaws.ts"
import type { MakeStep } from "../Scenes.ts"
import { type Mutant, eager } from "./Mutant.ts"

const { ops } = Float64

/** Changes the sharpness of the variants that have that norm. */
const withForm =
  (norm: Sharpness.Form["norm"], change: Partial<Sharpness.Form>): MakeStep =>
  (variant) =>
    Step.make(
      variant.sharpness?.norm === norm ? { ...variant, sharpness: { ...variant.sharpness, ...change } } : variant
    )

/** Changes the inputs of a correct step. */
const given =
  (name: string, value: number): MakeStep =>
  (variant) => {
    const step = Step.make(variant)
    const run: typeof step.run = (on, context) =>
      step.run(on, { ...context, inputs: { ...context.inputs, [name]: on.scalar(value) } })
    return { ...step, run }
  }

const bothAtPerturbed: MakeStep = (variant) => {
  const step = Step.make(variant)
  if (variant.sharpness === null || variant.sharpness.restored) return step
  const run: typeof step.run = (on, context) => {
    const inputs = { ...context.inputs, rate: on.scalar(0) }
    const moved = step.run(on, { ...context, inputs }).state
    const state = Ops.mapNamed(context.state, (before, name) => (name.includes(".") ? before : Ops.get(moved, name)))
    return step.run(on, { ...context, state, inputs: { ...context.inputs, rho: on.scalar(0) } })
  }
  return { ...step, run }
}

/** Multiplies P onto the update after momentum and weight decay, instead of onto the gradient. */
const modifiedTooLate: MakeStep = (variant) => {
  const step = Step.make({ ...variant, modified: variant.modified.map(() => false) })
  return {
    ...step,
    run: eager((context) => {
      const { state, trace } = step.run(ops, context)
      const weights = Object.keys(context.state).filter((name) => Head.isWeight(name) && !name.includes("."))
      const late = weights.flatMap((name) => {
        if (!variant.modified[Head.layerOf(name) - 1]) return []
        const p = Ops.get(context.inputs, `P${Head.layerOf(name)}`)
        const v = ops.gemm(Ops.get(state, `velocity.${name}`), p)
        const w = ops.subtract(Ops.get(context.state, name), ops.multiply(Ops.get(context.inputs, "rate"), v))
        return [[`velocity.${name}`, v] as const, [name, w] as const]
      })
      return { state: { ...state, ...Object.fromEntries(late) }, trace }
    })
  }
}

/** Shrinks the gradient of biases, as if they had a P. */
const biasesModified: MakeStep = (variant) => {
  const step = Step.make(variant)
  const run: typeof step.run = (on, context) => {
    const outcome = step.run(on, context)
    if (!variant.modified.some(Boolean)) return outcome
    const state = Ops.mapNamed(outcome.state, (value, name) =>
      name.startsWith("b") ? on.multiply(value, on.scalar(0.9)) : value
    )
    return { ...outcome, state }
  }
  return { ...step, run }
}

/** Uses the norm of the first tensor in the place of the global norm. */
const firstNorm: StepLaws.Perturb = (on, form, parameters, factors, rho) => {
  const squares = Object.keys(parameters).map((name) => Sharpness.squaredNorm(on, factors, name))
  const honest = Sharpness.perturb(on, form, parameters, factors, rho)
  const ratio = on.sqrt(on.divide(squares.reduce(on.add), squares[0]!))
  const moved = () =>
    Ops.mapNamed(honest.moved(), (w, name) => {
      const start = Ops.get(parameters, name)
      return on.add(start, on.multiply(ratio, on.subtract(w, start)))
    })
  return { ...honest, moved }
}

/** Adds the perturbation with the released ρ in single precision, where it vanishes. */
const belowResolution: StepLaws.Perturb = (on, form, parameters, factors) => {
  const honest = Sharpness.perturb(on, form, parameters, factors, on.scalar(1e-15))
  const rounded = (w: unknown) => {
    const matrix = w as Float64.Matrix
    return { ...matrix, data: matrix.data.map(Math.fround) } as never
  }
  return { ...honest, moved: () => Ops.mapNamed(honest.moved(), rounded) }
}

const step = (name: string, from: string, make: MakeStep): Mutant => ({ name, from, laws: StepLaws.laws(make) })

/** The mutants. */
export const mutants: ReadonlyArray<Mutant> = [
  step("the paper's perturbation is never undone", "IGM's code", withForm("global", { restored: false })),
  step("a zero gradient is 0/0", "IGM's code", (variant) =>
    Step.make({ ...variant, sharpness: variant.sharpness && { ...variant.sharpness, strictNaN: true } })
  ),
  step(
    "the code's perturbation is undone before the step",
    "misreading of IGM's code",
    withForm("tensor", { restored: true })
  ),
  step(
    "the code's perturbation has one norm over all tensors",
    "misreading of IGM's code",
    withForm("tensor", { norm: "global" })
  ),
  step("L_mix is differentiated at the perturbed weights", "misreading of IGM's code", bothAtPerturbed),
  step("nothing is perturbed", "IGM's code, in effect", given("rho", 0)),
  step("the flat loss takes the mixed labels", "misreading of IGM's code", withForm("tensor", { labels: "mixed" })),
  step("P modifies momentum and weight decay too", "misreading of the paper's eq. 9", modifiedTooLate),
  step("biases are modified too", "misreading of IGM's code", biasesModified),
  {
    name: "the norm is that of the first tensor alone",
    from: "LFM, whose learned α sees the first tensor alone",
    laws: StepLaws.perturbationLaws(firstNorm)
  },
  {
    name: "ρ is below the resolution of single precision",
    from: "IGM's code",
    laws: StepLaws.perturbationLaws(belowResolution)
  }
]
