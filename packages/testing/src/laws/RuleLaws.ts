/** Laws of every gradient rule, including a user's. */
import { Float64, Head, Ops, type Rule } from "@igm/gradient"
import { Tensor } from "@igm/tensor"
import { Batch, type Scene, sceneOf } from "../Cases.ts"
import { above, relatives, worst } from "../Distance.ts"
import * as Law from "../Law.ts"
import * as Oracle from "../Oracle.ts"

const { ops } = Float64

/** `Ops` with every result rounded to single precision, in which trainings run. */
const single: Ops.Ops<Float64.Matrix> = Object.fromEntries(
  Object.entries(ops).map(([name, operation]) => [
    name,
    (...operands: ReadonlyArray<never>) => {
      const { shape, data } = (operation as (...operands: ReadonlyArray<never>) => Float64.Matrix)(...operands)
      return Tensor.float64(shape, data.map(Math.fround))
    }
  ])
) as unknown as Ops.Ops<Float64.Matrix>

/** Further properties that a rule may claim; each claim is tested. */
export interface Claims {
  /** Claims that no gradient becomes longer. */
  readonly contracts?: boolean
  /** Claims that the inner product of the rule's gradient and the given one is never negative. */
  readonly descends?: boolean
}

const everything = (tensors: Ops.Named<Float64.Matrix>): number => Oracle.norm(Object.values(tensors))

/** The laws of a rule. */
export const laws = (rule: Rule.Rule, claims: Claims = {}): ReadonlyArray<Law.Law> => {
  const law = (name: string, tolerance: number, deviation: (scene: Scene) => number) =>
    Law.make({ name: `${rule.name} ${name}`, cases: Batch, tolerance, deviation: (of) => deviation(sceneOf(of)) })
  const contextOf = ({ parameters, head, x }: Scene) => ({
    parameters,
    inputs: Object.fromEntries(
      Head.forward(ops, Head.layers(ops, Head.depth(head), parameters), x).activations.map((a, i) => [
        `W${i + 1}`,
        ops.multiply(ops.sum(a, "rows"), ops.scalar(1 / a.shape[0]!))
      ])
    )
  })
  const gradients = ({ parameters, x, y }: Scene) => Oracle.gradientsOf(parameters, x, y)
  const apply = (scene: Scene, g: Ops.Named<Float64.Matrix>) => rule.apply(ops, g, contextOf(scene))
  const all = [
    law("keeps the parameters' names and shapes", 0, (scene) => {
      const [before, after] = [gradients(scene), apply(scene, gradients(scene))]
      const shapes = (g: Ops.Named<Float64.Matrix>) =>
        JSON.stringify(
          Object.entries(g)
            .map(([name, { shape }]) => [name, shape])
            .toSorted()
        )
      return shapes(before) === shapes(after) ? 0 : 1
    }),
    law("fires: it changes a generic gradient, or says `identity: true`", 0, (scene) => {
      // Normal numbers: a batch's own gradient may be zero in what a rule would change.
      const g = scene.velocities
      const changed = relatives(apply(scene, g), g) > 1e-12
      return changed === !rule.identity ? 0 : 1
    }),
    law("is finite, at a zero gradient too, and in single precision", 0, (scene) => {
      const zero = Ops.mapNamed(scene.parameters, ({ shape }) => Tensor.zeros(shape))
      const results = [zero, gradients(scene)].flatMap((g) => [
        apply(scene, g),
        rule.apply(single, g, contextOf(scene))
      ])
      return results.every((g) => Object.values(g).every(({ data }) => data.every(Number.isFinite))) ? 0 : Number.NaN
    }),
    law("gives the same for the same", 0, (scene) => {
      const [a, b] = [apply(scene, gradients(scene)), apply(scene, gradients(scene))]
      const same = Object.entries(a).every(([name, g]) =>
        g.data.every((x, i) => Object.is(x, Ops.get(b, name).data[i]))
      )
      return same ? 0 : 1
    })
  ]
  const contracts = law("makes no gradient longer", 1e-12, (scene) => {
    const g = gradients(scene)
    return above(everything(apply(scene, g)), everything(g))
  })
  const descends = law("keeps to the gradient's side", 1e-12, (scene) => {
    const g = gradients(scene)
    const after = apply(scene, g)
    const product = Object.entries(g).map(([name, a]) => ops.sum(ops.multiply(a, Ops.get(after, name)), "all").data[0]!)
    return worst([
      above(
        0,
        product.reduce((a, b) => a + b, 0)
      )
    ])
  })
  return [...all, ...(claims.contracts ? [contracts] : []), ...(claims.descends ? [descends] : [])]
}
