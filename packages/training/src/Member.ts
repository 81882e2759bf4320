/**
 * One job in training: where its method stands, and what the phase it is in reads. Between two epochs it is at a boundary,
 * where nothing is half done.
 */
import { type Features, type Method, Metric, Ops } from "@igm/gradient"
import type { Split, Tensor } from "@igm/tensor"
import { Effect } from "effect"
import * as Checks from "./Checks.ts"
import type { BlockInput, BlockOutput, EngineError, Lane } from "./Engine.ts"
import type { Interpreter } from "./Interpreter.ts"
import { TrainingError } from "./TrainingError.ts"

type Dims = Features.Dims

/** A method with what it is to train on, and a cursor to go on from. */
export interface Task<D extends Dims = Dims, S extends Split.Split = Split.Split> {
  readonly method: Method.Method<D, S>
  readonly job: Method.Job<D, S>
  /** Where a training stood that is to go on; the beginning by default. */
  readonly from?: Method.Cursor
}

/** A task whose widths and split have been checked by the types already. */
export const widen = <D extends Dims, S extends Split.Split>(task: Task<D, S>): Task => task as unknown as Task

/** A job in a phase. */
export interface Member {
  readonly task: Task
  readonly cursor: Method.Cursor
  readonly phase: Method.Phase
  /** The inputs that the phase has had computed. */
  readonly derived: Ops.Named<Tensor.Tensor>
  /** What happened as the phase began, if it began just now. */
  readonly events: ReadonlyArray<Method.Event>
}

type Interprets = Interpreter["Service"]

const placeOf = ({ method }: Task, { phase, epoch }: Method.Cursor, step: number) => ({
  method: method.name,
  phase,
  epoch: epoch + 1,
  step
})

/** An engine's failure at its place in a training. */
export const failed = (task: Task, cursor: Method.Cursor) =>
  Effect.mapError(
    (cause: EngineError) => new TrainingError({ ...placeOf(task, cursor, 1), problem: cause.message, cause })
  )

/** Where a task begins, or goes on. */
export const start = Effect.fnUntraced(function* (task: Task) {
  const { method, job, from } = task
  const problem = Checks.problem(method, job)
  if (problem !== undefined) {
    return yield* new TrainingError({
      method: method.name,
      phase: "before the first stage",
      epoch: 0,
      step: 0,
      problem
    })
  }
  return from ?? method.start(job)
})

/** What the cursor's phase has computed before it begins. */
export const survey = Effect.fnUntraced(function* (it: Interprets, task: Task, at: Method.Cursor, lane: Lane) {
  const found: Record<string, Method.HostTensor> = {}
  for (const computation of task.method.survey(task.job, at)) {
    // The engine begins before the host, and in a thread of its own goes on beside it.
    const beside = Effect.sync(() => computation.meanwhile?.(found))
    const [made] = yield* Effect.all([it.compute(computation, lane), beside], { concurrency: 2 })
    Object.assign(found, made)
  }
  return found
})

/** Begins the cursor's phase, or goes on in its midst. */
export const enter = Effect.fnUntraced(function* (it: Interprets, task: Task, at: Method.Cursor, lane: Lane) {
  const { method, job } = task
  const surveyed = survey(it, task, at, lane).pipe(failed(task, at))
  const cursor = at.entered ? at : method.enter(job, at, yield* surveyed)
  const phase = method.phase(job, cursor)
  const derived = phase.derived === undefined ? {} : yield* it.compute(phase.derived, lane).pipe(failed(task, at))
  const member: Member = { task, cursor, phase, derived, events: at.entered ? [] : phase.events }
  return member
})

/** The block that is the member's next epoch. */
export const block = Effect.fnUntraced(function* ({ task, cursor, phase, derived }: Member) {
  const draws = phase.draws(cursor)
  if (draws.steps === 0) {
    const samples = task.job.rows?.length ?? task.job.train.labels.length
    const problem = `no whole batch in ${samples} samples: give a smaller batch, or more samples`
    return yield* new TrainingError({ ...placeOf(task, cursor, 1), problem })
  }
  const input: BlockInput = {
    state: Ops.mapNamed(phase.state, (global) => Ops.get(cursor.state, global)),
    inputs: { ...phase.inputs(cursor), ...derived },
    draws
  }
  return input
})

/** The numbers of the phase's probe, on the first step's draws. */
export const probe = Effect.fnUntraced(function* (
  it: Interprets,
  { task, cursor, phase }: Member,
  input: BlockInput,
  lane: Lane
) {
  if (phase.probe === undefined) return {}
  return yield* it.probe(phase.probe, input, lane).pipe(failed(task, cursor))
})

/** The whole state after a block, whose traces have to be numbers. */
export const after = Effect.fnUntraced(function* ({ task, cursor, phase }: Member, { state, trace }: BlockOutput) {
  for (const [name, numbers] of Object.entries(trace)) {
    const step = numbers.findIndex((x) => !Number.isFinite(x))
    if (step < 0) continue
    const problem = `the ${name} is ${numbers[step]}: training has diverged; try a smaller learning rate`
    return yield* new TrainingError({ ...placeOf(task, cursor, step + 1), problem })
  }
  const moved = Object.entries(phase.state).map(([local, global]) => [global, Ops.get(state, local)] as const)
  const whole: Method.Cursor["state"] = { ...cursor.state, ...Object.fromEntries(moved) }
  return whole
})

/** What follows the epoch, from what was observed. */
export const conclude = Effect.fnUntraced(function* (
  { task, cursor, phase }: Member,
  state: Method.Cursor["state"],
  trace: BlockOutput["trace"],
  ledger: Ops.Named<number>,
  said: Method.Prediction<Method.HostTensor>
) {
  const selected = yield* Metric.score(task.job.select.labels, said.probabilities)
  return phase.boundary({ ...cursor, state }, { trace, probe: ledger, selected })
})
