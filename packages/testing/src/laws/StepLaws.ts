/** Laws of every step: agreement with the equations and with finite differences, and no NaN in degenerate cases. */
import { Float64, Head, type Method, Ops, Sharpness, Step } from "@igm/gradient"
import { Tensor } from "@igm/tensor"
import { Batch, type Scene, sceneOf } from "../Cases.ts"
import { relative, relatives, worst } from "../Distance.ts"
import * as Law from "../Law.ts"
import * as Oracle from "../Oracle.ts"
import { type MakeStep, contextOf, gradientOf, run, variantOf, variants } from "../Scenes.ts"

const { ops } = Float64

const numbers = { rate: 0.05, momentum: 0.9, weightDecay: 0.01, rho: 0.3, share: 0.3 }

/** Tests that the gradient is not almost zero: the direction of one that is would depend on rounding. */
const isGeneric = ({ parameters, x, y }: Scene): boolean =>
  Object.values(Oracle.gradientsOf(parameters, x, y)).every((g) => Oracle.norm([g]) > 1e-9 || Oracle.norm([g]) === 0)

/** Tests that a change of any parameter by h moves no unit across the kink of ReLU. */
export const isSmooth = ({ parameters, x }: Scene): boolean => {
  if (parameters["W2"] === undefined) return true
  const z = ops.gemm(x, Ops.get(parameters, "W1"), { transB: true, addend: Ops.get(parameters, "b1") })
  return z.data.every((value) => Math.abs(value) > 1e-3)
}

/** 0 if all numbers are finite, else NaN. */
export const finite = (tensors: Ops.Named<Float64.Matrix>): number =>
  Object.values(tensors).every(({ data }) => data.every(Number.isFinite)) ? 0 : Number.NaN

/** Finite differences of a loss along each entry of each parameter. */
export const differences = (parameters: Ops.Named<Float64.Matrix>, loss: (at: Ops.Named<Float64.Matrix>) => number) =>
  Ops.mapNamed(parameters, (w, name) => {
    const h = 1e-5
    const at = (i: number, by: number) => {
      const data = w.data.slice()
      data[i]! += by
      return loss({ ...parameters, [name]: Tensor.float64(w.shape, data) })
    }
    return Tensor.float64(
      w.shape,
      w.data.map((_, i) => (at(i, h) - at(i, -h)) / (2 * h))
    )
  })

/** The laws of a step that has both variants of IGM, the paper's and the code's. */
export const laws = (make: MakeStep = Step.make): ReadonlyArray<Law.Law> => {
  const law = (name: string, tolerance: number, deviation: (scene: Scene) => number) =>
    Law.make({ name: `step ${name}`, cases: Batch, tolerance, deviation: (of) => deviation(sceneOf(of)) })
  const followed = (scene: Scene, part: Partial<Step.Variant>, set: Partial<Oracle.Numbers> = {}) =>
    gradientOf(make, scene, { modified: scene.projections.map(() => false), ...part }, set)
  return [
    law("is the paper's: the gradient at θ + ρ ∇L/‖∇L‖, times P, from θ", 1e-7, (scene) =>
      isGeneric(scene) && isSmooth(scene)
        ? relatives(run(make, scene, variants.paper, numbers).state, Oracle.paper(scene, numbers))
        : 0
    ),
    law("is the code's: (1−f) ∇L_mix(w) + f ∇L_flat(w′), times P, from w′", 1e-7, (scene) =>
      isGeneric(scene) && isSmooth(scene)
        ? relatives(run(make, scene, variants.code, numbers).state, Oracle.code(scene, numbers))
        : 0
    ),
    law("without perturbation and modification is plain SGD", 1e-9, (scene) => {
      const modified = scene.projections.map(() => false)
      const gradients = Oracle.gradientsOf(scene.parameters, scene.x, scene.y)
      const expected = Oracle.sgd(scene.parameters, scene.velocities, gradients, numbers)
      return relatives(run(make, scene, { modified }, numbers).state, expected)
    }),
    law("follows the loss: finite differences agree, with mixup and without", 1e-6, (scene) => {
      if (!isSmooth(scene)) return 0
      const [mx, my] = [Oracle.mix(scene.x, scene), Oracle.mix(scene.y, scene)]
      const { parameters } = scene
      const mixedIsSmooth = isSmooth({ ...scene, x: mx })
      return worst([
        relatives(
          followed(scene, variants.plain),
          differences(parameters, (at) => Oracle.lossOf(at, scene.x, scene.y)),
          1
        ),
        mixedIsSmooth
          ? relatives(
              followed(scene, variants.mixup),
              differences(parameters, (at) => Oracle.lossOf(at, mx, my)),
              1
            )
          : 0
      ])
    }),
    law("restores: with rate 0 the paper's perturbation leaves every bit of the weights", 0, (scene) => {
      const { state } = run(make, scene, variants.paper, { ...numbers, rate: 0 })
      return worst(Object.entries(scene.parameters).map(([name, w]) => relative(Ops.get(state, name).data, w.data)))
    }),
    law("drifts by ρ, tensor by tensor, in the code's form", 1e-9, (scene) => {
      const { state } = run(make, scene, variants.code, { ...numbers, rate: 0 })
      const mixed = Oracle.gradientsOf(scene.parameters, Oracle.mix(scene.x, scene), Oracle.mix(scene.y, scene))
      return worst(
        Object.entries(scene.parameters).map(([name, w]) => {
          const size = Oracle.norm([Ops.get(mixed, name)])
          if (size < 1e-9) return 0
          const moved = Oracle.norm([Oracle.combine(Ops.get(state, name), w, (a, b) => a - b)])
          return Math.abs(moved - numbers.rho) / numbers.rho
        })
      )
    }),
    law("for ρ = 0 turns the code's flat loss into the label mix λ′ = (1−f) λ + f", 1e-9, (scene) => {
      const share = 0.3
      const mixed = Oracle.mix(scene.x, scene)
      const weight = (1 - share) * scene.lambda + share
      const labels = Oracle.mix(scene.y, { ...scene, lambda: weight })
      const expected = Oracle.gradientsOf(scene.parameters, mixed, labels)
      return relatives(followed(scene, variants.code, { rho: 0, share }), expected, 1e-6)
    }),
    law("projects activations as it would the gradient: Δᵀ (A P) = (Δᵀ A) P", 1e-9, (scene) =>
      worst(
        Object.values(variants).map((part) => {
          const plain = followed(scene, part, { rho: 0.3 })
          const found = gradientOf(make, scene, part, { rho: 0.3 })
          return relatives(found, Oracle.modify(plain, scene.projections), 1e-6)
        })
      )
    ),
    law("never modifies a bias", 1e-12, (scene) => {
      const on = run(make, scene, variants.paper, numbers).state
      const off = run(make, scene, { ...variants.paper, modified: scene.projections.map(() => false) }, numbers).state
      const biases = Object.keys(scene.parameters).filter((name) => !Head.isWeight(name))
      return worst(biases.map((name) => relative(Ops.get(on, name).data, Ops.get(off, name).data)))
    }),
    law("is finite at a zero gradient, at saturated logits and at a one-class batch", 0, (scene) => {
      const zero = {
        ...scene,
        parameters: Ops.mapNamed(scene.parameters, ({ shape }) => Tensor.zeros(shape)),
        x: Tensor.zeros(scene.x.shape)
      }
      const [batch, classes] = Float64.dims(scene.y)
      const uniform = Tensor.float64([batch, classes], new Float64Array(batch * classes).fill(1 / classes))
      const one = Tensor.float64(
        [batch, classes],
        scene.y.data.map((_, i) => (i % classes === 0 ? 1 : 0))
      )
      const saturated = {
        ...scene,
        parameters: Ops.mapNamed(scene.parameters, (w) => ops.multiply(w, ops.scalar(1e3)))
      }
      const scenes = [
        { ...zero, y: uniform },
        { ...saturated, y: one },
        { ...scene, y: one }
      ]
      return worst(
        scenes.flatMap((each) =>
          [variants.paper, variants.code].map((part) => finite(run(make, each, part, numbers).state))
        )
      )
    }),
    law("does not care how classes are named: renaming them permutes the last layer", 1e-9, (scene) => {
      const [, classes] = Float64.dims(scene.y)
      const order = Array.from({ length: classes }, (_, c) => (c + 1) % classes)
      const [w, b] = [`W${scene.depth}`, `b${scene.depth}`]
      const rows = (tensor: Float64.Matrix) => Tensor.takeRows(tensor, order)
      const columns = (tensor: Float64.Matrix) => {
        const [height, width] = Float64.dims(tensor)
        return Tensor.float64(
          [height, width],
          tensor.data.map((_, i) => tensor.data[Math.floor(i / width) * width + order[i % width]!]!)
        )
      }
      const renamed = (tensors: Ops.Named<Float64.Matrix>) => ({
        ...tensors,
        [w]: rows(Ops.get(tensors, w)),
        [b]: columns(Ops.get(tensors, b))
      })
      const there = { ...scene, parameters: renamed(scene.parameters), y: columns(scene.y) }
      return worst(
        Object.values(variants).map((part) =>
          relatives(followed(there, part, { rho: 0 }), renamed(followed(scene, part, { rho: 0 })), 1e-6)
        )
      )
    })
  ]
}

/** The law that many heads can be stepped at once, for every variant. */
export const stackLaws = (make: MakeStep = Step.make): ReadonlyArray<Law.Law> => [
  Law.make({
    name: "step of several heads as one stack is the step of each alone, bit for bit",
    cases: Batch,
    tolerance: 0,
    deviation: (of) => {
      const scenes = [0, 1, 2].map((k) => sceneOf({ ...of, seed: of.seed + k }))
      const contexts = scenes.map((scene, k) =>
        contextOf(scene, { ...numbers, rho: 0.1 * (k + 1), rate: 0.01 * (k + 1) })
      )
      const stacked = (of: (context: Method.StepContext<Float64.Matrix>) => Ops.Named<Float64.Matrix>) =>
        Ops.mapNamed(of(contexts[0]!), (_, name) =>
          Float64.stack(contexts.map((context) => Ops.get(of(context), name)))
        )
      return worst(
        Object.values(variants).map((part) => {
          const step = make(variantOf(scenes[0]!, part))
          const together = step.run(ops, {
            state: stacked(({ state }) => state),
            inputs: stacked(({ inputs }) => inputs),
            reads: stacked(({ reads }) => reads),
            draws: stacked(({ draws }) => draws)
          })
          return worst(
            contexts.flatMap((context, k) => {
              const alone = step.run(ops, context)
              const same = (a: Ops.Named<Float64.Matrix>, b: Ops.Named<Float64.Matrix>) =>
                Object.entries(b).map(([name, expected]) =>
                  relative(Float64.layerOf(Ops.get(a, name), k).data, expected.data)
                )
              return [...same(together.state, alone.state), ...same(together.trace, alone.trace)]
            })
          )
        })
      )
    }
  })
]

/** The function under test: a perturbation. */
export type Perturb = typeof Sharpness.perturb

/** The laws of a perturbation, in both scopes of its norm. */
export const perturbationLaws = (perturb: Perturb = Sharpness.perturb): ReadonlyArray<Law.Law> => {
  const forms = (["global", "tensor"] as const).flatMap((norm) =>
    [true, false].map((restored): Sharpness.Form => ({ ...Sharpness.paper, norm, restored }))
  )
  const law = (name: string, tolerance: number, deviation: (scene: Scene, form: Sharpness.Form) => number) =>
    Law.make({
      name: `perturbation ${name}`,
      cases: Batch,
      tolerance,
      deviation: (of) => worst(forms.map((form) => deviation(sceneOf(of), form)))
    })
  const perturbed = ({ depth, parameters, x, y }: Scene, form: Sharpness.Form, rho: number) => {
    const layers = Head.layers(ops, depth, parameters)
    const pass = Head.forward(ops, layers, x)
    const delta = Oracle.deltaOf(pass.logits, y)
    const factors = { activations: pass.activations, deltas: Head.backward(ops, layers, pass, delta) }
    return perturb(ops, form, parameters, factors, ops.scalar(rho))
  }
  const moves = (scene: Scene, form: Sharpness.Form, rho: number) => {
    const moved = perturbed(scene, form, rho).moved()
    return Ops.mapNamed(scene.parameters, (w, name) => Oracle.combine(Ops.get(moved, name), w, (a, b) => a - b))
  }
  return [
    law("is as long as ρ: over all parameters, or in each tensor", 1e-7, (scene, form) => {
      const rho = 0.3
      const gradients = Oracle.gradientsOf(scene.parameters, scene.x, scene.y)
      const epsilon = moves(scene, form, rho)
      const whole = Oracle.norm(Object.values(gradients))
      if (form.norm === "global") return whole < 1e-6 ? 0 : Math.abs(Oracle.norm(Object.values(epsilon)) - rho) / rho
      return worst(
        Object.entries(epsilon).map(([name, e]) =>
          Oracle.norm([Ops.get(gradients, name)]) < 1e-6 ? 0 : Math.abs(Oracle.norm([e]) - rho) / rho
        )
      )
    }),
    law("in low rank passes as the formed weights pass, forward and backward", 1e-9, (scene, form) => {
      const { layers, moved } = perturbed(scene, form, 0.3)
      const pass = (through: ReadonlyArray<Head.Layer<Float64.Matrix>>) => {
        const forward = Head.forward(ops, through, scene.x)
        const delta = Oracle.deltaOf(forward.logits, scene.y)
        return [forward.logits, ...Head.backward(ops, through, forward, delta)]
      }
      const expected = pass(Head.layers(ops, scene.depth, moved()))
      return worst(pass(layers).map((found, i) => relative(found.data, expected[i]!.data, 1)))
    }),
    law("of a zero gradient is none, and is counted", 0, (scene, form) => {
      const activations = scene.projections.map((p) => Tensor.zeros([2, p.shape[0]!]))
      const deltas = scene.head.widths.slice(1).map((width) => Tensor.zeros([2, width]))
      const found = perturb(ops, form, scene.parameters, { activations, deltas }, ops.scalar(1))
      const expected = form.norm === "global" ? 1 : 2 * scene.depth
      return Math.max(relatives(found.moved(), scene.parameters), Math.abs(found.zeros.data[0]! - expected))
    })
  ]
}
