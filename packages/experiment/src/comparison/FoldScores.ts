/**
 * The training of methods on folds, and the scores of the folds held out. Everything that is not finished trains in as few
 * calls of the trainer as there are; scores are kept as they come, so that an interrupted run goes on from them.
 */
import { Features, type Method, Metric } from "@igm/gradient"
import { HeadTrainer, JobState, type Task, type TrainingError } from "@igm/training"
import { Effect, Schema, Stream } from "effect"
import type * as Folds from "./Folds.ts"
import * as Events from "../training/Events.ts"
import { Checkpoints } from "../stage/Checkpoints.ts"
import type * as Trial from "../training/Trial.ts"

type Dims = Features.Dims

/** The metrics of the held-out fold by fold and seed; null if one of the trainings has diverged. */
export type MethodScores = ReadonlyArray<ReadonlyArray<Metric.Metrics>> | null

/** The schema of the scores of methods. */
export const Scores = Schema.Array(Schema.NullOr(Schema.Array(Schema.Array(Events.Metrics))))

/** The scores of finished trainings, and the methods that have diverged: an interrupted cross-validation goes on from them. */
const Progressed = Schema.Struct({
  done: Schema.Array(
    Schema.Struct({ at: Schema.Tuple([Schema.Int, Schema.Int, Schema.Int]), metrics: Events.Metrics })
  ),
  diverged: Schema.Array(Schema.Int)
})

/** One training: the indices of its method, fold and seed, and its task. */
interface Planned {
  readonly at: readonly [method: number, fold: number, seed: number]
  readonly task: Task
}

/**
 * Trains every method on every fold with every seed, all on one table of features; gives the metrics of the held-out
 * folds. A method of which one training diverges has no scores.
 */
export const score = Effect.fn("FoldScores.score")(function* <D extends Dims>(
  methods: ReadonlyArray<Method.Method<D>>,
  features: Features.Features<"train", D>,
  folds: ReadonlyArray<Folds.Fold>,
  seeds: Trial.Seeds,
  advance: (n: number) => Effect.Effect<void>
) {
  const trainer = yield* HeadTrainer
  const checkpoints = yield* Checkpoints.json(Progressed)
  const held = folds.map((fold) => Features.takeRows(features, fold.held))
  const last = yield* checkpoints.last
  const [done, diverged] = [[...(last?.done ?? [])], [...(last?.diverged ?? [])]]
  const isOpen = ({ at }: Planned) =>
    !diverged.includes(at[0]) && !done.some((one) => one.at.every((place, i) => place === at[i]))
  yield* advance(done.reduce((epochs, { at: [i] }) => epochs + methods[i]!.epochs, 0))
  // Trainings on the same rows stand side by side, so that they are of one length and step as one.
  const all = folds.flatMap(({ train, select }, k) => {
    const selecting = Features.takeRows(features, select, "valid")
    return seeds.flatMap((seed, s) =>
      methods.map((method, i): Planned => {
        const job: Method.Job<D> = { seed, train: features, select: selecting, rows: train }
        return { at: [i, k, s], task: JobState.widen({ method, job }) }
      })
    )
  })
  const train = (planned: ReadonlyArray<Planned>) =>
    trainer.trainMany(planned.map(({ task }) => task)).pipe(
      Stream.runForEach(([n, event]) =>
        Effect.gen(function* () {
          if (event.kind === "epoch") yield* advance(1)
          if (event.kind !== "trained") return
          const { at } = planned[n]!
          const [i, k] = at
          const predictions = yield* trainer.predict(methods[i]!, event.weights, held[k]!.modalities)
          const metrics = yield* Metric.score(held[k]!.labels, predictions.probabilities)
          done.push({ at, metrics })
          yield* checkpoints.save({ done, diverged })
        })
      )
    )
  for (let open = all.filter(isOpen); open.length > 0; open = all.filter(isOpen)) {
    // A method that diverges is out; the trainings that ran beside it begin again.
    const leaveOut = Effect.fnUntraced(function* (error: TrainingError) {
      const place = methods.findIndex(({ name }) => name === error.method)
      if (error.diverged !== true || place < 0) return yield* error
      diverged.push(place)
      yield* checkpoints.save({ done, diverged })
    })
    yield* train(open).pipe(Effect.catchTag("TrainingError", leaveOut))
  }
  return methods.map((_, i): MethodScores => {
    if (diverged.includes(i)) return null
    const scores = folds.map((): Array<Metric.Metrics> => [])
    for (const { at, metrics } of done) if (at[0] === i) scores[at[1]]![at[2]] = metrics
    return scores
  })
})
