/**
 * Methods that train in turns, the common frame of IGM, the baselines and the rivals. A turn trains some tensors for
 * some epochs with one step. The weights of the epoch that is best on the selecting split are kept.
 */
import { type Digest, Keyed, Name, Setting, type Split, Tensor } from "@igm/tensor"
import { Schema } from "effect"
import type { Dims } from "../Features.ts"
import * as Float64 from "../ops/Float64.ts"
import { type Fusion, fuse, fusions } from "../Fusion.ts"
import * as Head from "../step/Head.ts"
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
} from "../Method.ts"
import { type Named, get } from "../ops/Ops.ts"
import * as Optimizer from "../step/Optimizer.ts"
import * as Schedule from "../step/Schedule.ts"
import * as Selection from "./Selection.ts"
import * as TrainStep from "../step/Step.ts"

/** A head and the modalities whose concatenated features it reads. */
export interface HeadOf<D extends Dims> {
  readonly head: Head.Head
  readonly reads: ReadonlyArray<keyof D & string>
  /** The owner of its parameters, where several share one set; its own name's otherwise. */
  readonly parameters?: string
}

/** The state of a training at the start of a turn. `kept` are values that the method keeps between turns. */
export interface TrainingState {
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

/** The work of a turn in each of its epochs. */
export interface Work {
  readonly step: Step
  readonly probe?: Step
  /** Maps the step's names of state tensors to their names in the whole state. */
  readonly state: Named<string>
  /** The inputs of the step besides the learning rate, in the epoch of that number. */
  readonly inputs: (epoch: number) => Named<Tensor.Tensor>
  /** Further inputs, computed once when the turn begins. */
  readonly derived?: Computation
  readonly draws: (epoch: number) => Draws
  readonly events: ReadonlyArray<Event>
}

/** A turn of a method: some epochs of training with one step. */
export interface Turn<D extends Dims, S extends Split.Split> {
  /** The name in the log; turns of the same name share a schedule's state. */
  readonly name: string
  readonly epochs: number
  /** True if its epochs may be selected as the best. */
  readonly selects: boolean
  /** Computations that an interpreter has to run before the turn begins, such as moments. */
  readonly survey?: (job: Job<D, S>, training: TrainingState) => ReadonlyArray<Computation>
  /** Host work when the turn begins, from the survey's results: targets, for example, or weights to return to. */
  readonly enter: (job: Job<D, S>, training: TrainingState, found: Named<HostTensor>) => TrainingState
  readonly work: (job: Job<D, S>, training: TrainingState, turn: number) => Work
}

/** The complete description of a method in turns. */
export interface Plan<D extends Dims, S extends Split.Split> {
  readonly name: string
  readonly description: string
  /** All settings that the result depends on: they are part of the key of a stored training. */
  readonly settings: Digest.Json
  readonly widths: D
  readonly heads: Named<HeadOf<D>>
  readonly fusion: Fusion
  readonly optimizer: Optimizer.Optimizer
  readonly schedule: Schedule.Schedule
  readonly selection: Selection.Selection<S>
  /** The initial tensors of the state besides the heads' parameters. */
  readonly memory: Named<HostTensor>
  /** Turns the heads' parameters in a state into the weights that predict; by default these are the parameters. */
  readonly predicting?: (parameters: Named<HostTensor>, state: Named<HostTensor>) => Named<HostTensor>
  readonly turns: readonly [Turn<D, S>, ...ReadonlyArray<Turn<D, S>>]
}

/** The memo of a method in turns: its state between epochs. */
interface Memo extends Omit<TrainingState, "state"> {
  readonly turn: number
  readonly epochOfTurn: number
}

const memoOf = (cursor: Cursor): Memo => cursor.memo as unknown as Memo

/** The name of a head's tensor in the whole state. */
export const within = (owner: string, name: string): string => `${owner}.${name}`

/** Renames the values of a head to their names in the whole state. */
export const allWithin = <A>(owner: string, values: Named<A>): Named<A> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [within(owner, name), value]))

/** Heads by the owner of their parameters. */
const owned = <H extends Pick<HeadOf<Dims>, "head" | "parameters">>(heads: Named<H>): Named<Head.Head> =>
  Object.fromEntries(Object.entries(heads).map(([name, { head, parameters = name }]) => [parameters, head]))

/** The parameters of a head by their names within the head, from the whole state. */
export const parametersOf = (state: Named<HostTensor>, owner: string, spec: Head.Head): Named<HostTensor> =>
  Object.fromEntries(Object.keys(Head.shapes(spec)).map((name) => [name, get(state, within(owner, name))]))

const weightsOf = (heads: Named<Head.Head>, state: Named<HostTensor>): Named<HostTensor> =>
  Object.assign({}, ...Object.entries(heads).map(([owner, head]) => allWithin(owner, parametersOf(state, owner, head))))

/** Maps the step's names of a head's parameters and their optimizer state to names in the whole state. */
export const trained = (optimizer: Optimizer.Optimizer, owner: string, head: Head.Head): Named<string> => {
  const shapes = Head.shapes(head)
  const local = [...Object.keys(shapes), ...Object.keys(Optimizer.start(optimizer, shapes))]
  return Object.fromEntries(local.map((name) => [name, within(owner, name)]))
}

const Domain = Schema.Struct({
  optimizer: Optimizer.domain,
  schedule: Schedule.domain,
  selection: Selection.domain,
  fusion: Setting.oneOf(fusions)
})

const Epochs = Schema.Struct({ epochs: Setting.repeats })

/**
 * Makes the method of a plan. Throws a `RangeError` if its heads have different numbers of classes, a `SettingError`
 * for a turn without epochs or an invalid setting, and a `NameError` for an invalid name of the method or a head.
 */
export const make = <D extends Dims, S extends Split.Split>(plan: Plan<D, S>): Method<D, S> => {
  const { turns, schedule, optimizer, selection, fusion } = plan
  Name.printed("the name of a method", plan.name)
  for (const head of Object.keys(plan.heads)) Name.key(`the name of a head of ${plan.name}`, head)
  Setting.check(plan.name, Domain, { schedule, optimizer, selection, fusion })
  const heads = owned(plan.heads)
  const weightsIn = (state: Named<HostTensor>): Named<HostTensor> => {
    const parameters = weightsOf(heads, state)
    return plan.predicting?.(parameters, state) ?? parameters
  }
  const classes = new Set(Object.values(heads).map(({ out }) => out))
  if (classes.size !== 1) throw new RangeError(`the heads of ${plan.name} have ${[...classes].join(", ")} outputs`)

  for (const { name, epochs } of turns) Setting.check(`${plan.name}, ${name}`, Epochs, { epochs })

  const cursorAt = (epoch: number, { state, ...rest }: TrainingState, turn: number, epochOfTurn: number): Cursor => ({
    phase: `turn ${turn + 1}: ${turns[turn]!.name}`,
    entered: epochOfTurn > 0,
    epoch,
    state,
    memo: { ...rest, turn, epochOfTurn }
  })
  const trainingOf = (cursor: Cursor): TrainingState => {
    const { schedules, best, kept } = memoOf(cursor)
    return { state: cursor.state, schedules, best, kept }
  }

  const start = (job: Job<D, S>): Cursor => {
    const parameters = Object.entries(heads).map(([owner, head]) =>
      allWithin(owner, Head.init(head, [job.seed, "init", owner]))
    )
    const names = new Set(turns.map(({ name }) => name))
    const training: TrainingState = {
      state: Object.assign({}, ...parameters, plan.memory) as Named<HostTensor>,
      schedules: Object.fromEntries([...names].map((name) => [name, Schedule.start(schedule)])),
      best: null,
      kept: {}
    }
    return cursorAt(0, training, 0, 0)
  }

  const survey = (job: Job<D, S>, cursor: Cursor): ReadonlyArray<Computation> =>
    turns[memoOf(cursor).turn]!.survey?.(job, trainingOf(cursor)) ?? []

  const enter = (job: Job<D, S>, cursor: Cursor, found: Named<HostTensor>): Cursor => {
    const { turn } = memoOf(cursor)
    const training = turns[turn]!.enter(job, trainingOf(cursor), found)
    return { ...cursorAt(cursor.epoch, training, turn, 0), entered: true }
  }

  const rateOf = (at: Cursor): number => {
    const { schedules, turn } = memoOf(at)
    return optimizer.rate * get(schedules, turns[turn]!.name).factor
  }

  const phase = (job: Job<D, S>, cursor: Cursor): Phase => {
    const { turn } = memoOf(cursor)
    const { step, probe, state, inputs, derived, draws, events } = turns[turn]!.work(job, trainingOf(cursor), turn)
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
    const { name, epochs, selects } = turns[memo.turn]!
    const place = { turn: memo.turn + 1, head: name }
    const loss = mean(get(trace, "loss"))
    const epoch = at.epoch + 1
    const event: Event = { kind: "epoch", epoch, ...place, loss, rate: rateOf(at), selected, ledger: probe }
    const zeros = sumOf(trace[TrainStep.ZERO_GRADIENTS] ?? [])
    const notes: ReadonlyArray<Event> =
      zeros === 0 ? [] : [{ kind: "note", ...place, note: `zero gradients: ${zeros}, not perturbed` }]
    const events = [event, ...notes]
    const score = selected[selection.by]
    const better = selects && (memo.best === null || score > memo.best.score)
    const training: TrainingState = {
      ...trainingOf(at),
      schedules: { ...memo.schedules, [name]: Schedule.next(schedule, get(memo.schedules, name), loss) },
      best: better ? { score, epoch, weights: weightsIn(at.state) } : memo.best
    }
    if (memo.epochOfTurn + 1 < epochs) {
      return { events, next: cursorAt(epoch, training, memo.turn, memo.epochOfTurn + 1) }
    }
    const following = turns[memo.turn + 1]
    if (following === undefined) return { events, next: { done: training.best!.weights } }
    return { events, next: cursorAt(epoch, training, memo.turn + 1, 0) }
  }

  return {
    name: plan.name,
    description: plan.description,
    settings: plan.settings,
    widths: plan.widths,
    classes: [...classes][0]!,
    selectsOn: selection.on,
    epochs: turns.reduce((total, { epochs }) => total + epochs, 0),
    start,
    survey,
    enter,
    phase,
    weights: weightsIn,
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

/** The draws of an epoch that needs batches only. */
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
