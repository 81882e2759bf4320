/** The reference engine: eager steps in double precision, for the laws and for small checks. */
import { Float64, Ops, Tape } from "@igm/gradient"
import { Tensor } from "@igm/tensor"
import { Effect } from "effect"
import type { BlockInput, BlockOutput, Engine } from "./Engine.ts"
import { Interpreter } from "./Interpreter.ts"
import { type Program, named, rename, under } from "./Program.ts"
import * as StepFingerprints from "./StepFingerprints.ts"

const run = ({ tape }: Program, { state, inputs, draws }: BlockInput): BlockOutput => {
  const set = rename(Ops.mapNamed(inputs, Tensor.toFloat64), named.input)
  let at = state
  const trace: Record<string, Float64Array> = {}
  for (let i = 0; i < draws.steps; i++) {
    const drawn = Ops.mapNamed(draws.values, (values) => nth(values, i))
    const values = { ...rename(at, named.state), ...set, ...rename(drawn, named.draw) }
    const outcome = Tape.run(tape, Float64.ops, values)
    at = under(outcome, named.next)
    for (const [name, value] of Object.entries(under(outcome, named.trace))) {
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

/** The engine, which runs in the calling thread. */
export const engine: Engine = {
  info: {
    engine: "reference",
    device: "cpu",
    name: "JavaScript",
    precision: "float64",
    versions: {},
    threads: 1,
    together: 8
  },
  block: StepFingerprints.block(
    (program, input) => Effect.sync(() => run(program, input)),
    (tensor) => tensor
  ),
  map: ({ tape }, inputs) => Effect.sync(() => Tape.run(tape, Float64.ops, Ops.mapNamed(inputs, Tensor.toFloat64))),
  close: () => Effect.void
}

/** The float64 interpreter as a layer. */
export const layer = Interpreter.layer(Effect.succeed(engine))
