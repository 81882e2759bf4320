/** Runs a step in a scene, on the float64 interpreter. */
import { Float64, type Method, Ops, Sharpness, type Step } from "@igm/gradient"
import { Tensor } from "@igm/tensor"
import type { Scene } from "./Cases.ts"
import type { Numbers } from "./Oracle.ts"

const { ops } = Float64

/** How a step is made from a variant: `Step.make`, or what is to be tested in its place. */
export type MakeStep = (variant: Step.Variant) => Method.Step

/** The variant of IGM's two semantics, modified in every layer. */
export const variants = {
  paper: { mixup: false, sharpness: Sharpness.paper },
  code: { mixup: true, sharpness: Sharpness.code },
  plain: { mixup: false, sharpness: null },
  mixup: { mixup: true, sharpness: null }
} as const

/** The variant that fits a scene: a part, and plain for the rest. */
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

/** What a step sees of a scene. */
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

/** What a step makes of a scene: its state, and what it records. */
export const run = (
  make: MakeStep,
  scene: Scene,
  part: Partial<Step.Variant>,
  numbers: Numbers
): Method.StepOutcome<Float64.Matrix> => make(variantOf(scene, part)).run(ops, contextOf(scene, numbers))

/** The gradient that a step follows: with rate 1 and nothing remembered, the weights move by −G. */
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
