/**
 * The state of one job in training: the cursor of its method, and the inputs of its current phase. Between two epochs
 * it is at a boundary, where no work is in progress.
 */
import { type Features, type Method, Metric, Ops } from "@igm/gradient"
import type { Split, Tensor } from "@igm/tensor"
import { Effect } from "effect"
import * as Checks from "./Checks.ts"
import type { BlockInput, BlockOutput, EngineError, Lane } from "./engine/Engine.ts"
import type { Interpreter } from "./engine/Interpreter.ts"
import { TrainingError } from "./TrainingError.ts"

type Dims = Features.Dims

/** A method with the job that it trains on, and optionally a cursor to go on from. */
export interface Task<D extends Dims = Dims, S extends Split.Split = Split.Split> {
  readonly method: Method.Method<D, S>
  readonly job: Method.Job<D, S>
  /** The cursor to continue from; the beginning by default. */
  readonly from?: Method.Cursor
}

/** Erases the widths and split from the type of a task, once they have been checked. */
export const widen = <D extends Dims, S extends Split.Split>(task: Task<D, S>): Task => task as unknown as Task

/** The state of a job in a phase of its method. */
export interface JobState {
  readonly task: Task
  readonly cursor: Method.Cursor
  readonly phase: Method.Phase
  /** The inputs that were computed for the phase. */
  readonly derived: Ops.Named<Tensor.Tensor>
  /** The events of the phase's beginning; empty unless it has just begun. */
  readonly events: ReadonlyArray<Method.Event>
}

type Interprets = Interpreter["Service"]

const placeOf = ({ method }: Task, { phase, epoch }: Method.Cursor, step: number) => ({
  method: method.name,
  phase,
  epoch: epoch + 1,
  step
})

/** Adds the place in the training to an engine's error. */
export const failed = (task: Task, cursor: Method.Cursor) =>
  Effect.mapError(
    (cause: EngineError) => new TrainingError({ ...placeOf(task, cursor, 1), problem: cause.message, cause })
  )

/** Checks a task and returns the cursor at which it begins or continues. */
export const start = Effect.fnUntraced(function* (task: Task) {
  const { method, job, from } = task
  const problem = Checks.problem(method, job)
  if (problem !== undefined) {
    return yield* new TrainingError({
      method: method.name,
      phase: "before the first turn",
      epoch: 0,
      step: 0,
      problem
    })
  }
  return from ?? method.start(job)
})

/** Runs the computations that the cursor's phase needs before it begins. */
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

/** Begins the cursor's phase, or continues within it. */
export const enter = Effect.fnUntraced(function* (it: Interprets, task: Task, at: Method.Cursor, lane: Lane) {
  const { method, job } = task
  const surveyed = survey(it, task, at, lane).pipe(failed(task, at))
  const cursor = at.entered ? at : method.enter(job, at, yield* surveyed)
  const phase = method.phase(job, cursor)
  const derived = phase.derived === undefined ? {} : yield* it.compute(phase.derived, lane).pipe(failed(task, at))
  const jobState: JobState = { task, cursor, phase, derived, events: at.entered ? [] : phase.events }
  return jobState
})

/** Makes the block of the job's next epoch. */
export const block = Effect.fnUntraced(function* ({ task, cursor, phase, derived }: JobState) {
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

/** Runs the phase's probe on the first step's draws. */
export const probe = Effect.fnUntraced(function* (
  it: Interprets,
  { task, cursor, phase }: JobState,
  input: BlockInput,
  lane: Lane
) {
  if (phase.probe === undefined) return {}
  return yield* it.probe(phase.probe, input, lane).pipe(failed(task, cursor))
})

/** Returns the whole state after a block. Fails if a number of its traces is not finite. */
export const after = Effect.fnUntraced(function* ({ task, cursor, phase }: JobState, { state, trace }: BlockOutput) {
  for (const [name, numbers] of Object.entries(trace)) {
    const step = numbers.findIndex((x) => !Number.isFinite(x))
    if (step < 0) continue
    const problem = `the ${name} is ${numbers[step]}: training has diverged; try a smaller learning rate`
    return yield* new TrainingError({ ...placeOf(task, cursor, step + 1), problem, diverged: true })
  }
  const moved = Object.entries(phase.state).map(([local, global]) => [global, Ops.get(state, local)] as const)
  const whole: Method.Cursor["state"] = { ...cursor.state, ...Object.fromEntries(moved) }
  return whole
})

/** Concludes the epoch: computes the metrics on the selecting split and returns the method's boundary. */
export const conclude = Effect.fnUntraced(function* (
  { task, cursor, phase }: JobState,
  state: Method.Cursor["state"],
  trace: BlockOutput["trace"],
  ledger: Ops.Named<number>,
  predictions: Method.Prediction<Method.HostTensor>
) {
  const selected = yield* Metric.score(task.job.select.labels, predictions.probabilities)
  return phase.boundary({ ...cursor, state }, { trace, probe: ledger, selected })
})
