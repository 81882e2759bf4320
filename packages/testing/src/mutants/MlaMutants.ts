/** Wrong implementations of MLA, as they occur in public code, and slips in its switches. */
import { Float64, Mla, Modification, Ops } from "@igm/gradient"
import * as MlaLaws from "../laws/MlaLaws.ts"
import * as RivalPlanLaws from "../laws/RivalPlanLaws.ts"
import { type Mutant, eager } from "./Mutant.ts"

const { ops } = Float64

/**
 * MLA's step with other matrices in the place of P where gradients are multiplied by it; P itself is updated correctly.
 */
const withMatrices =
  (change: (p: Float64.Matrix) => Float64.Matrix): MlaLaws.MakeStep =>
  (...of) => {
    const step = Mla.step(...of)
    return {
      ...step,
      run: eager((context) => {
        const state = Ops.mapNamed(context.state, (value, name) => (name.startsWith("P") ? change(value) : value))
        const [wrong, honest] = [step.run(ops, { ...context, state }), step.run(ops, context)]
        const next = Ops.mapNamed(wrong.state, (value, name) => (name.startsWith("P") ? honest.state[name]! : value))
        return { ...wrong, state: next }
      })
    }
  }

/** MLA's step with other switches than it is asked for. */
const withForm =
  (change: (form: Mla.Form) => Mla.Form): MlaLaws.MakeStep =>
  (head, order, batch, kind, form = Mla.paper) =>
    Mla.step(head, order, batch, kind, form === null ? null : change(form))

/** MLA's matrix with other switches than it is asked for. */
const forgetsBy =
  (
    change: (form: Pick<Mla.Form, "divisor" | "normalized">) => Pick<Mla.Form, "divisor" | "normalized">
  ): MlaLaws.Forget =>
  (on, p, r, alpha, form = Mla.paper) =>
    Mla.forget(on, p, r, alpha, change(form))

const other = <A>(value: A, [a, b]: readonly [A, A]): A => (value === a ? b : a)

/** The mutants. */
export const mutants: ReadonlyArray<Mutant> = [
  {
    name: "MLA's projection is applied to a parameter that does not exist",
    from: "MLA's code",
    laws: MlaLaws.stepLaws(withMatrices(({ shape }) => Modification.identity(shape[0]!)))
  },
  {
    name: "MLA adds G Pᵀ to G instead of replacing it",
    from: "BalanceBenchmark",
    laws: MlaLaws.stepLaws(withMatrices((p) => ops.add(p, Modification.identity(p.shape[0]!))))
  },
  {
    name: "MLA's P is divided by its norm, so that it shrinks everything",
    from: "MLA's code",
    laws: MlaLaws.forgetLaws((on, p, r, alpha) => {
      const next = Mla.forget(on, p, r, alpha)
      return on.divide(next, on.sqrt(on.sum(on.multiply(next, next), "all")))
    })
  },
  {
    name: "MLA's P is not divided by its norm where it is to be",
    from: "slip in a switch",
    laws: MlaLaws.codeForgetLaws(forgetsBy((form) => ({ ...form, normalized: false })))
  },
  {
    name: "MLA divides k kᵀ by the number α + kᵀ r where the released code divides by a matrix",
    from: "slip in a switch",
    laws: MlaLaws.codeForgetLaws(forgetsBy((form) => ({ ...form, divisor: "number" })))
  },
  {
    name: "MLA divides k kᵀ number by number by α + k rᵀ, a product in the wrong order",
    from: "MLA's code",
    laws: MlaLaws.forgetLaws(forgetsBy((form) => ({ ...form, divisor: "matrix" })))
  },
  {
    name: "MLA uses P before its update where it should after, and the other way round",
    from: "MLA's code",
    laws: MlaLaws.stepLaws(withForm((form) => ({ ...form, used: other(form.used, ["before", "after"]) })))
  },
  {
    name: "MLA's first batch changes P where it should not",
    from: "slip in a switch",
    laws: MlaLaws.stepLaws(withForm((form) => ({ ...form, skipsFirst: false })))
  },
  {
    name: "MLA projects where there is no projection",
    from: "slip in a switch",
    laws: MlaLaws.stepLaws((head, order, batch, kind, form) => Mla.step(head, order, batch, kind, form ?? Mla.paper))
  },
  {
    name: "MLA's α falls from epoch to epoch",
    from: "slip in the schedule",
    laws: RivalPlanLaws.mlaLaws((options) => {
      const method = Mla.make(options)
      return {
        ...method,
        phase: (job, at) => {
          const phase = method.phase(job, at)
          const draws = (cursor: typeof at) => {
            const { steps, values } = phase.draws(cursor)
            const alpha = Ops.get(values, "alpha")
            const fallen = { ...alpha, data: alpha.data.map(() => (options.alpha ?? 0.1) ** (1 + cursor.epoch)) }
            return { steps, values: { ...values, alpha: fallen as typeof alpha } }
          }
          return { ...phase, draws }
        }
      }
    })
  },
  {
    name: "MLA skips the first batch of every epoch",
    from: "slip in the schedule",
    laws: RivalPlanLaws.mlaLaws((options) => {
      const method = Mla.make(options)
      return {
        ...method,
        phase: (job, at) => {
          const phase = method.phase(job, at)
          return { ...phase, draws: (cursor) => phase.draws({ ...cursor, epoch: 0 }) }
        }
      }
    })
  }
]
