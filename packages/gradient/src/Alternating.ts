/**
 * Training heads in turns, on fixed features: IGM and its plain controls are settings of this one method. A turn trains
 * one head for some epochs; from the second turn of a ring on, its gradient is modified by the moments of the head whose
 * turn was before.
 */
import { type Digest, Keyed, type Split, Tensor } from "@igm/tensor"
import { type Dims, oneHot, sideBySide } from "./Features.ts"
import * as Float64 from "./Float64.ts"
import { type Fusion, fuse } from "./Fusion.ts"
import * as Head from "./Head.ts"
import type { Boundary, Cursor, Draws, Event, HostTensor, Job, Method, Observed, Phase, Step } from "./Method.ts"
import * as Modification from "./Modification.ts"
import * as Moment from "./Moment.ts"
import { type Named, get } from "./Ops.ts"
import type { Sgd } from "./Optimizer.ts"
import * as Schedule from "./Schedule.ts"
import type { Selection } from "./Selection.ts"
import * as TrainStep from "./Step.ts"

/** A head and the modalities whose features it reads, side by side. */
export interface HeadOf<D extends Dims> {
  readonly head: Head.Head
  readonly reads: ReadonlyArray<keyof D & string>
}

/** A turn of one head; `after` names the head whose moments modify its gradient. */
export interface Turn {
  readonly head: string
  readonly after?: string
  readonly epochs: number
}

/** The switches of the method. */
export interface Settings<S extends Split.Split> {
  readonly batch: number
  readonly optimizer: Sgd
  readonly schedule: Schedule.Schedule
  /** What a turn starts from: the last weights or the best so far; the optimizer's and schedule's memory, or none. */
  readonly turnStart: { readonly weights: "last" | "best"; readonly optimizer: "carried" | "fresh" }
  /** The perturbation, with ρ by head; see `Step.Variant`. */
  readonly sharpness:
    | { readonly kind: "none" }
    | { readonly kind: "restored"; readonly rho: Named<number> }
    | { readonly kind: "drifting"; readonly rho: Named<number>; readonly flatShare: number }
  /** Gradient modification; `null` for none. */
  readonly modification: { readonly tau: number; readonly matching: Modification.Matching } | null
  /** λ ~ Beta(α, α) by head; heads that are not named are not mixed. */
  readonly mixup: Named<number>
  readonly fusion: Fusion
  readonly selection: Selection<S>
}

/** The whole of a method's description. */
export interface Plan<D extends Dims, S extends Split.Split> {
  readonly name: string
  readonly description: string
  readonly widths: D
  readonly heads: Named<HeadOf<D>>
  readonly turns: readonly [Turn, ...ReadonlyArray<Turn>]
  readonly settings: Settings<S>
}

/** What the method remembers between epochs. */
interface Memo {
  readonly turn: number
  readonly epochOfTurn: number
  readonly schedules: Named<Schedule.Memory>
  readonly best: { readonly score: number; readonly epoch: number; readonly weights: Named<HostTensor> } | null
}

const memoOf = (cursor: Cursor): Memo => cursor.memo as unknown as Memo

const cursorAt = (epoch: number, state: Named<HostTensor>, memo: Memo, head: string): Cursor => ({
  phase: `stage ${memo.turn + 1}: ${head}`,
  epoch,
  state,
  memo: memo as unknown as Cursor["memo"]
})

const VELOCITY = TrainStep.velocity("")

const within = (head: string, name: string): string => `${head}.${name}`

const withoutVelocities = (state: Named<HostTensor>): Named<HostTensor> =>
  Object.fromEntries(Object.entries(state).filter(([name]) => !name.includes(VELOCITY)))

const zeroVelocities = (head: Head.Head): ReadonlyArray<readonly [string, HostTensor]> =>
  Object.entries(Head.shapes(head)).map(([name, shape]) => [TrainStep.velocity(name), Tensor.zeros(shape)])

/** A head's own tensors, by their names in the head. */
const parametersOf = (state: Named<HostTensor>, head: string, spec: Head.Head): Named<HostTensor> =>
  Object.fromEntries(Object.keys(Head.shapes(spec)).map((name) => [name, get(state, within(head, name))]))

/** The method of a plan. Throws a `RangeError` when its heads tell different numbers of classes apart. */
export const make = <D extends Dims, S extends Split.Split>(plan: Plan<D, S>): Method<D, S> => {
  const { heads, turns, settings } = plan
  const steps = stepsOf()
  const classes = new Set(Object.values(heads).map(({ head }) => head.out))
  if (classes.size !== 1) throw new RangeError(`the heads of ${plan.name} have ${[...classes].join(", ")} outputs`)

  const start = (job: Job<D, S>): Cursor => {
    const state = Object.fromEntries(
      Object.entries(heads).flatMap(([name, { head }]) => {
        const weights = Head.init(head, [job.seed, "init", name])
        return [...Object.entries(weights), ...zeroVelocities(head)].map(([key, w]) => [within(name, key), w] as const)
      })
    )
    const schedules = Object.fromEntries(Object.keys(heads).map((name) => [name, Schedule.start(settings.schedule)]))
    return cursorAt(0, state, { turn: 0, epochOfTurn: 0, schedules, best: null }, turns[0].head)
  }

  const phase = (job: Job<D, S>, cursor: Cursor): Phase => {
    const { turn } = memoOf(cursor)
    const { head: name, after } = turns[turn]!
    const { head, reads } = get(heads, name)
    const features = sideBySide(job.train, reads)
    const matrices = after === undefined ? noMatrices(head) : matricesOf(job, cursor, turn, name, after)
    const modified = matrices.map((matrix) => matrix.product !== undefined)
    const alpha = settings.mixup[name]
    const variant: TrainStep.Variant = {
      depth: Head.depth(head),
      batch: settings.batch,
      mixup: alpha !== undefined,
      sharpness: settings.sharpness.kind,
      modified
    }
    const { step, probe } = steps(variant)
    const tables: Record<string, HostTensor> = { X: features, Y: oneHot(job.train.labels, job.train.classes) }
    matrices.forEach(({ product }, i) => {
      if (product !== undefined && i === 0) tables["XP"] = Float64.ops.gemm(features, product)
      else if (product !== undefined) tables[`P${i + 1}`] = product
    })
    const local = Object.keys(Head.shapes(head)).flatMap((key) => [key, TrainStep.velocity(key)])
    const stage = turn + 1
    return {
      step,
      probe,
      state: Object.fromEntries(local.map((key) => [key, within(name, key)])),
      inputs: (at) => ({ ...tables, ...hyperParameters(rateOf(at, name), name) }),
      draws: (at) => draws(job, at.epoch, alpha),
      boundary,
      events: [
        ...(after !== undefined && settings.modification !== null
          ? [
              {
                kind: "modification",
                stage,
                head: name,
                from: after,
                effectiveRank: matrices.map((m) => m.effectiveRank)
              } as const
            ]
          : []),
        ...matrices.flatMap(({ notes }) => notes.map((note) => ({ kind: "note", stage, head: name, note }) as const))
      ]
    }
  }

  const rateOf = (at: Cursor, head: string): number => settings.optimizer.rate * get(memoOf(at).schedules, head).factor

  const hyperParameters = (rate: number, head: string): Named<HostTensor> => {
    const { sharpness, optimizer } = settings
    return {
      rate: Float64.ops.scalar(rate),
      momentum: Float64.ops.scalar(optimizer.momentum),
      weightDecay: Float64.ops.scalar(optimizer.weightDecay),
      ...(sharpness.kind === "none" ? {} : { rho: Float64.ops.scalar(get(sharpness.rho, head)) }),
      ...(sharpness.kind === "drifting" ? { flatShare: Float64.ops.scalar(sharpness.flatShare) } : {})
    }
  }

  const draws = (job: Job<D, S>, epoch: number, alpha: number | undefined): Draws => {
    const { batch } = settings
    const order = Keyed.permutation(Keyed.stream([job.seed, "order", epoch]), job.train.labels.length)
    const count = Math.floor(order.length / batch)
    const rows = Tensor.int32([count, batch], order.slice(0, count * batch))
    if (alpha === undefined) return { steps: count, values: { rows } }
    const stream = Keyed.stream([job.seed, "mixup", epoch])
    const partners = new Int32Array(count * batch)
    const lambda = new Float64Array(count)
    for (let step = 0; step < count; step++) {
      lambda[step] = Keyed.beta(stream, alpha, alpha)
      const order = Keyed.permutation(stream, batch)
      for (let i = 0; i < batch; i++) partners[step * batch + i] = rows.data[step * batch + order[i]!]!
    }
    return {
      steps: count,
      values: { rows, partners: Tensor.int32([count, batch], partners), lambda: Tensor.float64([count, 1, 1], lambda) }
    }
  }

  const noMatrices = (head: Head.Head): ReadonlyArray<LayerMatrix> =>
    Head.layerNumbers(head).map(() => ({ product: undefined, effectiveRank: 0, notes: [] }))

  /** The modification of each layer by the moments of the head before. */
  const matricesOf = (
    job: Job<D, S>,
    cursor: Cursor,
    turn: number,
    name: string,
    after: string
  ): ReadonlyArray<LayerMatrix> => {
    const { modification, batch } = settings
    const { head } = get(heads, name)
    if (modification === null) return noMatrices(head)
    const previous = get(heads, after)
    const order = Keyed.permutation(Keyed.stream([job.seed, "moment", turn]), job.train.labels.length)
    const parameters = parametersOf(cursor.state, after, previous.head)
    const moments = Moment.ofHead(previous.head, parameters, sideBySide(job.train, previous.reads), order, batch)
    return Head.layerNumbers(head).map((l) => {
      const found = Modification.partners(modification.matching, head.widths, previous.head.widths, l).map((n) => ({
        n,
        ...Modification.ofMoment(moments[n - 1]!, modification.tau)
      }))
      if (found.length === 0) {
        return { product: undefined, effectiveRank: 0, notes: [`layer ${l} has no partner in ${after}: not modified`] }
      }
      return {
        product: found.map(({ matrix }) => matrix).reduce((a, b) => Float64.ops.gemm(a, b)),
        effectiveRank: Math.max(...found.map((one) => one.effectiveRank)),
        notes: found.flatMap((one) =>
          one.flat ? [`layer ${l}: the spectrum of ${after}'s layer ${one.n} is flat`] : []
        )
      }
    })
  }

  const boundary = (at: Cursor, { trace, probe, selected }: Observed): Boundary => {
    const memo = memoOf(at)
    const { head: name, epochs } = turns[memo.turn]!
    const loss = mean(get(trace, "loss"))
    const event: Event = {
      kind: "epoch",
      epoch: at.epoch + 1,
      stage: memo.turn + 1,
      head: name,
      loss,
      rate: rateOf(at, name),
      selected,
      ledger: probe
    }
    const score = selected[settings.selection.by]
    const best =
      memo.best !== null && memo.best.score >= score
        ? memo.best
        : { score, epoch: at.epoch + 1, weights: withoutVelocities(at.state) }
    const schedules = { ...memo.schedules, [name]: Schedule.next(settings.schedule, get(memo.schedules, name), loss) }
    const epochOfTurn = memo.epochOfTurn + 1
    if (epochOfTurn < epochs) {
      const next = cursorAt(at.epoch + 1, at.state, { ...memo, epochOfTurn, schedules, best }, name)
      return { events: [event], next }
    }
    const following = turns[memo.turn + 1]
    if (following === undefined) return { events: [event], next: { done: best.weights } }
    const fresh = settings.turnStart.optimizer === "fresh"
    const weights = settings.turnStart.weights === "best" ? { ...at.state, ...best.weights } : at.state
    const { head } = get(heads, following.head)
    const still = zeroVelocities(head).map(([key, v]) => [within(following.head, key), v] as const)
    const state = fresh ? { ...weights, ...Object.fromEntries(still) } : weights
    const restarted = fresh ? { ...schedules, [following.head]: Schedule.start(settings.schedule) } : schedules
    const entered = { turn: memo.turn + 1, epochOfTurn: 0, schedules: restarted, best }
    return { events: [event], next: cursorAt(at.epoch + 1, state, entered, following.head) }
  }

  return {
    name: plan.name,
    description: plan.description,
    settings: { heads, turns, ...settings } as unknown as Digest.Json,
    widths: plan.widths,
    classes: [...classes][0]!,
    selectsOn: settings.selection.on,
    epochs: turns.reduce((total, { epochs }) => total + epochs, 0),
    start,
    phase,
    weights: withoutVelocities,
    predict: predictor(heads, settings.fusion)
  }
}

/** The forward pass of heads and their fusion. */
export const predictor =
  (
    heads: Named<Pick<HeadOf<Dims>, "head"> & { readonly reads: ReadonlyArray<string> }>,
    fusion: Fusion
  ): Method<Dims>["predict"] =>
  (ops, state, features) => {
    const logits = Object.entries(heads).map(([name, { head, reads }]) => {
      const parts = reads.map((modality) => get(features, modality))
      const own = Object.fromEntries(Object.keys(Head.shapes(head)).map((key) => [key, get(state, within(name, key))]))
      const x = parts.length === 1 ? parts[0]! : ops.concat(parts, "columns")
      return [name, Head.forward(ops, Head.layers(ops, Head.depth(head), own), x).logits] as const
    })
    return {
      logits: Object.fromEntries(logits),
      probabilities: fuse(
        ops,
        fusion,
        logits.map(([, z]) => z)
      )
    }
  }

interface LayerMatrix {
  readonly product: HostTensor | undefined
  readonly effectiveRank: number
  readonly notes: ReadonlyArray<string>
}

const mean = (numbers: ArrayLike<number>): number => Array.from(numbers).reduce((a, b) => a + b, 0) / numbers.length

/** Steps by variant: the same object for the same variant, so that it is compiled once. */
const stepsOf = () => {
  const made = new Map<string, { readonly step: Step; readonly probe: Step }>()
  return (variant: TrainStep.Variant) => {
    const key = JSON.stringify(variant)
    const found = made.get(key) ?? { step: TrainStep.make(variant), probe: TrainStep.probe(variant) }
    made.set(key, found)
    return found
  }
}
