/**
 * Gradient blending (Wang, Tran and Feiszli, CVPR 2020), offline: each loss, of every head alone and of the sum of
 * their logits, first trains by itself for some epochs. Its weight is w ∝ G/O², where G is the decrease of the
 * validation loss and O the increase of the gap between validation and training loss. Then all train together on the
 * weighted losses, from the first weights.
 */
import { Setting, type Split } from "@igm/tensor"
import { Schema } from "effect"
import * as Balances from "./Balances.ts"
import { type Dims, type Features, oneHot, sideBySide, takeRows } from "../Features.ts"
import * as Float64 from "../ops/Float64.ts"
import * as Head from "../step/Head.ts"
import * as Igm from "./Igm.ts"
import { crossEntropy } from "../step/Loss.ts"
import type { HostTensor, Job, Method } from "../Method.ts"
import { type Named, get, mapNamed } from "../ops/Ops.ts"
import { checkOptions } from "./Options.ts"
import * as Turns from "./Turns.ts"
import * as JointTraining from "./JointTraining.ts"
import * as Variant from "./Variant.ts"

/** The training and the validation loss before and after a loss trained by itself. */
export interface Curve {
  readonly before: { readonly train: number; readonly valid: number }
  readonly after: { readonly train: number; readonly valid: number }
}

/** The switches of the weights. */
export interface Form {
  /**
   * `"kept"`: a loss that made the validation loss worse weighs nothing, max(G, 0)/O². `"lost"`: |G/O²|, as
   * BalanceBenchmark's code has it, which rewards such a loss as much as one that made it better.
   */
  readonly sign: "kept" | "lost"
  /** Overfitting |O| of less than this, in nats, counts as this much, so that no weight is infinite; 0 in the code. */
  readonly leastOverfitting: number
}

/** The sign kept, and overfitting of at least .01. */
export const signed: Form = { sign: "kept", leastOverfitting: 1e-2 }

/** The switches of BalanceBenchmark's code; the authors released weights alone, and no code that finds them. */
export const asInBalanceBenchmark: Form = { sign: "lost", leastOverfitting: 0 }

/** The weights of losses: on the simplex, 0 for a loss that gained nothing, and equal where none did. */
export const weights = (curves: Named<Curve>, { sign, leastOverfitting }: Form = signed): Named<number> => {
  const raw = mapNamed(curves, ({ before, after }) => {
    const gain = before.valid - after.valid
    const overfitting = after.valid - after.train - (before.valid - before.train)
    return (
      (sign === "kept" ? Math.max(gain, 0) : Math.abs(gain)) / Math.max(Math.abs(overfitting), leastOverfitting) ** 2
    )
  })
  const total = Object.values(raw).reduce((a, b) => a + b, 0)
  return mapNamed(raw, (w) => (total > 0 ? w / total : 1 / Object.keys(raw).length))
}

/** The losses on a split: of each head's logits, and of their sum under the name `sum`. */
const lossesOf = (heads: Igm.Heads, state: Named<HostTensor>, split: Features<Split.Split, Dims>): Named<number> => {
  const { ops } = Float64
  const y = oneHot(split.labels, split.classes)
  const lossOf = (logits: HostTensor) => crossEntropy(ops, logits, y, split.labels.length).loss.data[0]!
  const logits = mapNamed(heads, (head, name) => {
    const layers = Head.layers(ops, Head.depth(head), Turns.parametersOf(state, name, head))
    return Head.forward(ops, layers, sideBySide(split, [name])).logits
  })
  return { ...mapNamed(logits, lossOf), sum: lossOf(Object.values(logits).reduce(ops.add)) }
}

const Own = Schema.Struct({
  probeEpochs: Setting.repeats,
  sign: Setting.oneOf(["kept", "lost"]),
  leastOverfitting: Setting.nonNegative
})

/**
 * Gradient blending; each loss first trains by itself for `probeEpochs` epochs. Throws a `RangeError` for a modality
 * `sum`.
 */
export const make = <const H extends Igm.Heads>(
  options: JointTraining.Options<H>,
  own: { readonly probeEpochs?: number } & Partial<Form> = {}
): Method<Igm.WidthsOf<H>> => {
  const form = { ...signed, ...own }
  const { probeEpochs = 2, sign, leastOverfitting } = form
  const method = Variant.name("G-Blending", [sign === "lost" && "sign lost"])
  checkOptions(method, options)
  Setting.check(method, Own, { ...form, probeEpochs })
  const { heads } = options
  if ("sum" in heads) throw new RangeError('a modality cannot be called "sum": that is the loss of the sum of logits')
  const work = JointTraining.worker(options, Balances.blend)
  const memory = JointTraining.memoryOf(options.optimizer ?? Igm.sgd, heads)
  const losses = [...Object.keys(heads), "sum"]
  const inputsOf = (weights: Named<number>): Named<number> => ({
    weight: get(weights, "sum"),
    ...Object.fromEntries(Object.keys(heads).map((name) => [`weight/${name}`, get(weights, name)]))
  })
  const measured = (job: Job<Igm.WidthsOf<H>>, state: Named<HostTensor>) => ({
    train: lossesOf(heads, state, job.rows === undefined ? job.train : takeRows(job.train, job.rows)),
    valid: lossesOf(heads, state, job.select)
  })
  type Losses = ReturnType<typeof measured>
  interface Kept extends Named<unknown> {
    readonly first: Named<HostTensor>
    readonly before: Losses
    readonly curves: Named<Curve>
  }
  const curveOf = (before: Losses, after: Losses, name: string): Curve => {
    const of = ({ train, valid }: Losses) => ({ train: get(train, name), valid: get(valid, name) })
    return { before: of(before), after: of(after) }
  }

  /** Records the effect of the loss before, and returns to the initial weights. */
  const enter = (job: Job<Igm.WidthsOf<H>>, training: Turns.TrainingState, previous: string | undefined) => {
    if (previous === undefined) {
      const kept: Kept = { first: training.state, before: measured(job, training.state), curves: {} }
      return { ...training, kept }
    }
    const kept = training.kept as Kept
    const curve = curveOf(kept.before, measured(job, training.state), previous)
    const state = { ...kept.first, ...memory }
    return { ...training, state, kept: { ...kept, curves: { ...kept.curves, [previous]: curve } } }
  }
  const probes = losses.map((name, i): Turns.Turn<Igm.WidthsOf<H>, "valid"> => ({
    name: `${name} by itself`,
    epochs: probeEpochs,
    selects: false,
    enter: (job, training) => enter(job, training, losses[i - 1]),
    work: (job) => ({
      ...work(job, inputsOf(Object.fromEntries(losses.map((loss) => [loss, Number(loss === name)])))),
      events: []
    })
  }))
  const blended: Turns.Turn<Igm.WidthsOf<H>, "valid"> = {
    name: "all heads",
    epochs: JointTraining.epochsOf(options.ring),
    selects: true,
    enter: (job, training) => enter(job, training, losses.at(-1)),
    work: (job, { kept }, turn) => {
      const found = weights((kept as Kept).curves, { sign, leastOverfitting })
      const note = `weights of the losses: ${losses.map((name) => `${name} ${found[name]!.toFixed(3)}`).join(", ")}`
      return {
        ...work(job, inputsOf(found)),
        events: [{ kind: "note", turn: turn + 1, head: "all heads", note }]
      }
    }
  }
  const [first, ...others] = [...probes, blended]
  return Turns.make({
    ...JointTraining.shared(options, {
      name: method,
      description: "all heads at once, each loss weighted by its gain and overfitting on the validation split",
      probeEpochs,
      sign,
      leastOverfitting
    }),
    turns: [first!, ...others]
  })
}
