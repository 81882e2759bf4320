/** Four ways to misread the released code's step. Each is a mutant that parity must tell from it. */
import { type Igm, type Method, Ops } from "@igm/gradient"
import type { Case } from "./cases.ts"
import type { Replace } from "./trajectory.ts"

/** A reading of the released code: a change of the case, of the switches, or of the step itself. */
export interface Reading {
  readonly name: string
  readonly change?: Partial<Case>
  readonly switches?: Igm.Switches
  readonly replace?: Replace
}

/** First moves the weights, and then takes the gradients of both losses at the moved ones. */
const bothAtPerturbed: Replace = (step) => ({
  ...step,
  name: `${step.name}, both losses at the perturbed weights`,
  run: <T>(ops: Ops.Ops<T>, context: Method.StepContext<T>) => {
    const zero = ops.scalar(0)
    const moved = step.run(ops, { ...context, inputs: { ...context.inputs, rate: zero } }).state
    const state = Ops.mapNamed(context.state, (before, name) => (name.includes(".") ? before : Ops.get(moved, name)))
    return step.run(ops, { ...context, state, inputs: { ...context.inputs, rho: zero } })
  }
})

/** The misreadings. */
export const misreadings: ReadonlyArray<Reading> = [
  { name: "the perturbation is undone before the step", switches: { sharpness: { restored: true } } },
  { name: "one norm over all tensors", switches: { sharpness: { norm: "global" } } },
  { name: "L_mix is differentiated at the perturbed weights", replace: bothAtPerturbed },
  { name: "no perturbation", change: { rho: 0 } }
]
