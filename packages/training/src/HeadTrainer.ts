/**
 * The head-training service: it takes methods and jobs (features, a seed, rows) and returns a stream of events that
 * ends with the trained heads. Between two epochs a training is at a boundary of its method: if it is interrupted, it
 * continues from there, by the cursor in its last checkpoint.
 */
import type { Features, Method, Metric, Ops } from "@igm/gradient"
import type { OnnxRuntime } from "@igm/onnx"
import type { Digest, Split, Tensor } from "@igm/tensor"
import { Context, Effect, Layer, Option, Queue, type Scope, Stream } from "effect"
import * as Batch from "./engine/Batch.ts"
import * as Draws from "./engine/Draws.ts"
import { type EngineError, type EngineInfo, label, type Lane } from "./engine/Engine.ts"
import { Interpreter } from "./engine/Interpreter.ts"
import type { Choice } from "./engine/Local.ts"
import * as JobState from "./JobState.ts"
import * as OnnxProgram from "./onnx/OnnxProgram.ts"
import * as Reference from "./engine/Reference.ts"
import * as WorkerEngine from "./worker/WorkerEngine.ts"
import * as StepFingerprints from "./engine/StepFingerprints.ts"
import { TrainingError } from "./TrainingError.ts"
import * as Weights from "./Weights.ts"

/**
 * An event of a training. An epoch has the digest of the heads' weights after it and the measurements of its steps; a
 * checkpoint has the complete state to continue from; the last event carries the weights of the heads, by
 * `head.parameter`.
 */
export type TrainingEvent =
  | (Method.Event & { readonly kind: "epoch"; readonly weights: Digest.Digest; readonly steps: StepFingerprints.Steps })
  | Exclude<Method.Event, { readonly kind: "epoch" }>
  | { readonly kind: "checkpoint"; readonly cursor: Method.Cursor }
  | {
      readonly kind: "trained"
      readonly weights: Ops.Named<Method.HostTensor>
      /** The whole state after the last epoch. */
      readonly state: Method.Cursor["state"]
    }

type Errors = TrainingError | Metric.MetricError

/** The way in which jobs are stepped: several as one, or each alone, recorded by the epoch or by the step. */
type Way = "together" | "epoch" | "step"

/** Options of a training. */
export interface Options {
  /** The cursor to continue from; the beginning by default. */
  readonly from?: Method.Cursor
  /**
   * The granularity of the record of its state: by a digest after every epoch, or by fingerprints after every step as
   * well.
   */
  readonly trace?: "epoch" | "step"
}

/** The service that trains heads. */
export class HeadTrainer extends Context.Service<
  HeadTrainer,
  {
    readonly info: EngineInfo
    /** A short name of the engine, for tables. */
    readonly engine: string
    readonly train: <D extends Features.Dims, S extends Split.Split>(
      method: Method.Method<D, S>,
      job: Method.Job<D, S>,
      options?: Options
    ) => Stream.Stream<TrainingEvent, Errors>
    /**
     * Computes the whole state after the first n steps of the cursor's epoch; for n = 0 the state at the beginning of
     * the epoch.
     */
    readonly steps: <D extends Features.Dims, S extends Split.Split>(
      method: Method.Method<D, S>,
      job: Method.Job<D, S>,
      cursor: Method.Cursor,
      n: number
    ) => Effect.Effect<Method.Cursor["state"], TrainingError>
    /**
     * Trains many jobs. Jobs of equal shapes are trained as one program, at most `together` of them; events name their
     * job by its index in the list. By default, a device on which heads are stepped fastest one by one runs the program
     * of `train`.
     */
    readonly trainMany: (
      tasks: ReadonlyArray<JobState.Task>,
      options?: { readonly together?: number }
    ) => Stream.Stream<readonly [job: number, event: TrainingEvent], Errors>
    /** The predictions of trained heads for features: logits by head, and fused probabilities (n × classes). */
    readonly predict: <D extends Features.Dims>(
      method: Pick<Method.Method<D, Split.Split>, "predict">,
      weights: Ops.Named<Method.HostTensor>,
      features: { readonly [M in keyof D]: Tensor.Tensor<"float32"> }
    ) => Effect.Effect<Method.Prediction<Method.HostTensor>, EngineError>
  }
>()("@igm/training/HeadTrainer") {
  /** Trains on the interpreter that the layer is given. */
  static readonly layerInterpreter: Layer.Layer<HeadTrainer, never, Interpreter> = Layer.fresh(
    Layer.effect(
      HeadTrainer,
      Effect.gen(function* () {
        const it = yield* Interpreter

        /** Runs the next blocks of jobs, several as one. */
        const blocks = (
          jobStates: ReadonlyArray<JobState.JobState>,
          requests: ReadonlyArray<Batch.Request>,
          lane: Lane,
          way: Way
        ) => {
          const [{ step, input }, { task, cursor }] = [requests[0]!, jobStates[0]!]
          const outputs =
            way === "together"
              ? Batch.run(it, requests, lane)
              : Effect.map(it.block(step, { ...input, traced: way === "step" }, lane), (one) => [one])
          return outputs.pipe(JobState.failed(task, cursor))
        }

        /** Runs one epoch of jobs that share a lane. */
        const epoch = Effect.fn("HeadTrainer.epoch")(function* (
          jobStates: ReadonlyArray<JobState.JobState>,
          lane: Lane,
          way: Way
        ) {
          const [{ task, cursor }] = [jobStates[0]!]
          yield* Effect.annotateCurrentSpan({
            method: task.method.name,
            seed: task.job.seed,
            phase: cursor.phase,
            epoch: cursor.epoch + 1,
            heads: jobStates.length
          })
          const inputs = yield* Effect.forEach(jobStates, JobState.block)
          const ledgers = yield* Effect.forEach(jobStates, (jobState, i) =>
            JobState.probe(it, jobState, inputs[i]!, lane)
          )
          const requests = jobStates.map(({ phase: { step } }, i) => ({ step, input: inputs[i]! }))
          const outputs = yield* blocks(jobStates, requests, lane, way)
          return yield* Effect.forEach(jobStates, (jobState, i) =>
            Effect.gen(function* () {
              const { task, cursor, events: begun } = jobState
              const state = yield* JobState.after(jobState, outputs[i]!)
              const weights = task.method.weights(state)
              const predictions = yield* it
                .predict(task.method.predict, weights, task.job.select.modalities, lane)
                .pipe(JobState.failed(task, cursor))
              const { events, next } = yield* JobState.conclude(
                jobState,
                state,
                outputs[i]!.trace,
                ledgers[i]!,
                predictions
              )
              const more = {
                weights: Weights.digest(weights),
                steps: StepFingerprints.stepsOf(jobState.phase, outputs[i]!)
              }
              const told = [...begun, ...events].map((event): TrainingEvent =>
                event.kind === "epoch" ? { ...event, ...more } : event
              )
              const last: TrainingEvent =
                "done" in next ? { kind: "trained", weights: next.done, state } : { kind: "checkpoint", cursor: next }
              return { jobState, next, events: [...told, last] }
            })
          )
        })

        /** Trains jobs side by side until all have ended. */
        const training = (
          tasks: ReadonlyArray<readonly [number, JobState.Task]>,
          way: Way,
          lanes: Effect.Effect<Lane, never, Scope.Scope>
        ) =>
          Stream.unwrap(
            Effect.gen(function* () {
              const lane = yield* lanes
              const first = yield* Effect.forEach(tasks, ([job, task]) =>
                Effect.map(JobState.start(task), (cursor) => [job, task, cursor] as const)
              )
              const jobStates = yield* Effect.forEach(first, ([job, task, cursor]) =>
                Effect.map(JobState.enter(it, task, cursor, lane), (jobState) => [job, jobState] as const)
              )
              return Stream.paginate(jobStates, (all) =>
                Effect.gen(function* () {
                  const epochs = yield* epoch(
                    all.map(([, jobState]) => jobState),
                    lane,
                    way
                  )
                  const following: Array<readonly [number, JobState.JobState]> = []
                  for (const [i, { jobState, next }] of epochs.entries()) {
                    if ("done" in next) continue
                    const goesOn = next.entered
                      ? { ...jobState, cursor: next, events: [] }
                      : yield* JobState.enter(it, jobState.task, next, lane)
                    following.push([all[i]![0], goesOn])
                  }
                  const told = epochs.flatMap(({ events }, i) => events.map((event) => [all[i]![0], event] as const))
                  return [told, following.length === 0 ? Option.none() : Option.some(following)] as const
                })
              )
            })
          )

        /** Computes the state of a task after the first n steps of its next epoch. */
        const steps = Effect.fn("HeadTrainer.steps")(function* (task: JobState.Task, n: number) {
          const lane = yield* it.lane
          const jobState = yield* JobState.enter(it, task, yield* JobState.start(task), lane)
          const { cursor, phase } = jobState
          if (n === 0) return cursor.state
          const input = yield* JobState.block(jobState)
          const all = input.draws.steps
          if (!Number.isInteger(n) || n < 0 || n > all) {
            return yield* new TrainingError({
              method: task.method.name,
              phase: cursor.phase,
              epoch: cursor.epoch + 1,
              step: 0,
              problem: `no state after ${n} steps: this epoch has ${all}, give a whole number from 0 to ${all}`
            })
          }
          const first = { ...input, draws: Draws.part(input.draws, 0, n) }
          const output = yield* it.block(phase.step, first, lane).pipe(JobState.failed(task, cursor))
          return yield* JobState.after(jobState, output)
        }, Effect.scoped)

        return HeadTrainer.of({
          info: it.info,
          engine: label(it.info),
          train: (method, job, { trace = "epoch", ...from } = {}) =>
            Stream.map(training([[0, JobState.widen({ method, job, ...from })]], trace, it.lane), ([, event]) => event),
          steps: (method, job, from, n) => steps(JobState.widen({ method, job, from }), n),
          trainMany: (tasks, options = {}) => {
            const { together = it.info.together } = options
            const way = together === 1 && options.together === undefined ? "epoch" : "together"
            const numbered = tasks.map((task, i) => [i, task] as const)
            const groups = Array.from({ length: Math.ceil(tasks.length / together) }, (_, g) =>
              numbered.slice(g * together, (g + 1) * together)
            )
            const all = Effect.gen(function* () {
              // One group after another has a lane, and what is kept there.
              const free = yield* Queue.unbounded<Lane>()
              const most = Math.min(it.info.threads, groups.length)
              for (let i = 0; i < most; i++) yield* Queue.offer(free, yield* it.lane)
              const lanes = Effect.acquireRelease(Queue.take(free), (lane) => Queue.offer(free, lane))
              const trainings = groups.map((group) => training(group, way, lanes))
              return Stream.mergeAll(trainings, { concurrency: it.info.threads })
            })
            return Stream.unwrap(all)
          },
          predict: (method, weights, features) => it.predict(method.predict, weights, features)
        })
      })
    )
  )

  /** Trains by ONNX programs in this thread. */
  static readonly layerOnnx: Layer.Layer<HeadTrainer, never, OnnxRuntime> = HeadTrainer.layerInterpreter.pipe(
    Layer.provide(OnnxProgram.layer)
  )

  /** Trains by the chosen engine in worker threads, one by default. */
  static readonly layer = (choice: Choice, options: WorkerEngine.Options = { threads: 1 }) =>
    HeadTrainer.layerInterpreter.pipe(Layer.provide(Interpreter.layer(WorkerEngine.engine(choice, options))))

  /** Trains in double precision, for reference. */
  static readonly layerReference = HeadTrainer.layerInterpreter.pipe(Layer.provide(Reference.layer))
}
