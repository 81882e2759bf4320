/** Trials: the trainings of several methods with several seeds each, on the same features. */
import type { Features, Method } from "@igm/gradient"
import { ArtifactStore, Progress } from "@igm/io"
import { Name } from "@igm/tensor"
import { HeadTrainer, JobState, type TrainingEvent } from "@igm/training"
import { type Cause, Effect, Queue, Stream } from "effect"
import { ExperimentError } from "../ExperimentError.ts"
import * as FeatureSet from "../features/FeatureSet.ts"
import { Run } from "../run/Run.ts"
import * as ProgramOrder from "../stage/ProgramOrder.ts"
import * as Checkpoint from "./Checkpoint.ts"
import * as Training from "./Training.ts"

export { type Epoch, epochs, events, selectedBy } from "./TrialEvents.ts"

type Dims = Features.Dims

/** Methods in the order of the results table: one at least, with distinct names. */
export type Methods<D extends Dims> = ReadonlyArray<Method.Method<D>>

/** Seeds of trainings: one at least, none of them twice. */
export type Seeds = ReadonlyArray<number>

/** A method's training with one seed. */
export interface Trial<D extends Dims> extends Training.Trained {
  readonly method: Method.Method<D>
  readonly seed: number
  /** The stage that made the features of each modality that it was trained on. */
  readonly madeBy: { readonly [modality: string]: string }
}

/** The trials of one method, by seed. */
export interface Trials<D extends Dims> {
  readonly method: Method.Method<D>
  readonly trials: ReadonlyArray<Trial<D>>
}

/** The methods, the seeds, and the features to train and select on. */
export interface Options<D extends Dims> {
  readonly methods: Methods<D>
  readonly seeds: Seeds
  readonly on: Training.Data<D>
}

/**
 * The sources of the trainings' events. Trainings that are not stored run as one stream: those on the same features
 * share what is computed from these, and heads of equal shape take their steps in one batch if that is faster on the
 * device. The bits of a training do not depend on the trainings that run with it, so that a resumed run may combine
 * them differently. If steps are traced, each training runs by itself.
 */
const sourcesOf = Effect.fn("Trial.sourcesOf")(function* (planned: ReadonlyArray<Training.Planned>) {
  const store = yield* ArtifactStore
  const trainer = yield* HeadTrainer
  const run = yield* Run
  const isMissing = ({ digest }: Training.Planned) =>
    Effect.map(store.find(Training.STAGE, digest), (found) => found === undefined)
  const missing = run.trace === "step" ? [] : yield* Effect.filter(planned, isMissing)
  const once = missing.filter(({ digest }, i) => missing.findIndex((one) => one.digest === digest) === i)
  if (once.length === 0) return Training.alone
  const all = yield* Effect.forEach(
    once,
    Effect.fnUntraced(function* ({ task, digest }) {
      const begun = yield* run.kept(digest, (bytes) => Checkpoint.decode(digest, bytes))
      const events = yield* Queue.unbounded<TrainingEvent, Training.TrainerError | Cause.Done>()
      const from = begun === undefined ? {} : { from: begun.cursor }
      const job = JobState.widen({ method: task.method, job: Training.jobOf(task), ...from })
      return {
        digest,
        job,
        events,
        source: { ...(begun === undefined ? {} : { begun }), events: () => Stream.fromQueue(events) }
      }
    })
  )
  const { together } = trainer.info
  // A number that is given asks for the program of several heads, be it for one.
  const options = together === 1 ? {} : { together }
  const jobs = all.map(({ job }) => job)
  yield* trainer.trainMany(jobs, options).pipe(
    Stream.runForEach(([i, event]) => {
      const { events } = all[i]!
      const told = Queue.offer(events, event)
      return event.kind === "trained" ? Effect.andThen(told, Queue.end(events)) : told
    }),
    Effect.onError((cause) => Effect.forEach(all, ({ events }) => Queue.failCause(events, cause))),
    Effect.forkScoped
  )
  return Effect.fnUntraced(function* (planned: Training.Planned) {
    const own = all.find(({ digest }) => digest === planned.digest)
    if (own === undefined) return yield* Training.alone(planned)
    // Its work begins as its first event comes.
    yield* Effect.ignore(Queue.peek(own.events))
    return own.source
  })
})

/** Fails if there is no method or seed, or one of them twice: lists may be made by a program, so that no type tells. */
export const check = Effect.fnUntraced(function* (experiment: string, names: ReadonlyArray<string>, seeds: Seeds) {
  const twice = <A>(values: ReadonlyArray<A>) => values.find((value, i) => values.indexOf(value) !== i)
  const [name, seed] = [twice(names), twice(seeds)]
  const problem =
    names.length === 0
      ? "there are no methods to train: give a list of one at least"
      : seeds.length === 0
        ? "there are no seeds to train with: give a list of one at least"
        : name !== undefined
          ? `two methods have the name ${Name.shown(name)}: give one another, as in { ...method, name: "…" }`
          : seed !== undefined
            ? `the seed ${seed} is given twice`
            : undefined
  if (problem !== undefined) return yield* new ExperimentError({ experiment, problem })
})

/**
 * Trains each method with each seed; stored trainings are reused. Fails with an `ExperimentError` for an empty list, or
 * one that has a method's name or a seed twice. As many trainings run concurrently as the trainer has
 * threads.
 */
export const all = Effect.fn("Trial.all")(function* <D extends Dims>({ methods, seeds, on: data }: Options<D>) {
  yield* check(
    "the trials",
    methods.map(({ name }) => name),
    seeds
  )
  const total = methods.reduce((epochs, method) => epochs + method.epochs * seeds.length, 0)
  const advance = yield* (yield* Progress).bar("train heads, epochs", total)
  const tasks = methods.flatMap((method) => seeds.map((seed) => ({ method, seed, data })))
  const planned = yield* Effect.forEach(tasks, (task) => Training.plan(task))
  const sourceOf = yield* sourcesOf(planned)
  const trained = yield* ProgramOrder.all(
    planned.map((one) => Effect.flatMap(sourceOf(one), (source) => one.run(source, advance)))
  )
  const madeBy = FeatureSet.madeBy(data.train)
  const done = tasks.map(({ method, seed }, i): Trial<D> => ({ ...trained[i]!, method, seed, madeBy }))
  return methods.map((method, i): Trials<D> => ({
    method,
    trials: done.slice(i * seeds.length, (i + 1) * seeds.length)
  }))
}, Effect.scoped)
