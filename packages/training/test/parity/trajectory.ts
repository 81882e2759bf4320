/** Runs a method's training one step at a time and writes down what every step saw and did. */
import { Alternating, type Features, Modification, type Method, Metric, Moment, Ops } from "@igm/gradient"
import { Tensor } from "@igm/tensor"
import { Effect } from "effect"
import { Draws, Interpreter } from "../../src/index.ts"
import { type HostTensors } from "../../src/engine/Interpreter.ts"
import type { Job } from "./cases.ts"

/** What happened, under the names of a golden file. */
export interface Trajectory {
  /** `loss` (steps), `gradient/STEP/W1` …, `weights/STEP/W1` … (after the step), `moment/STAGE/L`, `P/STAGE/L`. */
  readonly results: Record<string, Tensor.Tensor<"float64">>
  /** What a reference needs to do the same: `weights/HEAD.W1` …, `rows/EPOCH`, `partners/EPOCH`, `lambda/EPOCH`, `moment/STAGE`. */
  readonly inputs: Record<string, Tensor.Tensor>
  readonly turns: ReadonlyArray<{ readonly head: string; readonly after: string | null; readonly epochs: number }>
}

/** A step in the place of the method's own. */
export type Replace = (step: Method.Step) => Method.Step

/** Inputs and state with which a step leaves its gradient in the optimizer's memory, and the memory's name. */
const exposing = (inputs: HostTensors, state: HostTensors) => {
  const scalar = (value: number) => Tensor.float64([1, 1], [value])
  const zero = Ops.mapNamed(state, (t, name) => (name.includes(".") ? Tensor.zeros(t.shape) : t))
  const quiet = { ...inputs, weightDecay: scalar(0) }
  return inputs["momentum"] === undefined
    ? { memory: "mean", state: zero, inputs: { ...quiet, beta1: scalar(0), rest1: scalar(1) } }
    : { memory: "velocity", state: zero, inputs: { ...quiet, momentum: scalar(0) } }
}

/** Settings of a run: τ, the distance of the steps that are written down, and the number of turns after which it ends. */
export interface Options {
  readonly replace?: Replace | undefined
  readonly tau: number
  readonly every: number
  readonly turns?: number | undefined
}

/** Trains on the interpreter at hand. */
export const run = Effect.fn("trajectory")(function* (
  method: Method.Method<Features.Dims, "test">,
  job: Job,
  options: Options
) {
  const interpreter = yield* Interpreter.Interpreter
  const results: Record<string, Tensor.Tensor<"float64">> = {}
  const losses: Array<number> = []
  let cursor = method.start(job)
  const inputs: Record<string, Tensor.Tensor> = { labels: Tensor.int32([job.train.labels.length], job.train.labels) }
  const named = (prefix: string, tensors: Ops.Named<Tensor.Tensor>) =>
    Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [`${prefix}/${name}`, tensor]))
  Object.assign(inputs, named("weights", method.weights(cursor.state)), named("train", job.train.modalities))
  Object.assign(inputs, named("select", job.select.modalities), {
    "select/labels": Tensor.int32([job.select.labels.length], job.select.labels)
  })
  const turns: Array<{ head: string; after: string | null; epochs: number }> = []
  let derived: HostTensors = {}
  for (let done = false, phase: Method.Phase | undefined, name = ""; !done;) {
    if (phase === undefined || cursor.phase !== name) {
      if (turns.length === options.turns) break
      const found = yield* Effect.forEach(method.survey(job, cursor), (survey) => interpreter.compute(survey))
      cursor = method.enter(job, cursor, Object.assign({}, ...found) as Interpreter.HostTensors)
      phase = method.phase(job, cursor)
      derived = phase.derived === undefined ? {} : yield* interpreter.compute(phase.derived)
      name = cursor.phase
      const turn = turns.length + 1
      const [head] = Object.values(phase.state)[0]!.split(".")
      const after = phase.events.flatMap((event) => (event.kind === "modification" ? [event.from] : []))[0] ?? null
      turns.push({ head: head!, after, epochs: 0 })
      if (after !== null) {
        const order = Alternating.momentOrder(job, turn - 1)
        inputs[`moment/${turn}`] = Tensor.int32([order.length], order)
        const means = (cursor.memo["kept"] as { means: Ops.Named<ReadonlyArray<Tensor.Tensor<"float64">>> }).means[
          after
        ]!
        means.forEach((z, i) => {
          results[`moment/${turn}/${i + 1}`] = Moment.ofMeans(z)
          results[`P/${turn}/${i + 1}`] = Modification.ofMeans(z, options.tau).matrix
        })
      }
    }
    const turn = turns.at(-1)!
    turn.epochs++
    const draws = phase.draws(cursor)
    for (const [what, values] of Object.entries(draws.values)) inputs[`${what}/${cursor.epoch}`] = values
    const step = options.replace === undefined ? phase.step : options.replace(phase.step)
    const set = { ...Ops.mapNamed(phase.inputs(cursor), Tensor.toFloat64), ...derived }
    let state: HostTensors = Ops.mapNamed(phase.state, (global) => Ops.get(cursor.state, global))
    const parameters = Object.keys(state).filter((key) => !key.includes("."))
    for (let i = 0; i < draws.steps; i++) {
      const at = losses.length + 1
      const recorded = at % options.every === 0
      if (recorded) {
        const quiet = exposing(set, state)
        const seen = yield* interpreter.block(step, { ...quiet, draws: Draws.part(draws, i, i + 1) })
        for (const key of parameters) {
          results[`gradient/${at}/${key}`] = Ops.get(seen.state, `${quiet.memory}.${key}`)
        }
      }
      const after = yield* interpreter.block(step, { state, inputs: set, draws: Draws.part(draws, i, i + 1) })
      state = after.state
      losses.push(after.trace["loss"]![0]!)
      if (recorded) for (const key of parameters) results[`weights/${at}/${key}`] = Ops.get(state, key)
    }
    const moved = Object.entries(phase.state).map(([local, global]) => [global, Ops.get(state, local)] as const)
    const whole = { ...cursor.state, ...Object.fromEntries(moved) }
    const predictions = yield* interpreter.predict(method.predict, method.weights(whole), job.select.modalities)
    const selected = Metric.of(job.select.labels, predictions.probabilities)
    const { next } = phase.boundary(
      { ...cursor, state: whole },
      { trace: { loss: losses.slice(-draws.steps) }, probe: {}, selected }
    )
    if ("done" in next) {
      done = true
      Object.assign(results, named("kept", next.done))
    } else cursor = next
  }
  results["loss"] = Tensor.float64([losses.length], losses)
  return { results, inputs, turns } satisfies Trajectory
})
