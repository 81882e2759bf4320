/** The interpreter of reference: every step at once in double precision, for the laws and for small checks. */
import { Float64, Ops } from "@igm/gradient"
import { Tensor } from "@igm/tensor"
import { Effect, Layer } from "effect"
import { type BlockInput, type BlockOutput, Interpreter, runStep } from "./Interpreter.ts"
import type { Method } from "@igm/gradient"

/** Runs a block in double precision. */
export const block = (step: Method.Step, { state, inputs, draws }: BlockInput): BlockOutput => {
  let at = state
  const trace: Record<string, Float64Array> = {}
  for (let i = 0; i < draws.steps; i++) {
    const drawn = Ops.mapNamed(draws.values, (values) => nth(values, i))
    const outcome = runStep(Float64.ops, step, { state: at, inputs, draws: drawn })
    at = outcome.state
    for (const [name, value] of Object.entries(outcome.trace)) {
      const numbers = (trace[name] ??= new Float64Array(draws.steps * value.data.length))
      numbers.set(value.data, i * value.data.length)
    }
  }
  return { state: at, trace }
}

const nth = (values: Tensor.Tensor, i: number): Float64.Matrix => {
  const [, ...shape] = values.shape
  return Tensor.toFloat64({ ...Tensor.takeRows(values, [i]), shape } as Tensor.Tensor)
}

/** The float64 interpreter as a layer. */
export const layer = Layer.succeed(
  Interpreter,
  Interpreter.of({
    name: "float64 reference",
    block: (step, input) => Effect.sync(() => block(step, input)),
    predict: (predict, weights, features) =>
      Effect.sync(() => predict(Float64.ops, weights, Ops.mapNamed(features, Tensor.toFloat64)))
  })
)
