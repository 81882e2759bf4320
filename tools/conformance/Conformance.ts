/**
 * Compares every interpreter on this machine with float64 on the same trainings: IGM in both semantics and the rivals,
 * on the same features, seeds and draws.
 */
import {
  Baselines,
  type Features,
  GradientBlending,
  Head,
  Igm,
  JointTraining,
  type Method,
  Mla,
  Ops,
  ReconBoost,
  Ring,
  Selection
} from "@igm/gradient"
import { type HeadTrainer, type Interpreter, JobState } from "@igm/training"
import { Effect, Stream } from "effect"

/** Two modalities and a split of their samples into those that train and those that select. */
export interface Data {
  readonly name: string
  readonly train: Features.Features<"train", Features.Dims>
  readonly select: Features.Features<"valid", Features.Dims>
}

type AnyMethod = Method.Method<Features.Dims>

/** The methods on two modalities: turns of one epoch in a ring of two rounds, which is three changes of turn. */
export const methodsOf = ({ train: { widths, classes } }: Data): ReadonlyArray<AnyMethod> => {
  const order = Object.keys(widths) as unknown as readonly [string, string]
  const headOf = (name: string) => Head.make(widths[name]!, 256, 64, classes)
  const options = {
    heads: Object.fromEntries(order.map((name) => [name, headOf(name)])),
    ring: Ring.make<readonly [string, string]>(order as never, {
      rounds: 2,
      epochs: Object.fromEntries(order.map((name) => [name, 1]))
    }),
    selection: Selection.best("accuracy"),
    batch: 12,
    rho: 1e-4
  }
  const { ring, selection, batch } = options
  const equal = new Set(Object.values(widths)).size === 1
  return [
    Igm.paper(options),
    Igm.code(options),
    Baselines.lateFusion(options),
    JointTraining.plain(options),
    JointTraining.ogmGe(options),
    JointTraining.mmPareto(options),
    GradientBlending.make(options, { probeEpochs: 1 }),
    ReconBoost.make(options),
    ...(equal ? [Mla.make({ head: headOf(order[0]), ring, selection, batch })] : [])
  ]
}

/**
 * The results of a training: the losses of the first epoch's steps and the weights after it, and the labels that are
 * predicted at the end.
 */
export interface Course {
  readonly steps: number
  readonly losses: ReadonlyArray<number>
  readonly weights: Ops.Named<Method.HostTensor>
  readonly last: Ops.Named<Method.HostTensor>
  readonly predicted: ReadonlyArray<number>
}

const argmaxes = ({ shape, data }: Method.HostTensor): ReadonlyArray<number> => {
  const classes = shape[1]!
  return Array.from({ length: shape[0]! }, (_, i) => {
    const row = data.subarray(i * classes, (i + 1) * classes)
    return row.indexOf(Math.max(...row))
  })
}

/** Trains a method to its end. */
export const course = Effect.fn("Conformance.course")(function* (
  trainer: HeadTrainer["Service"],
  it: Interpreter.Interpreter["Service"],
  method: AnyMethod,
  { train, select }: Data
) {
  const task = JobState.widen({ method, job: { seed: 1, train, select } })
  const first = yield* Effect.scoped(
    Effect.gen(function* () {
      const lane = yield* it.lane
      const jobState = yield* JobState.enter(it, task, yield* JobState.start(task), lane)
      const output = yield* it.block(jobState.phase.step, yield* JobState.block(jobState), lane)
      const weights = task.method.weights(yield* JobState.after(jobState, output))
      return { losses: Array.from(output.trace["loss"]!), weights }
    })
  )
  const events = yield* Stream.runCollect(trainer.train(method, { seed: 1, train, select }))
  const last = events.flatMap((event) => (event.kind === "trained" ? [event.weights] : []))[0]!
  const { probabilities } = yield* trainer.predict(method, last, select.modalities)
  const found: Course = { ...first, steps: first.losses.length, last, predicted: argmaxes(probabilities) }
  return found
})

/** The distance of a course from another. */
export interface Deviation {
  readonly losses: number
  readonly weights: number
  readonly last: number
  /** Samples of the selecting split that are predicted otherwise at the end, and how many there are. */
  readonly differ: number
  readonly of: number
}

/** The largest difference in each tensor, relative to its largest number. */
const largest = (a: Ops.Named<Method.HostTensor>, b: Ops.Named<Method.HostTensor>): number =>
  Math.max(
    ...Object.entries(a).map(([name, { data }]) => {
      const other = Ops.get(b, name).data
      let [far, size] = [0, 1e-12]
      for (let i = 0; i < data.length; i++) {
        far = Math.max(far, Math.abs(data[i]! - other[i]!))
        size = Math.max(size, Math.abs(other[i]!))
      }
      return far / size
    })
  )

/** The distance of a course from the exact one. */
export const deviation = (found: Course, exact: Course): Deviation => ({
  losses: Math.max(
    ...found.losses.map((loss, i) => Math.abs(loss - exact.losses[i]!) / Math.max(Math.abs(exact.losses[i]!), 1e-12))
  ),
  weights: largest(found.weights, exact.weights),
  last: largest(found.last, exact.last),
  differ: found.predicted.filter((label, i) => label !== exact.predicted[i]).length,
  of: found.predicted.length
})

/** The bars: 1e-4 over the first epoch, and other predictions for one sample or 0.5 % of them at the end. */
export const holds = ({ losses, weights, differ, of }: Deviation): boolean =>
  losses <= 1e-4 && weights <= 1e-4 && differ <= Math.max(1, 0.005 * of)
