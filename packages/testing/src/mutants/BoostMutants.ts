/** Wrong implementations of ReconBoost, as they occur in public code, and slips in its steps. */
import { BoostStep, Float64, Ops } from "@igm/gradient"
import * as BoostLaws from "../laws/BoostLaws.ts"
import { type Mutant, eager } from "./Mutant.ts"

const { ops } = Float64

/** The targets of one form where the other is asked for. */
const swapped: BoostLaws.Targets = (on, form, ...of) =>
  BoostStep.targets(on, form === "labelled" ? "residual" : "labelled", ...of)

/** A rectifying step that gets other inputs than it is given. */
const rectifiesWith =
  (change: (values: Ops.Named<Float64.Matrix>) => Ops.Named<Float64.Matrix>): typeof BoostStep.rectify =>
  (...of) => {
    const step = BoostStep.rectify(...of)
    return {
      ...step,
      run: eager((context) =>
        step.run(ops, { ...context, state: change(context.state), inputs: change(context.inputs) })
      )
    }
  }

/** β = 1, whatever it is. */
const one = (values: Ops.Named<Float64.Matrix>) =>
  Ops.mapNamed(values, (value, name) => (name === BoostStep.BOOST ? ops.scalar(1) : value))

/** The mutants. */
export const mutants: ReadonlyArray<Mutant> = [
  {
    name: "ReconBoost's agreement term is detached on both sides",
    from: "ReconBoost's code",
    laws: BoostLaws.laws((_, __, ___, y) => y)
  },
  {
    name: "ReconBoost's labelled loss runs over all classes, and the residual one over the label alone",
    from: "misreading of the code and the paper",
    laws: BoostLaws.laws(swapped)
  },
  {
    name: "ReconBoost's second term has the wrong sign",
    from: "slip in the loss",
    laws: BoostLaws.laws((on, form, { own, others }, ...of) =>
      BoostStep.targets(on, form, { own, others: on.multiply(on.scalar(-1), others) }, ...of)
    )
  },
  {
    name: "ReconBoost's first turn is on the labels alone, where the released code takes q = 1",
    from: "misreading of the code",
    laws: BoostLaws.laws((on, form, weights, y, others, boost) =>
      others.length === 0 ? on.multiply(weights.own, y) : BoostStep.targets(on, form, weights, y, others, boost)
    )
  },
  {
    name: "ReconBoost's boost rate does not reach the others' predictions",
    from: "slip in the loss",
    laws: BoostLaws.laws((on, form, weights, y, others) =>
      BoostStep.targets(on, form, weights, y, others, on.scalar(1))
    )
  },
  {
    name: "ReconBoost's shared head follows the gradient of the first modality alone when it is rectified",
    from: "slip in the step",
    laws: BoostLaws.stepLaws({
      rectify: (variant, trained) => {
        const step = BoostStep.rectify(variant, trained)
        const apart = BoostStep.rectify({ ...variant, shared: false }, trained)
        if (!variant.shared) return step
        return {
          ...step,
          run: eager((context) => {
            const renamed = Object.keys(variant.heads).flatMap((modality) =>
              Object.entries(context.state).map(([name, value]) => [name.replace(/^shared/, modality), value] as const)
            )
            const found = apart.run(ops, { ...context, state: Object.fromEntries(renamed) })
            const [first] = Object.keys(variant.heads)
            const state = Object.entries(found.state).flatMap(([name, value]) => {
              if (name.startsWith(`${first}/`)) return [[`shared${name.slice(first!.length)}`, value] as const]
              return name.includes("/") ? [] : [[name, value] as const]
            })
            return { ...found, state: Object.fromEntries(state) }
          })
        }
      }
    })
  },
  {
    name: "ReconBoost's heads are rectified without the boost rate",
    from: "slip in the step",
    laws: BoostLaws.stepLaws({ rectify: rectifiesWith(one) })
  },
  {
    name: "ReconBoost's boost rate is not trained where it is to be",
    from: "slip in a switch",
    laws: BoostLaws.stepLaws({ rectify: (variant) => BoostStep.rectify(variant, false) })
  },
  {
    name: "ReconBoost's boosting step does not see the others",
    from: "slip in the step",
    laws: BoostLaws.stepLaws({ boost: (variant, form, modality) => BoostStep.boost(variant, form, modality, []) })
  }
]
