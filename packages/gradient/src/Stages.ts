/**
 * Methods that train in stages, one after another: what IGM's turns, plain baselines and the rivals have in common. A
 * stage trains some tensors for some epochs with one step. The epoch that is best on the selecting split is kept.
 */
import { type Digest, Keyed, Name, Setting, type Split, Tensor } from "@igm/tensor"
import { Schema } from "effect"
import type { Dims } from "./Features.ts"
import * as Float64 from "./Float64.ts"
import { type Fusion, fuse } from "./Fusion.ts"
import * as Head from "./Head.ts"
import {
  type Boundary,
  type Computation,
  type Cursor,
  type Drawn,
  type Draws,
  type Event,
  type HostTensor,
  type Job,
  type Method,
  type Observed,
  type Phase,
  type Step,
  rowsOf
} from "./Method.ts"
import { type Named, get } from "./Ops.ts"
import * as Optimizer from "./Optimizer.ts"
import * as Schedule from "./Schedule.ts"
import * as Selection from "./Selection.ts"
import * as TrainStep from "./Step.ts"

/** A head and the modalities whose features it reads, side by side. */
export interface HeadOf<D extends Dims> {
  readonly head: Head.Head
  readonly reads: ReadonlyArray<keyof D & string>
  /** Whose parameters it has, where several share one set; its own name's otherwise. */
  readonly parameters?: string
}

/** Where a training stands as a stage begins. `kept` is what the method remembers between stages. */
export interface Standing {
  readonly state: Named<HostTensor>
  readonly schedules: Named<Schedule.Memory>
  readonly best: Best | null
  readonly kept: Named<unknown>
}

/** The best epoch so far. */
export interface Best {
  readonly score: number
  readonly epoch: number
  readonly weights: Named<HostTensor>
}

/** What a stage does in each of its epochs. */
export interface Work {
  readonly step: Step
  readonly probe?: Step
  /** The name in the whole state of each of the step's state names. */
  readonly state: Named<string>
  /** What the step takes besides the rate, in the epoch of that number. */
  readonly inputs: (epoch: number) => Named<Tensor.Tensor>
  /** More inputs, computed once as the stage begins. */
  readonly derived?: Computation
  readonly draws: (epoch: number) => Draws
  readonly events: ReadonlyArray<Event>
}

/** A stage. */
export interface Stage<D extends Dims, S extends Split.Split> {
  /** What it trains, for the record; stages of the same name share a schedule's memory. */
  readonly name: string
  readonly epochs: number
  /** Whether its epochs may be kept as the best. */
  readonly selects: boolean
  /** What an interpreter has to compute before it begins, such as moments. */
  readonly survey?: (job: Job<D, S>, standing: Standing) => ReadonlyArray<Computation>
  /** Host work as it begins, on what was computed: such as targets, or weights to go back to. */
  readonly enter: (job: Job<D, S>, standing: Standing, found: Named<HostTensor>) => Standing
  readonly work: (job: Job<D, S>, standing: Standing, stage: number) => Work
}

/** The description of a method in stages. */
export interface Plan<D extends Dims, S extends Split.Split> {
  readonly name: string
  readonly description: string
  /** Everything that the result depends on. */
  readonly settings: Digest.Json
  readonly widths: D
  readonly heads: Named<HeadOf<D>>
  readonly fusion: Fusion
  readonly optimizer: Optimizer.Optimizer
  readonly schedule: Schedule.Schedule
  readonly selection: Selection.Selection<S>
  /** What the state holds besides the heads' parameters. */
  readonly memory: Named<HostTensor>
  readonly stages: readonly [Stage<D, S>, ...ReadonlyArray<Stage<D, S>>]
}

/** What a method in stages remembers between epochs. */
interface Memo extends Omit<Standing, "state"> {
  readonly stage: number
  readonly epochOfStage: number
}

const memoOf = (cursor: Cursor): Memo => cursor.memo as unknown as Memo

/** The name of a head's tensor in the whole state. */
export const within = (owner: string, name: string): string => `${owner}.${name}`

/** Values under the names that they have within a head. */
export const allWithin = <A>(owner: string, values: Named<A>): Named<A> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [within(owner, name), value]))

/** Heads by the owner of their parameters. */
const owned = <H extends Pick<HeadOf<Dims>, "head" | "parameters">>(heads: Named<H>): Named<Head.Head> =>
  Object.fromEntries(Object.entries(heads).map(([name, { head, parameters = name }]) => [parameters, head]))

/** A head's own tensors, by their names in the head. */
export const parametersOf = (state: Named<HostTensor>, owner: string, spec: Head.Head): Named<HostTensor> =>
  Object.fromEntries(Object.keys(Head.shapes(spec)).map((name) => [name, get(state, within(owner, name))]))

const weightsOf = (heads: Named<Head.Head>, state: Named<HostTensor>): Named<HostTensor> =>
  Object.assign({}, ...Object.entries(heads).map(([owner, head]) => allWithin(owner, parametersOf(state, owner, head))))

/** The names that a head's parameters and their optimizer's memory have in a step, and in the whole state. */
export const trained = (optimizer: Optimizer.Optimizer, owner: string, head: Head.Head): Named<string> => {
  const shapes = Head.shapes(head)
  const local = [...Object.keys(shapes), ...Object.keys(Optimizer.start(optimizer, shapes))]
  return Object.fromEntries(local.map((name) => [name, within(owner, name)]))
}

const Domain = Schema.Struct({
  optimizer: Optimizer.domain,
  schedule: Schedule.domain,
  selection: Selection.domain,
  fusion: Setting.oneOf(["mean", "entropy", "sum"])
})

const Epochs = Schema.Struct({ epochs: Setting.repeats })

/**
 * The method of a plan. Throws a `RangeError` when its heads tell different numbers of classes apart, a `SettingError`
 * where a stage has no epochs or something is set to what it cannot be, and a `NameError` for its name or a head's.
 */
export const make = <D extends Dims, S extends Split.Split>(plan: Plan<D, S>): Method<D, S> => {
  const { stages, schedule, optimizer, selection, fusion } = plan
  Name.printed("the name of a method", plan.name)
  for (const head of Object.keys(plan.heads)) Name.key(`the name of a head of ${plan.name}`, head)
  Setting.check(plan.name, Domain, { schedule, optimizer, selection, fusion })
  const heads = owned(plan.heads)
  const classes = new Set(Object.values(heads).map(({ out }) => out))
  if (classes.size !== 1) throw new RangeError(`the heads of ${plan.name} have ${[...classes].join(", ")} outputs`)

  for (const { name, epochs } of stages) Setting.check(`${plan.name}, ${name}`, Epochs, { epochs })

  const cursorAt = (epoch: number, { state, ...rest }: Standing, stage: number, epochOfStage: number): Cursor => ({
    phase: `stage ${stage + 1}: ${stages[stage]!.name}`,
    entered: epochOfStage > 0,
    epoch,
    state,
    memo: { ...rest, stage, epochOfStage }
  })
  const standingOf = (cursor: Cursor): Standing => {
    const { schedules, best, kept } = memoOf(cursor)
    return { state: cursor.state, schedules, best, kept }
  }

  const start = (job: Job<D, S>): Cursor => {
    const parameters = Object.entries(heads).map(([owner, head]) =>
      allWithin(owner, Head.init(head, [job.seed, "init", owner]))
    )
    const names = new Set(stages.map(({ name }) => name))
    const standing: Standing = {
      state: Object.assign({}, ...parameters, plan.memory) as Named<HostTensor>,
      schedules: Object.fromEntries([...names].map((name) => [name, Schedule.start(schedule)])),
      best: null,
      kept: {}
    }
    return cursorAt(0, standing, 0, 0)
  }

  const survey = (job: Job<D, S>, cursor: Cursor): ReadonlyArray<Computation> =>
    stages[memoOf(cursor).stage]!.survey?.(job, standingOf(cursor)) ?? []

  const enter = (job: Job<D, S>, cursor: Cursor, found: Named<HostTensor>): Cursor => {
    const { stage } = memoOf(cursor)
    const standing = stages[stage]!.enter(job, standingOf(cursor), found)
    return { ...cursorAt(cursor.epoch, standing, stage, 0), entered: true }
  }

  const rateOf = (at: Cursor): number => {
    const { schedules, stage } = memoOf(at)
    return optimizer.rate * get(schedules, stages[stage]!.name).factor
  }

  const phase = (job: Job<D, S>, cursor: Cursor): Phase => {
    const { stage } = memoOf(cursor)
    const { step, probe, state, inputs, derived, draws, events } = stages[stage]!.work(job, standingOf(cursor), stage)
    return {
      step,
      ...(probe === undefined ? {} : { probe }),
      ...(derived === undefined ? {} : { derived }),
      state,
      inputs: (at) => ({ ...inputs(at.epoch), rate: Float64.ops.scalar(rateOf(at)) }),
      draws: (at) => draws(at.epoch),
      boundary,
      events
    }
  }

  const boundary = (at: Cursor, { trace, probe, selected }: Observed): Boundary => {
    const memo = memoOf(at)
    const { name, epochs, selects } = stages[memo.stage]!
    const place = { stage: memo.stage + 1, head: name }
    const loss = mean(get(trace, "loss"))
    const epoch = at.epoch + 1
    const event: Event = { kind: "epoch", epoch, ...place, loss, rate: rateOf(at), selected, ledger: probe }
    const zeros = sumOf(trace[TrainStep.ZERO_GRADIENTS] ?? [])
    const notes: ReadonlyArray<Event> =
      zeros === 0 ? [] : [{ kind: "note", ...place, note: `zero gradients: ${zeros}, not perturbed` }]
    const events = [event, ...notes]
    const score = selected[selection.by]
    const better = selects && (memo.best === null || score > memo.best.score)
    const standing: Standing = {
      ...standingOf(at),
      schedules: { ...memo.schedules, [name]: Schedule.next(schedule, get(memo.schedules, name), loss) },
      best: better ? { score, epoch, weights: weightsOf(heads, at.state) } : memo.best
    }
    if (memo.epochOfStage + 1 < epochs) {
      return { events, next: cursorAt(epoch, standing, memo.stage, memo.epochOfStage + 1) }
    }
    const following = stages[memo.stage + 1]
    if (following === undefined) return { events, next: { done: standing.best!.weights } }
    return { events, next: cursorAt(epoch, standing, memo.stage + 1, 0) }
  }

  return {
    name: plan.name,
    description: plan.description,
    settings: plan.settings,
    widths: plan.widths,
    classes: [...classes][0]!,
    selectsOn: selection.on,
    epochs: stages.reduce((total, { epochs }) => total + epochs, 0),
    start,
    survey,
    enter,
    phase,
    weights: (state) => weightsOf(heads, state),
    predict: predictor(plan.heads, plan.fusion)
  }
}

/** A shuffled pass over a job's rows in whole batches: indices (steps × batch) for the epoch of that number. */
export const batches = (job: Drawn, epoch: number, batch: number): Tensor.Tensor<"int32"> => {
  const rows = rowsOf(job)
  const order = Keyed.permutation(Keyed.stream([job.seed, "order", epoch]), rows.length)
  const steps = Math.floor(rows.length / batch)
  return Tensor.int32(
    [steps, batch],
    order.slice(0, steps * batch).map((i) => rows[i]!)
  )
}

/** The draws of an epoch that needs nothing but batches. */
export const drawsOf = (job: Drawn, epoch: number, batch: number): Draws => {
  const rows = batches(job, epoch, batch)
  return { steps: rows.shape[0]!, values: { rows } }
}

/** The forward pass of heads and their fusion. */
export const predictor =
  (
    heads: Named<{
      readonly head: Head.Head
      readonly reads: ReadonlyArray<string>
      readonly parameters?: string
    }>,
    fusion: Fusion
  ): Method<Dims>["predict"] =>
  (ops, state, features) => {
    const logits = Object.entries(heads).map(([name, { head, reads, parameters = name }]) => {
      const parts = reads.map((modality) => get(features, modality))
      const names = Object.keys(Head.shapes(head))
      const own = Object.fromEntries(names.map((key) => [key, get(state, within(parameters, key))]))
      const x = parts.length === 1 ? parts[0]! : ops.concat(parts, "columns")
      return [name, Head.forward(ops, Head.layers(ops, Head.depth(head), own), x).logits] as const
    })
    const all = logits.map(([, z]) => z)
    return { logits: Object.fromEntries(logits), probabilities: fuse(ops, fusion, all) }
  }

const sumOf = (numbers: ArrayLike<number>): number => Array.from(numbers).reduce((a, b) => a + b, 0)

const mean = (numbers: ArrayLike<number>): number => sumOf(numbers) / numbers.length
