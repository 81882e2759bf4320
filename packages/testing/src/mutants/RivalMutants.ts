/** Wrong implementations of rivals that balance heads, as they occur in public code, and slips in their switches. */
import { Balances, GradientBlending, JointStep, JointTraining, Ops, Sharpness } from "@igm/gradient"
import * as BlendingLaws from "../laws/BlendingLaws.ts"
import * as JointTrainingLaws from "../laws/JointTrainingLaws.ts"
import * as RivalPlanLaws from "../laws/RivalPlanLaws.ts"
import * as RuleLaws from "../laws/RuleLaws.ts"
import type { Mutant } from "./Mutant.ts"

/** A balance with other shares, by head and tensor. */
const withShares = (
  balance: JointStep.Balance,
  change: <T>(
    ops: Ops.Ops<T>,
    seen: JointStep.Seen<T>,
    share: JointStep.Share<T>,
    head: string,
    tensor: string
  ) => JointStep.Share<T>
): JointStep.Balance => ({
  ...balance,
  shares: (on, seen) =>
    Ops.mapNamed(
      balance.shares(on, seen),
      (shareOf, head) => (tensor) => change(on, seen, shareOf(tensor), head, tensor)
    )
})

/** The gradient of each head's own loss still contains that of the sum's loss. */
const accumulated = (form: Balances.ParetoForm): JointStep.Balance => {
  const balance = Balances.mmPareto(form)
  return {
    ...balance,
    shares: (on, seen) => {
      const heads = Ops.mapNamed(seen.heads, (head) => ({
        ...head,
        own: () => {
          const { activations, deltas } = head.own()
          return { activations, deltas: deltas.map((delta, i) => on.add(delta, head.sum.deltas[i]!)) }
        }
      }))
      return Ops.mapNamed(balance.shares(on, { ...seen, heads }), (shareOf) => (tensor) => {
        const { sum, own } = shareOf(tensor)
        return { sum: on.add(sum, own!), own }
      })
    }
  }
}

/** Sets both weights to 0 where the gradients disagree, and stretches the result by 1/0. */
const noWeights = (form: Balances.ParetoForm): JointStep.Balance =>
  withShares(Balances.mmPareto(form), (on, seen, share, head) => {
    const { sum, own } = Ops.get(seen.heads, head)
    const other = own()
    const names = sum.deltas.flatMap((_, i) => [`W${i + 1}`, `b${i + 1}`])
    const product = names
      .map((p) => on.sum(on.multiply(Sharpness.gradientOf(on, sum, p), Sharpness.gradientOf(on, other, p)), "all"))
      .reduce(on.add)
    const agree = on.greater(product, on.scalar(0))
    const broken = on.divide(on.scalar(0), on.scalar(0))
    return { sum: on.where(agree, share.sum, broken), own: on.where(agree, share.own!, broken) }
  })

/** Gives both gradients equal weights where they disagree. */
const neverShortest = (form: Balances.ParetoForm): JointStep.Balance =>
  withShares(Balances.mmPareto(form), (on) => ({ sum: on.scalar(1.5), own: on.scalar(1.5) }))

/** Only the last head is slowed. */
const lastOnly = (form: Balances.OgmForm): JointStep.Balance =>
  withShares(Balances.ogm(form), (on, seen, share, head) =>
    head === Object.keys(seen.heads).at(-1) ? share : { sum: on.scalar(1), own: null }
  )

const signLost: BlendingLaws.Weights = (curves) =>
  GradientBlending.weights(curves, { sign: "lost", leastOverfitting: 1e-2 })

/** Weights from all layers' gradients, on the tensors that are balanced. */
const decidesOnAll = (form: Balances.ParetoForm): JointStep.Balance => {
  const all = Balances.mmPareto({ ...form, tensors: "all" })
  return withShares(all, (on, seen, share, head, tensor) => {
    const depth = Ops.get(seen.heads, head).sum.deltas.length
    return JointStep.isAmong(form.tensors, depth, tensor) ? share : { sum: on.scalar(1), own: on.scalar(1) }
  })
}

/** The mutants. */
export const mutants: ReadonlyArray<Mutant> = [
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
    laws: JointTrainingLaws.laws({ ogm: (form) => ({ ...Balances.ogm(form), shares: Balances.plain.shares }) })
  },
  {
    name: "OGM-GE slows the last layer and the biases where it should leave them alone",
    from: "slip in a switch",
    laws: JointTrainingLaws.laws({
      ogm: (form) => ({ ...Balances.ogm({ ...form, tensors: "all" }), noise: Balances.ogm(form).noise })
    })
  },
  {
    name: "OGM-GE's noise has no floor, and reaches every tensor",
    from: "slip in a switch",
    laws: JointTrainingLaws.laws({
      ogm: (form) => ({ ...Balances.ogm(form), noise: form.noise ? { tensors: form.tensors, floor: 0 } : null })
    })
  },
  {
    name: "OGM-GE never ends",
    from: "the paper's rule in the place of the code's",
    laws: RivalPlanLaws.ogmLaws((options, own) => JointTraining.ogmGe(options, { ...own, until: null }))
  },
  {
    name: "OGM-GE ends an epoch early",
    from: "slip in the bound, which is inclusive",
    laws: RivalPlanLaws.ogmLaws((options, { until, ...own } = {}) =>
      JointTraining.ogmGe(options, { ...own, until: Math.max((until ?? 0) - 1, 0) })
    )
  },
  {
    name: "MMPareto as released lengthens a head's gradient as a whole",
    from: "slip in a switch",
    laws: JointTrainingLaws.laws({ mmPareto: (form) => Balances.mmPareto({ ...form, lengthened: "head" }) })
  },
  {
    name: "MMPareto lengthens each tensor by itself where the whole should be",
    from: "MMPareto's code, in the place of the paper's",
    laws: JointTrainingLaws.laws({ mmPareto: (form) => Balances.mmPareto({ ...form, lengthened: "tensor" }) })
  },
  {
    name: "MMPareto as released balances last layers too",
    from: "slip in a switch",
    laws: JointTrainingLaws.laws({ mmPareto: (form) => Balances.mmPareto({ ...form, tensors: "all" }) })
  },
  {
    name: "MMPareto decides on all layers, and balances hidden ones",
    from: "slip in a switch",
    laws: JointTrainingLaws.laws({ mmPareto: decidesOnAll })
  },
  {
    name: "MMPareto's factor is not applied",
    from: "slip in the length",
    laws: JointTrainingLaws.laws({ mmPareto: (form) => Balances.mmPareto({ ...form, factor: 1 }) })
  },
  {
    name: "G-Blending keeps the sign where it is to be lost",
    from: "slip in a switch",
    laws: BlendingLaws.laws((curves) => GradientBlending.weights(curves))
  },
  {
    name: "G-Blending takes |G/O²|, and so rewards a loss that got worse",
    from: "BalanceBenchmark",
    laws: BlendingLaws.laws(signLost)
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
