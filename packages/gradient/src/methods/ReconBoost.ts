/**
 * ReconBoost (Hua et al., ICML 2024), boosting across modalities: in turns, a head learns the residual of the others, L
 * = −Σ (y − w softmax(Σ others' logits)) log softmax(o_m), and after each turn but the first all heads are rectified
 * together on the loss of the sum of their logits, for epochs that come on top of the turns'. Only heads that have had
 * a turn count among the others. Each turn begins with a fresh optimizer and schedule.
 */
import { Setting, type Split } from "@igm/tensor"
import { Schema } from "effect"
import * as Balances from "./Balances.ts"
import { oneHot, sideBySide } from "../Features.ts"
import * as Float64 from "../ops/Float64.ts"
import { fuse } from "../Fusion.ts"
import * as Head from "../step/Head.ts"
import * as Igm from "./Igm.ts"
import type { HostTensor, Job, Method } from "../Method.ts"
import { type Named, get, mapNamed } from "../ops/Ops.ts"
import * as Optimizer from "../step/Optimizer.ts"
import { checkOptions } from "./Options.ts"
import * as Schedule from "../step/Schedule.ts"
import * as Turns from "./Turns.ts"
import * as JointTraining from "./JointTraining.ts"
import * as TrainStep from "../step/Step.ts"

const { ops } = Float64

/** y − w softmax(Σ others' logits), n × classes; y where there are no others. */
export const residual = (y: HostTensor, others: ReadonlyArray<HostTensor>, weight: number): HostTensor =>
  others.length === 0 ? y : ops.subtract(y, ops.multiply(ops.scalar(weight), fuse(ops, "sum", others)))

const Own = Schema.Struct({ weight: Setting.belowOne, rectify: Setting.repeatsOrNone })

/**
 * ReconBoost with the weight w of the others' predictions, and the number of epochs of each rectification. Throws a
 * `SettingError` unless 0 ≤ w < 1: from 1 on a label could be pushed away. For w > 0 the loss has no lower bound, since
 * it rewards p → 0 for every class that the others see, and a large w makes training diverge.
 */
export const make = <const H extends Igm.Heads, S extends Split.Split>(
  options: JointTraining.Options<H, S>,
  own: { readonly weight?: number; readonly rectify?: number } = {}
): Method<Igm.WidthsOf<H>, S> => {
  const { weight = 0.1, rectify = 1 } = own
  checkOptions("ReconBoost", options)
  Setting.check("ReconBoost", Own, { ...own, weight, rectify })
  type Modality = keyof H & string
  const { heads, ring, batch } = options
  const optimizer = options.optimizer ?? Igm.sgd
  const steps = mapNamed(heads, (head) =>
    TrainStep.make({
      depth: Head.depth(head),
      batch,
      optimizer: optimizer.kind,
      mixup: false,
      sharpness: null,
      modified: Head.layerNumbers(head).map(() => false),
      rule: null
    })
  )
  const memory = JointTraining.memoryOf(optimizer, heads)
  const together = JointTraining.worker(options, Balances.plain)

  const logitsOf = (job: Job<Igm.WidthsOf<H>, S>, state: Named<HostTensor>, name: Modality): HostTensor => {
    const head = get(heads, name)
    const layers = Head.layers(ops, Head.depth(head), Turns.parametersOf(state, name, head))
    return Head.forward(ops, layers, sideBySide(job.train, [name])).logits
  }
  const enter = (_: unknown, training: Turns.TrainingState) => ({
    ...training,
    state: { ...training.state, ...memory },
    schedules: mapNamed(training.schedules, () => Schedule.start(Schedule.divideOnPlateau))
  })

  const boost = (name: Modality, others: ReadonlyArray<Modality>): Turns.Turn<Igm.WidthsOf<H>, S> => ({
    name,
    epochs: get(ring.epochs, name),
    selects: true,
    enter,
    work: (job, { state }) => {
      const { train } = job
      const y = oneHot(train.labels, train.classes)
      const logits = others.map((other) => logitsOf(job, state, other))
      const inputs = {
        X: sideBySide(train, [name]),
        Y: residual(y, logits, weight),
        ...mapNamed(Optimizer.inputs(optimizer), ops.scalar)
      }
      return {
        step: get(steps, name),
        state: Turns.trained(optimizer, name, get(heads, name)),
        inputs: () => inputs,
        draws: (epoch) => Turns.drawsOf(job, epoch, batch),
        events: []
      }
    }
  })
  const rectification: Turns.Turn<Igm.WidthsOf<H>, S> = {
    name: "all heads",
    epochs: rectify,
    selects: true,
    enter,
    work: (job) => ({ ...together(job, {}), events: [] })
  }
  const turns = Igm.turnsOf(ring).map(({ head }) => head as Modality)
  const sequence = turns.flatMap((name, i) => {
    const others = [...new Set(turns.slice(0, i))].filter((other) => other !== name)
    return rectify > 0 && others.length > 0 ? [boost(name, others), rectification] : [boost(name, others)]
  })
  const [first, ...rest] = sequence
  return Turns.make({
    ...JointTraining.shared(options, {
      name: "ReconBoost",
      description:
        "in turns, each head on what the others leave over; all heads rectified after each turn but the first",
      weight,
      rectify
    }),
    turns: [first!, ...rest]
  })
}
