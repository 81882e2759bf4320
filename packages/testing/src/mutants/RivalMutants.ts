/** Wrong implementations of the rivals, as they occur in public code. */
import { Balances, Float64, type JointStep, Mla, Modification, Ops, Sharpness } from "@igm/gradient"
import * as MlaLaws from "../laws/MlaLaws.ts"
import * as ResidualLaws from "../laws/ResidualLaws.ts"
import * as RuleLaws from "../laws/RuleLaws.ts"
import * as JointTrainingLaws from "../laws/JointTrainingLaws.ts"
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

/** The gradient of each head's own loss still contains that of the sum's loss. */
const accumulated: JointStep.Balance = {
  ...Balances.mmPareto,
  shares: (on, seen) => {
    const heads = Ops.mapNamed(seen.heads, (head) => ({
      ...head,
      own: () => {
        const { activations, deltas } = head.own()
        return { activations, deltas: deltas.map((delta, i) => on.add(delta, head.sum.deltas[i]!)) }
      }
    }))
    return Ops.mapNamed(Balances.mmPareto.shares(on, { ...seen, heads }), ({ sum, own }) => ({
      sum: on.add(sum, own!),
      own
    }))
  }
}

/** Sets both weights to 0 where the gradients disagree, and stretches the result by 1/0. */
const noWeights: JointStep.Balance = {
  ...Balances.mmPareto,
  shares: (on, seen) =>
    Ops.mapNamed(Balances.mmPareto.shares(on, seen), (share, name) => {
      const { sum, own } = Ops.get(seen.heads, name)
      const other = own()
      const names = sum.deltas.flatMap((_, i) => [`W${i + 1}`, `b${i + 1}`])
      const product = names
        .map((p) => on.sum(on.multiply(Sharpness.gradientOf(on, sum, p), Sharpness.gradientOf(on, other, p)), "all"))
        .reduce(on.add)
      const agree = on.greater(product, on.scalar(0))
      const broken = on.divide(on.scalar(0), on.scalar(0))
      return { sum: on.where(agree, share.sum, broken), own: on.where(agree, share.own!, broken) }
    })
}

/** Gives both gradients equal weights where they disagree. */
const neverShortest: JointStep.Balance = {
  ...Balances.mmPareto,
  shares: (on, { heads }) => Ops.mapNamed(heads, () => ({ sum: on.scalar(1.5), own: on.scalar(1.5) }))
}

/** Only the last head is slowed. */
const lastOnly = (noise: boolean): JointStep.Balance => ({
  ...Balances.ogm(noise),
  shares: (on, seen) => {
    const last = Object.keys(seen.heads).at(-1)
    return Ops.mapNamed(Balances.ogm(noise).shares(on, seen), (share, name) =>
      name === last ? share : { sum: on.scalar(1), own: null }
    )
  }
})

const signLost: JointTrainingLaws.Weights = (curves) => {
  const raw = Ops.mapNamed(curves, ({ before, after }) => {
    const overfitting = after.valid - after.train - (before.valid - before.train)
    return Math.abs(before.valid - after.valid) / Math.max(overfitting ** 2, 1e-4)
  })
  const total = Object.values(raw).reduce((a, b) => a + b, 0)
  return Ops.mapNamed(raw, (w) => w / total)
}

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
    name: "MMPareto does not clear gradients between its backward passes",
    from: "BalanceBenchmark",
    laws: JointTrainingLaws.laws({ mmPareto: accumulated })
  },
  {
    name: "MMPareto's weights are 0 and 0 where gradients disagree, which ends in 0/0",
    from: "BalanceBenchmark",
    laws: JointTrainingLaws.laws({ mmPareto: noWeights })
  },
  {
    name: "MMPareto follows the plain sum where gradients disagree",
    from: "slip in the branch",
    laws: JointTrainingLaws.laws({ mmPareto: neverShortest })
  },
  { name: "OGM slows the last head alone", from: "BalanceBenchmark", laws: JointTrainingLaws.laws({ ogm: lastOnly }) },
  {
    name: "OGM touches tensors of four axes alone, of which a head has none",
    from: "OGM-GE's code, on heads",
    laws: JointTrainingLaws.laws({ ogm: (noise) => ({ ...Balances.plain, noise }) })
  },
  {
    name: "G-Blending takes |G/O²|, and so rewards a loss that got worse",
    from: "BalanceBenchmark",
    laws: JointTrainingLaws.blendingLaws(signLost)
  },
  {
    name: "ReconBoost's agreement term is detached on both sides",
    from: "ReconBoost's code",
    laws: ResidualLaws.laws((y) => y)
  },
  {
    name: "a loss on frozen features gives a head no gradient: its rule is dead",
    from: "PMR and UMT, on heads",
    laws: RuleLaws.laws({
      name: "dead rule",
      description: "changes nothing, without saying so",
      identity: false,
      apply: (_, gradients) => gradients
    })
  }
]
