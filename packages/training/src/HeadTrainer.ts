/**
 * The head-training service: it takes methods and jobs (features, a seed, rows) and returns the stream of what happens,
 * ending in the trained heads. Between two epochs a training is at a boundary of its method, where nothing is half done:
 * there it can be interrupted, and go on from the cursor that its last checkpoint holds.
 */
import type { Features, Method, Metric, Ops } from "@igm/gradient"
import type { OnnxRuntime } from "@igm/onnx"
import type { Digest, Split, Tensor } from "@igm/tensor"
import { Context, Effect, Layer, Option, Queue, type Scope, Stream } from "effect"
import * as Batch from "./Batch.ts"
import * as Draws from "./Draws.ts"
import { type About, type EngineError, type Lane, label } from "./Engine.ts"
import { Interpreter } from "./Interpreter.ts"
import type { Choice } from "./Local.ts"
import * as Member from "./Member.ts"
import * as OnnxProgram from "./OnnxProgram.ts"
import * as Reference from "./Reference.ts"
import * as Remote from "./Remote.ts"
import * as Traced from "./Traced.ts"
import { TrainingError } from "./TrainingError.ts"
import * as Weights from "./Weights.ts"

/**
 * What happens in a training. An epoch's event has the digest of the heads' weights after it, and what its steps left; a
 * checkpoint has all that the training needs to go on; the last event carries the weights of the heads, by
 * `head.parameter`.
 */
export type TrainingEvent =
  | (Method.Event & { readonly kind: "epoch"; readonly weights: Digest.Digest; readonly steps: Traced.Steps })
  | Exclude<Method.Event, { readonly kind: "epoch" }>
  | { readonly kind: "checkpoint"; readonly cursor: Method.Cursor }
  | {
      readonly kind: "trained"
      readonly weights: Ops.Named<Method.HostTensor>
      /** The whole state after the last epoch. */
      readonly state: Method.Cursor["state"]
    }

type Errors = TrainingError | Metric.MetricError

/** How members are stepped: several as one, or one by itself, recorded by the epoch or by the step. */
type Way = "together" | "epoch" | "step"

/** How a training runs. */
export interface Options {
  /** Where it stood, to go on from there; the beginning by default. */
  readonly from?: Method.Cursor
  /** How finely its state is recorded: by a digest after every epoch, or by fingerprints after every step as well. */
  readonly trace?: "epoch" | "step"
}

/** Trains heads. */
export class HeadTrainer extends Context.Service<
  HeadTrainer,
  {
    readonly about: About
    /** The engine at work in a few words, for tables. */
    readonly engine: string
    readonly train: <D extends Features.Dims, S extends Split.Split>(
      method: Method.Method<D, S>,
      job: Method.Job<D, S>,
      options?: Options
    ) => Stream.Stream<TrainingEvent, Errors>
    /**
     * The whole state after the first n steps of the cursor's epoch, as a training has it there; for n = 0 as the epoch
     * begins, in a phase that has begun.
     */
    readonly steps: <D extends Features.Dims, S extends Split.Split>(
      method: Method.Method<D, S>,
      job: Method.Job<D, S>,
      cursor: Method.Cursor,
      n: number
    ) => Effect.Effect<Method.Cursor["state"], TrainingError>
    /**
     * Trains many jobs, those of equal shapes together as one program, `together` at most; events name their job by its
     * place in the list. Unless told otherwise, a device on which heads are best stepped one by one runs the program of
     * `train`.
     */
    readonly trainMany: (
      tasks: ReadonlyArray<Member.Task>,
      options?: { readonly together?: number }
    ) => Stream.Stream<readonly [job: number, event: TrainingEvent], Errors>
    /** What trained heads say about features: logits by head, and fused probabilities (n × classes). */
    readonly predict: <D extends Features.Dims>(
      method: Pick<Method.Method<D, Split.Split>, "predict">,
      weights: Ops.Named<Method.HostTensor>,
      features: { readonly [M in keyof D]: Tensor.Tensor<"float32"> }
    ) => Effect.Effect<Method.Prediction<Method.HostTensor>, EngineError>
  }
>()("@igm/training/HeadTrainer") {
  /** Trains on whatever interpreter is given. */
  static readonly layerInterpreter: Layer.Layer<HeadTrainer, never, Interpreter> = Layer.fresh(
    Layer.effect(
      HeadTrainer,
      Effect.gen(function* () {
        const it = yield* Interpreter

        /** Runs the next blocks of members: of one as it is, of several as one. */
        const blocks = (
          members: ReadonlyArray<Member.Member>,
          requests: ReadonlyArray<Batch.Request>,
          lane: Lane,
          way: Way
        ) => {
          const [{ step, input }, { task, cursor }] = [requests[0]!, members[0]!]
          const outputs =
            way === "together"
              ? Batch.run(it, requests, lane)
              : Effect.map(it.block(step, { ...input, traced: way === "step" }, lane), (one) => [one])
          return outputs.pipe(Member.failed(task, cursor))
        }

        /** One epoch of members that train in one lane. */
        const epoch = Effect.fn("HeadTrainer.epoch")(function* (
          members: ReadonlyArray<Member.Member>,
          lane: Lane,
          way: Way
        ) {
          const [{ task, cursor }] = [members[0]!]
          yield* Effect.annotateCurrentSpan({
            method: task.method.name,
            seed: task.job.seed,
            phase: cursor.phase,
            epoch: cursor.epoch + 1,
            heads: members.length
          })
          const inputs = yield* Effect.forEach(members, Member.block)
          const ledgers = yield* Effect.forEach(members, (member, i) => Member.probe(it, member, inputs[i]!, lane))
          const requests = members.map(({ phase: { step } }, i) => ({ step, input: inputs[i]! }))
          const outputs = yield* blocks(members, requests, lane, way)
          return yield* Effect.forEach(members, (member, i) =>
            Effect.gen(function* () {
              const { task, cursor, events: begun } = member
              const state = yield* Member.after(member, outputs[i]!)
              const weights = task.method.weights(state)
              const said = yield* it
                .predict(task.method.predict, weights, task.job.select.modalities, lane)
                .pipe(Member.failed(task, cursor))
              const { events, next } = yield* Member.conclude(member, state, outputs[i]!.trace, ledgers[i]!, said)
              const more = { weights: Weights.digest(weights), steps: Traced.stepsOf(member.phase, outputs[i]!) }
              const told = [...begun, ...events].map((event): TrainingEvent =>
                event.kind === "epoch" ? { ...event, ...more } : event
              )
              const last: TrainingEvent =
                "done" in next ? { kind: "trained", weights: next.done, state } : { kind: "checkpoint", cursor: next }
              return { member, next, events: [...told, last] }
            })
          )
        })

        /** Trains members side by side to their ends. */
        const training = (
          tasks: ReadonlyArray<readonly [number, Member.Task]>,
          way: Way,
          lanes: Effect.Effect<Lane, never, Scope.Scope>
        ) =>
          Stream.unwrap(
            Effect.gen(function* () {
              const lane = yield* lanes
              const first = yield* Effect.forEach(tasks, ([job, task]) =>
                Effect.map(Member.start(task), (cursor) => [job, task, cursor] as const)
              )
              const members = yield* Effect.forEach(first, ([job, task, cursor]) =>
                Effect.map(Member.enter(it, task, cursor, lane), (member) => [job, member] as const)
              )
              return Stream.paginate(members, (all) =>
                Effect.gen(function* () {
                  const epochs = yield* epoch(
                    all.map(([, member]) => member),
                    lane,
                    way
                  )
                  const following: Array<readonly [number, Member.Member]> = []
                  for (const [i, { member, next }] of epochs.entries()) {
                    if ("done" in next) continue
                    const goesOn = next.entered
                      ? { ...member, cursor: next, events: [] }
                      : yield* Member.enter(it, member.task, next, lane)
                    following.push([all[i]![0], goesOn])
                  }
                  const told = epochs.flatMap(({ events }, i) => events.map((event) => [all[i]![0], event] as const))
                  return [told, following.length === 0 ? Option.none() : Option.some(following)] as const
                })
              )
            })
          )

        /** The state of a task after the first n steps of its next epoch. */
        const steps = Effect.fn("HeadTrainer.steps")(function* (task: Member.Task, n: number) {
          const lane = yield* it.lane
          const member = yield* Member.enter(it, task, yield* Member.start(task), lane)
          const { cursor, phase } = member
          if (n === 0) return cursor.state
          const input = yield* Member.block(member)
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
          const output = yield* it.block(phase.step, first, lane).pipe(Member.failed(task, cursor))
          return yield* Member.after(member, output)
        }, Effect.scoped)

        return HeadTrainer.of({
          about: it.about,
          engine: label(it.about),
          train: (method, job, { trace = "epoch", ...from } = {}) =>
            Stream.map(training([[0, Member.widen({ method, job, ...from })]], trace, it.lane), ([, event]) => event),
          steps: (method, job, from, n) => steps(Member.widen({ method, job, from }), n),
          trainMany: (tasks, options = {}) => {
            const { together = it.about.together } = options
            const way = together === 1 && options.together === undefined ? "epoch" : "together"
            const numbered = tasks.map((task, i) => [i, task] as const)
            const groups = Array.from({ length: Math.ceil(tasks.length / together) }, (_, g) =>
              numbered.slice(g * together, (g + 1) * together)
            )
            const all = Effect.gen(function* () {
              // One group after another has a lane, and what is kept there.
              const free = yield* Queue.unbounded<Lane>()
              const most = Math.min(it.about.threads, groups.length)
              for (let i = 0; i < most; i++) yield* Queue.offer(free, yield* it.lane)
              const lanes = Effect.acquireRelease(Queue.take(free), (lane) => Queue.offer(free, lane))
              const trainings = groups.map((group) => training(group, way, lanes))
              return Stream.mergeAll(trainings, { concurrency: it.about.threads })
            })
            return Stream.unwrap(all)
          },
          predict: (method, weights, features) => it.predict(method.predict, weights, features)
        })
      })
    )
  )

  /** Trains by ONNX programs. */
  static readonly layerOnnx: Layer.Layer<HeadTrainer, never, OnnxRuntime> = HeadTrainer.layerInterpreter.pipe(
    Layer.provide(OnnxProgram.layer)
  )

  /** Trains by the chosen engine in threads of its own. */
  static readonly layerThreads = (choice: Choice, options: Remote.Options) =>
    HeadTrainer.layerInterpreter.pipe(Layer.provide(Interpreter.layer(Remote.engine(choice, options))))

  /** Trains in double precision, for reference. */
  static readonly layerReference = HeadTrainer.layerInterpreter.pipe(Layer.provide(Reference.layer))
}
