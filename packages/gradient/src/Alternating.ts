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
import { type Named, get, mapNamed } from "./Ops.ts"
import * as Optimizer from "./Optimizer.ts"
import type { Rule } from "./Rule.ts"
import * as Schedule from "./Schedule.ts"
import type { Selection } from "./Selection.ts"
import type * as Sharpness from "./Sharpness.ts"
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
  readonly optimizer: Optimizer.Optimizer
  readonly schedule: Schedule.Schedule
  /** What a turn starts from: the last weights or the best so far; the optimizer's and schedule's memory, or none. */
  readonly turnStart: { readonly weights: "last" | "best"; readonly optimizer: "carried" | "fresh" }
  /** The perturbation, with ρ by head; `null` for none. */
  readonly sharpness: { readonly form: Sharpness.Form; readonly rho: Named<number> } | null
  /** Gradient modification; `null` for none. */
  readonly modification: {
    readonly tau: number
    readonly matching: Modification.Matching
    /** Whether a head's moment starts anew with each of its turns, or goes on adding up. */
    readonly moment: "anew" | "accumulated"
    /** Whether a flat spectrum makes P NaN, as in the released code. */
    readonly strictNaN: boolean
  } | null
  /** A gradient rule of the user's own; `null` for none. */
  readonly rule: Rule | null
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
  /** The batch means of each layer's input, of the heads whose moments are in use. */
  readonly means: Named<ReadonlyArray<HostTensor>>
  readonly best: { readonly score: number; readonly epoch: number; readonly weights: Named<HostTensor> } | null
}

const memoOf = (cursor: Cursor): Memo => cursor.memo as unknown as Memo

const cursorAt = (epoch: number, state: Named<HostTensor>, memo: Memo, head: string): Cursor => ({
  phase: `stage ${memo.turn + 1}: ${head}`,
  epoch,
  state,
  memo: memo as unknown as Cursor["memo"]
})

const within = (head: string, name: string): string => `${head}.${name}`

/** Values under the names that they have within a head. */
const allWithin = <A>(head: string, values: Named<A>): Named<A> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [within(head, name), value]))

const weightsOf = (heads: Named<{ readonly head: Head.Head }>, state: Named<HostTensor>): Named<HostTensor> => {
  const names = Object.entries(heads).flatMap(([name, { head }]) =>
    Object.keys(Head.shapes(head)).map((parameter) => within(name, parameter))
  )
  return Object.fromEntries(names.map((name) => [name, get(state, name)]))
}

/** A head's own tensors, by their names in the head. */
const parametersOf = (state: Named<HostTensor>, head: string, spec: Head.Head): Named<HostTensor> =>
  Object.fromEntries(Object.keys(Head.shapes(spec)).map((name) => [name, get(state, within(head, name))]))

/** The order in which the training samples are taken for the moments of a turn, counted from 0. */
export const momentOrder = (
  job: { readonly seed: number; readonly train: { readonly labels: Int32Array } },
  turn: number
) => Keyed.permutation(Keyed.stream([job.seed, "moment", turn]), job.train.labels.length)

/** The method of a plan. Throws a `RangeError` when its heads tell different numbers of classes apart. */
export const make = <D extends Dims, S extends Split.Split>(plan: Plan<D, S>): Method<D, S> => {
  const { heads, turns, settings } = plan
  const steps = stepsOf()
  const classes = new Set(Object.values(heads).map(({ head }) => head.out))
  if (classes.size !== 1) throw new RangeError(`the heads of ${plan.name} have ${[...classes].join(", ")} outputs`)

  const memoryOf = (name: string): Named<HostTensor> =>
    allWithin(name, Optimizer.start(settings.optimizer, Head.shapes(get(heads, name).head)))

  const start = (job: Job<D, S>): Cursor => {
    const state = Object.assign(
      {},
      ...Object.entries(heads).flatMap(([name, { head }]) => [
        allWithin(name, Head.init(head, [job.seed, "init", name])),
        memoryOf(name)
      ])
    ) as Named<HostTensor>
    const schedules = Object.fromEntries(Object.keys(heads).map((name) => [name, Schedule.start(settings.schedule)]))
    return cursorAt(0, state, { turn: 0, epochOfTurn: 0, schedules, means: {}, best: null }, turns[0].head)
  }

  const phase = (job: Job<D, S>, cursor: Cursor): Phase => {
    const { turn } = memoOf(cursor)
    const { head: name, after } = turns[turn]!
    const { head, reads } = get(heads, name)
    const features = sideBySide(job.train, reads)
    const matrices = after === undefined ? noMatrices(head) : matricesOf(memoOf(cursor), name, after)
    const modified = matrices.map((matrix) => matrix.product !== undefined)
    const alpha = settings.mixup[name]
    const variant: TrainStep.Variant = {
      depth: Head.depth(head),
      batch: settings.batch,
      optimizer: settings.optimizer.kind,
      mixup: alpha !== undefined,
      sharpness: settings.sharpness?.form ?? null,
      modified,
      rule: settings.rule
    }
    const { step, probe } = steps(variant)
    const tables: Record<string, HostTensor> = { X: features, Y: oneHot(job.train.labels, job.train.classes) }
    matrices.forEach(({ product }, i) => {
      if (product !== undefined && i === 0) tables["XP"] = Float64.ops.gemm(features, product)
      else if (product !== undefined) tables[`P${i + 1}`] = product
    })
    const local = [
      ...Object.keys(Head.shapes(head)),
      ...Object.keys(Optimizer.start(settings.optimizer, Head.shapes(head)))
    ]
    const stage = turn + 1
    return {
      step,
      probe,
      state: Object.fromEntries(local.map((key) => [key, within(name, key)])),
      inputs: (at) => ({ ...tables, ...hyperParameters(rateOf(at, name), name) }),
      draws: (at) => draws(job, at.epoch, alpha),
      boundary: (at, observed) => boundary(job, at, observed),
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
    const numbers = {
      rate,
      ...Optimizer.inputs(optimizer),
      ...(sharpness === null ? {} : { rho: get(sharpness.rho, head), share: sharpness.form.share })
    }
    return mapNamed(numbers, Float64.ops.scalar)
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

  /** The batch means of a head's layers, from one shuffled pass over the training split. */
  const meansOf = (job: Job<D, S>, state: Named<HostTensor>, turn: number, name: string) => {
    const { head, reads } = get(heads, name)
    const order = momentOrder(job, turn)
    return Moment.meansOfHead(
      head,
      parametersOf(state, name, head),
      sideBySide(job.train, reads),
      order,
      settings.batch
    )
  }

  /** The means that a turn after another head's needs, with those before them where moments accumulate. */
  const meansFor = (job: Job<D, S>, memo: Memo, state: Named<HostTensor>, turn: number, after: string | undefined) => {
    if (after === undefined || settings.modification === null) return memo.means
    const before = settings.modification.moment === "accumulated" ? memo.means[after] : undefined
    const found = meansOf(job, state, turn, after)
    const all = found.map((z, i) => (before === undefined ? z : Float64.ops.concat([before[i]!, z], "rows")))
    return { ...memo.means, [after]: all }
  }

  /** The modification of each layer by the moments of the head before. */
  const matricesOf = (memo: Memo, name: string, after: string): ReadonlyArray<LayerMatrix> => {
    const { modification } = settings
    const { head } = get(heads, name)
    if (modification === null) return noMatrices(head)
    const previous = get(heads, after)
    const means = get(memo.means, after)
    const ofMeans = (z: HostTensor) => {
      const found = Modification.ofMeans(z, modification.tau)
      return modification.strictNaN ? Modification.strictNaN(found) : found
    }
    return Head.layerNumbers(head).map((l) => {
      const found = Modification.partners(modification.matching, head.widths, previous.head.widths, l).map((n) => ({
        n,
        ...ofMeans(means[n - 1]!)
      }))
      if (found.length === 0) {
        return { product: undefined, effectiveRank: 0, notes: [`layer ${l} has no partner in ${after}: not modified`] }
      }
      return {
        product: found.map(({ matrix }) => matrix).reduce((a, b) => Float64.ops.gemm(a, b)),
        effectiveRank: Math.max(...found.map(Modification.effectiveRank)),
        notes: found.flatMap((one) =>
          one.flat ? [`layer ${l}: the spectrum of ${after}'s layer ${one.n} is flat`] : []
        )
      }
    })
  }

  const boundary = (job: Job<D, S>, at: Cursor, { trace, probe, selected }: Observed): Boundary => {
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
    const zeros = sumOf(trace[TrainStep.ZERO_GRADIENTS] ?? [])
    const events: ReadonlyArray<Event> =
      zeros === 0
        ? [event]
        : [event, { kind: "note", stage: memo.turn + 1, head: name, note: `zero gradients: ${zeros}, not perturbed` }]
    const score = selected[settings.selection.by]
    const best =
      memo.best !== null && memo.best.score >= score
        ? memo.best
        : { score, epoch: at.epoch + 1, weights: weightsOf(heads, at.state) }
    const schedules = { ...memo.schedules, [name]: Schedule.next(settings.schedule, get(memo.schedules, name), loss) }
    const epochOfTurn = memo.epochOfTurn + 1
    if (epochOfTurn < epochs) {
      const next = cursorAt(at.epoch + 1, at.state, { ...memo, epochOfTurn, schedules, best }, name)
      return { events, next }
    }
    const following = turns[memo.turn + 1]
    if (following === undefined) return { events, next: { done: best.weights } }
    const fresh = settings.turnStart.optimizer === "fresh"
    const weights = settings.turnStart.weights === "best" ? { ...at.state, ...best.weights } : at.state
    const state = fresh ? { ...weights, ...memoryOf(following.head) } : weights
    const restarted = fresh ? { ...schedules, [following.head]: Schedule.start(settings.schedule) } : schedules
    const turn = memo.turn + 1
    const means = meansFor(job, memo, state, turn, following.after)
    const entered = { turn, epochOfTurn: 0, schedules: restarted, means, best }
    return { events, next: cursorAt(at.epoch + 1, state, entered, following.head) }
  }

  return {
    name: plan.name,
    description: plan.description,
    settings: { heads, turns, ...settings, rule: settings.rule?.name ?? null } as unknown as Digest.Json,
    widths: plan.widths,
    classes: [...classes][0]!,
    selectsOn: settings.selection.on,
    epochs: turns.reduce((total, { epochs }) => total + epochs, 0),
    start,
    phase,
    weights: (state) => weightsOf(heads, state),
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

const sumOf = (numbers: ArrayLike<number>): number => Array.from(numbers).reduce((a, b) => a + b, 0)

const mean = (numbers: ArrayLike<number>): number => sumOf(numbers) / numbers.length

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
