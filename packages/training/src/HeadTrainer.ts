/**
 * The head-training service: it takes a method and a job (features and a seed) and returns the stream of what happens,
 * ending in the trained heads. Between two epochs it is at a boundary of the method, where nothing is half done.
 */
import { type Features, type Method, Metric, Ops } from "@igm/gradient"
import type { OnnxError, OnnxRuntime } from "@igm/onnx"
import { type Split, Tensor } from "@igm/tensor"
import { Context, Effect, Layer, Option, Stream } from "effect"
import { Interpreter } from "./Interpreter.ts"
import * as OnnxProgram from "./OnnxProgram.ts"
import * as Reference from "./Reference.ts"
import { TrainingError } from "./TrainingError.ts"

/** What happens in a training; the last event carries the weights of the heads, by `head.parameter`. */
export type TrainingEvent = Method.Event | { readonly kind: "trained"; readonly weights: Ops.Named<Method.HostTensor> }

/** Trains heads. */
export class HeadTrainer extends Context.Service<
  HeadTrainer,
  {
    /** The interpreter at work, for manifests. */
    readonly engine: string
    readonly train: <D extends Features.Dims, S extends Split.Split>(
      method: Method.Method<D, S>,
      job: Method.Job<D, S>
    ) => Stream.Stream<TrainingEvent, OnnxError | TrainingError | Metric.MetricError>
    /** What trained heads say about features: logits by head, and fused probabilities (n × classes). */
    readonly predict: <D extends Features.Dims>(
      method: Pick<Method.Method<D, Split.Split>, "predict">,
      weights: Ops.Named<Method.HostTensor>,
      features: { readonly [M in keyof D]: Tensor.Tensor<"float32"> }
    ) => Effect.Effect<Method.Prediction<Method.HostTensor>, OnnxError>
  }
>()("@igm/training/HeadTrainer") {
  /** Trains on whatever interpreter is given. */
  static readonly layerInterpreter: Layer.Layer<HeadTrainer, never, Interpreter> = Layer.effect(
    HeadTrainer,
    Effect.gen(function* () {
      const interpreter = yield* Interpreter

      const epoch = Effect.fn("HeadTrainer.epoch")(function* <D extends Features.Dims, S extends Split.Split>(
        method: Method.Method<D, S>,
        job: Method.Job<D, S>,
        phase: Method.Phase,
        cursor: Method.Cursor
      ) {
        const draws = phase.draws(cursor)
        if (draws.steps === 0) {
          const problem = `no whole batch in ${job.train.labels.length} samples: give a smaller batch, or more samples`
          const place = { method: method.name, phase: cursor.phase, epoch: cursor.epoch + 1, step: 1 }
          return yield* new TrainingError({ ...place, problem })
        }
        const inputs = phase.inputs(cursor)
        const state = Ops.mapNamed(phase.state, (global) => Ops.get(cursor.state, global))
        const probe =
          phase.probe === undefined
            ? {}
            : (yield* interpreter.block(phase.probe, { state, inputs, draws: firstStep(draws) })).trace
        const after = yield* interpreter.block(phase.step, { state, inputs, draws })
        for (const [name, numbers] of Object.entries(after.trace)) {
          const step = numbers.findIndex((x) => !Number.isFinite(x))
          if (step < 0) continue
          const problem = `the ${name} is ${numbers[step]}: training has diverged; try a smaller learning rate`
          const place = { method: method.name, phase: cursor.phase, epoch: cursor.epoch + 1, step: step + 1 }
          return yield* new TrainingError({ ...place, problem })
        }
        const moved = Object.entries(phase.state).map(
          ([local, global]) => [global, Ops.get(after.state, local)] as const
        )
        const whole = { ...cursor.state, ...Object.fromEntries(moved) }
        const weights = method.weights(whole)
        const said = yield* interpreter.predict(method.predict, weights, job.select.modalities)
        const selected = yield* Metric.score(job.select.labels, said.probabilities)
        return phase.boundary(
          { ...cursor, state: whole },
          { trace: after.trace, probe: Ops.mapNamed(probe, (numbers) => numbers[0]!), selected }
        )
      })

      const train = <D extends Features.Dims, S extends Split.Split>(
        method: Method.Method<D, S>,
        job: Method.Job<D, S>
      ): Stream.Stream<TrainingEvent, OnnxError | TrainingError | Metric.MetricError> =>
        Stream.suspend(() => {
          const cursor = method.start(job)
          const enter = (at: Method.Cursor) => ({ cursor: at, phase: method.phase(job, at) })
          return Stream.paginate({ ...enter(cursor), entered: true }, ({ cursor, phase, entered }) =>
            epoch(method, job, phase, cursor).pipe(
              Effect.map(({ events, next }) => {
                const happened: Array<TrainingEvent> = entered ? [...phase.events, ...events] : [...events]
                if ("done" in next) {
                  return [[...happened, { kind: "trained", weights: next.done } as const], Option.none()]
                }
                const turned = next.phase !== cursor.phase
                const following = turned ? enter(next) : { cursor: next, phase }
                return [happened, Option.some({ ...following, entered: turned })]
              })
            )
          )
        })

      return HeadTrainer.of({
        engine: interpreter.name,
        train,
        predict: (method, weights, features) => interpreter.predict(method.predict, weights, features)
      })
    })
  )

  /** Trains by ONNX programs. */
  static readonly layerOnnx: Layer.Layer<HeadTrainer, never, OnnxRuntime> = HeadTrainer.layerInterpreter.pipe(
    Layer.provide(OnnxProgram.layer)
  )

  /** Trains in double precision, for reference. */
  static readonly layerReference = HeadTrainer.layerInterpreter.pipe(Layer.provide(Reference.layer))
}

/** The draws of the first step alone. */
const firstStep = ({ values }: Method.Draws): Method.Draws => ({
  steps: 1,
  values: Ops.mapNamed(values, (tensor) => Tensor.takeRows<"int32" | "float64">(tensor, [0]) as typeof tensor)
})
