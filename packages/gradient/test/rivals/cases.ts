/**
 * The rivals' cases: each trains by a released code (`tools/reference/rivals.py`) and by our method with the switches set
 * so, and has other settings of ours, whose distance from the released code is a number of docs/method.md.
 */
import { Distance } from "@igm/testing"
import {
  Balances,
  Float64,
  GradientBlending,
  Head,
  JointTraining,
  type Method,
  Mla,
  Ops,
  ReconBoost,
  Ring,
  Selection,
  Turns
} from "../../src/index.ts"
import { type Inputs, type Trajectory, type Widths, jobOf, modalities, startOf, train } from "./trajectory.ts"

const head = Head.make(12, 7, 5)
const optimizer = { kind: "sgd", rate: 0.05, momentum: 0.9, weightDecay: 1e-4 } as const
const ring = (rounds: number) => Ring.make(modalities, { rounds, epochs: { audio: 1, visual: 1 } })
const options = { heads: { audio: head, visual: head }, selection: Selection.best("accuracy"), batch: 8, optimizer }
const together = { ...options, ring: ring(4) }
const alternating = { head: Head.make(12, 5), ring: ring(4), selection: options.selection, batch: 8, optimizer }
const boosting = { ...options, ring: ring(2), optimizer: { ...optimizer, weightDecay: 5e-4 } }
const boosted = { ...ReconBoost.released, rectify: 1 }

/** A training of ours beside a released code's. */
export interface Case {
  /** The golden case. */
  readonly golden: string
  /** The difference in settings from the released code, or none of them. */
  readonly name: string
  readonly isReleased: boolean
  readonly method: Make
  readonly train: (inputs: Inputs) => Trajectory
}

type Make = (inputs: Inputs) => Method.Method<Widths>

const caseOf = (
  golden: string,
  name: string,
  method: Make,
  { owners = modalities, from, epochs = 4, scale = 1, isReleased = false }: Partial<Settings> = {}
): Case => ({
  golden,
  name,
  isReleased,
  method,
  train: (inputs) => train(method(inputs), inputs, startOf(inputs, owners, from), { epochs, scale })
})

interface Settings {
  readonly owners: ReadonlyArray<string>
  readonly from: (owner: string) => string
  readonly epochs: number
  readonly scale: number
  readonly isReleased: boolean
}

const released = { isReleased: true }
const linear = { owners: ["shared"], from: () => "linear", scale: 1 / 32 }
const one = { owners: ["shared"], epochs: 8 }
const two = { epochs: 8 }
const ogm = { ...JointTraining.ogmGeAsReleased, until: 1 }

/** The curves that the released code found, of each loss trained by itself. */
const curvesOf = (inputs: Inputs): Ops.Named<GradientBlending.Curve> => {
  const { data } = Ops.get(inputs, "blending/curves")
  const curve = (i: number): GradientBlending.Curve => ({
    before: { train: data[4 * i]!, valid: data[4 * i + 1]! },
    after: { train: data[4 * i + 2]!, valid: data[4 * i + 3]! }
  })
  return { audio: curve(0), visual: curve(1), sum: curve(2) }
}

/** Training on losses of given weights. */
const blended = (weights: Ops.Named<number>): Method.Method<Widths> => {
  const work = JointTraining.worker(together, Balances.blend)
  const { sum, ...own } = weights
  const numbers = { weight: sum!, ...Object.fromEntries(Object.entries(own).map(([m, w]) => [`weight/${m}`, w])) }
  return Turns.make({
    ...JointTraining.shared(together, { name: "blended", description: "losses of given weights" }),
    turns: [
      {
        name: "all heads",
        epochs: 4,
        selects: true,
        enter: (_, training) => training,
        work: (job) => ({ ...work(job, numbers), events: [] })
      }
    ]
  })
}

/** The weights that our G-Blending finds in the golden order of samples, from losses before and after the probes. */
const ownWeights = (inputs: Inputs): Ops.Named<number> => {
  const method = GradientBlending.make(together, { probeEpochs: 2 })
  const job = jobOf(inputs)
  const { cursor } = train(method, inputs, startOf(inputs, modalities), { epochs: 6 })
  const entered = method.enter(job, cursor, {})
  const found = method.phase(job, entered).inputs(entered)
  const of = (name: string) => Number(Ops.get(found, name).data[0])
  return { audio: of("weight/audio"), visual: of("weight/visual"), sum: of("weight") }
}

/** All cases. */
export const cases: ReadonlyArray<Case> = [
  caseOf("ogm-ge", "as released", () => JointTraining.ogmGe(together, ogm), released),
  caseOf("ogm-ge", "no end of modulation", () => JointTraining.ogmGe(together, { ...ogm, until: null })),
  caseOf("ogm-ge", "no floor of noise", () => JointTraining.ogmGe(together, { ...ogm, floor: 0 })),
  caseOf(
    "ogm",
    "as released, each tensor with four axes",
    () => JointTraining.ogmGe(together, { alpha: 0.8, noise: false }),
    released
  ),
  caseOf("ogm", "hidden weights alone", () =>
    JointTraining.ogmGe(together, { alpha: 0.8, noise: false, tensors: "hidden weights" })
  ),
  caseOf("mm-pareto", "as released", () => JointTraining.mmPareto(together, Balances.paretoAsReleased), released),
  caseOf("mm-pareto", "lengthened as a whole", () =>
    JointTraining.mmPareto(together, { ...Balances.paretoAsReleased, lengthened: "head" })
  ),
  caseOf("mm-pareto", "last layers balanced too", () =>
    JointTraining.mmPareto(together, { ...Balances.paretoAsReleased, tensors: "all" })
  ),
  caseOf("mm-pareto", "our default", () => JointTraining.mmPareto(together)),
  caseOf("mm-pareto-joint-head", "no third head for both modalities", () =>
    JointTraining.mmPareto(together, Balances.paretoAsReleased)
  ),
  caseOf(
    "blending",
    "as released",
    (inputs) => blended(GradientBlending.weights(curvesOf(inputs), GradientBlending.asInBalanceBenchmark)),
    released
  ),
  caseOf("blending", "sign kept", (inputs) =>
    blended(GradientBlending.weights(curvesOf(inputs), { ...GradientBlending.asInBalanceBenchmark, sign: "kept" }))
  ),
  caseOf("blending", "mean losses before and after the probes, sign kept", (inputs) => blended(ownWeights(inputs))),
  caseOf("mla", "as released", () => Mla.make({ ...alternating, projection: null }), { ...released, ...linear }),
  caseOf("mla", "our default", () => Mla.make(alternating), linear),
  caseOf("mla-alive", "as released", () => Mla.make({ ...alternating, projection: Mla.code }), {
    ...released,
    ...linear
  }),
  ...(["used", "divisor", "normalized", "alpha", "skipsFirst"] as const).map((of) =>
    caseOf(
      "mla-alive",
      `${of} as in the paper`,
      () => Mla.make({ ...alternating, projection: { ...Mla.code, [of]: Mla.paper[of] } }),
      linear
    )
  ),
  caseOf("recon-boost", "as released", () => ReconBoost.make(boosting, boosted), { ...released, ...one }),
  // Of what has a name in both, the boost rate alone.
  caseOf(
    "recon-boost",
    "a head for each modality",
    () => ReconBoost.make(boosting, { ...boosted, sharedHead: false }),
    {
      ...two,
      from: () => "shared"
    }
  ),
  caseOf("recon-boost", "boost rate fixed", () => ReconBoost.make(boosting, { ...boosted, trainsRate: false }), one),
  caseOf(
    "recon-boost-separate",
    "as released, heads apart",
    () => ReconBoost.make(boosting, { ...boosted, sharedHead: false }),
    {
      ...released,
      ...two
    }
  ),
  caseOf(
    "recon-boost-separate",
    "residual loss",
    () => ReconBoost.make(boosting, { ...boosted, sharedHead: false, loss: ReconBoost.residual }),
    two
  ),
  caseOf(
    "recon-boost-separate",
    "boost rate fixed",
    () => ReconBoost.make(boosting, { ...boosted, sharedHead: false, trainsRate: false }),
    two
  )
]

/** Our name of a golden tensor. */
const ours = (name: string): string => name.replace(/^(\d+)\/boost$/, "$1/all/heads.boost")

/** Golden numbers that are no part of a trajectory. */
const others = new Set(["curves", "weights"])

/**
 * The largest distance of any tensor or loss from the golden case, relative to the largest number of it; NaN where a
 * case that is as released lacks a tensor.
 */
export const distance = ({ golden, isReleased }: Case, { losses, states }: Trajectory, inputs: Inputs): number => {
  const found: Ops.Named<Float64.Matrix> = {
    ...states,
    loss: Float64.ops.concat(losses.map(Float64.ops.scalar), "columns")
  }
  const wanted = Object.entries(inputs).flatMap(([name, tensor]) =>
    name.startsWith(`${golden}/`) ? [[ours(name.slice(golden.length + 1)), tensor] as const] : []
  )
  return Distance.worst(
    wanted.flatMap(([name, tensor]) => {
      const other = found[name]
      if (other !== undefined) return [Distance.relative(other.data, tensor.data)]
      return isReleased && !others.has(name) ? [Number.NaN] : []
    })
  )
}

/** The largest difference between the weights of losses that the released code found and ours, from its curves. */
export const weightsDistance = (inputs: Inputs): number => {
  const weights = GradientBlending.weights(curvesOf(inputs), GradientBlending.asInBalanceBenchmark)
  return Distance.relative(Object.values(weights), Ops.get(inputs, "blending/weights").data)
}
