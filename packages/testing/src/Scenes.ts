/** Runs a step on a random scene (parameters, batch and hyper-parameters), by the float64 interpreter. */
import { Float64, type Method, Ops, Sharpness, type Step } from "@igm/gradient"
import { Tensor } from "@igm/tensor"
import type { Scene } from "./Cases.ts"
import type { Numbers } from "./Oracle.ts"

const { ops } = Float64

/** A constructor of steps: `Step.make`, or an implementation under test. */
export type MakeStep = (variant: Step.Variant) => Method.Step

/** The variants of the step: IGM as in the paper and in its code, and steps without sharpness. */
export const variants = {
  paper: { mixup: false, sharpness: Sharpness.paper },
  code: { mixup: true, sharpness: Sharpness.code },
  plain: { mixup: false, sharpness: null },
  mixup: { mixup: true, sharpness: null }
} as const

/** Completes a partial variant with plain defaults that fit a scene. */
export const variantOf = ({ depth, projections, x }: Scene, part: Partial<Step.Variant>): Step.Variant => ({
  depth,
  batch: x.shape[0]!,
  optimizer: "sgd",
  mixup: false,
  sharpness: null,
  modified: projections.map(() => true),
  rule: null,
  ...part
})

/** The context of a step on a scene. */
export const contextOf = (scene: Scene, numbers: Numbers): Method.StepContext<Float64.Matrix> => {
  const { parameters, velocities, projections, x, y, partners, lambda } = scene
  const others = (table: Float64.Matrix) => Tensor.takeRows(table, partners)
  const xP = ops.gemm(x, projections[0]!)
  return {
    state: { ...parameters, ...Object.fromEntries(Object.entries(velocities).map(([k, v]) => [`velocity.${k}`, v])) },
    inputs: {
      ...Ops.mapNamed({ ...numbers }, ops.scalar),
      ...Object.fromEntries(projections.map((p, i) => [`P${i + 1}`, p]))
    },
    reads: { x, y, xP, "x.partner": others(x), "y.partner": others(y), "xP.partner": others(xP) },
    draws: { lambda: ops.scalar(lambda) }
  }
}

/** Runs a step on a scene and returns its new state and its trace. */
export const run = (
  make: MakeStep,
  scene: Scene,
  part: Partial<Step.Variant>,
  numbers: Numbers
): Method.StepOutcome<Float64.Matrix> => make(variantOf(scene, part)).run(ops, contextOf(scene, numbers))

/**
 * Recovers the gradient G that a step follows: with learning rate 1 and an empty optimizer state, the weights change by
 * −G.
 */
export const gradientOf = (
  make: MakeStep,
  scene: Scene,
  part: Partial<Step.Variant>,
  numbers: Partial<Numbers> = {}
) => {
  const still = { ...scene, velocities: Ops.mapNamed(scene.velocities, ({ shape }) => Tensor.zeros(shape)) }
  const set = { rate: 0, momentum: 0, weightDecay: 0, rho: 0, share: 0.3, ...numbers }
  const { state } = run(make, still, part, set)
  return Ops.mapNamed(scene.parameters, (_, name) => Ops.get(state, `velocity.${name}`))
}
