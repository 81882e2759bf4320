/**
 * The ONNX program of a step: one graph in which a Loop runs the n steps of a block. The state is carried by the loop,
 * tables and other inputs are seen from the graph around it, each iteration takes its own draws, and the traces are the
 * loop's scan outputs. A program is built for a step and a set of shapes, and serves any n.
 */
import { Ops, Tape } from "@igm/gradient"
import { Builder, Model, type OnnxError, OnnxRuntime, type Session } from "@igm/onnx"
import { Tensor } from "@igm/tensor"
import { Effect, Scope } from "effect"
import { type BlockInput, type BlockOutput, type Engine, EngineError } from "./Engine.ts"
import * as Draws from "./Draws.ts"
import { Interpreter, type Predict } from "./Interpreter.ts"
import * as Program from "./Program.ts"
import * as SymbolicOps from "./SymbolicOps.ts"
import { type Symbol, symbol } from "./SymbolicOps.ts"

const OPSET = 17

const { named, rename, under } = Program

type Shaped = { readonly dtype: Tensor.DType; readonly shape: ReadonlyArray<number> }

const typeOf = (dtype: Tensor.DType) => (dtype === "float64" ? "float32" : dtype)

/**
 * The model file of a step's program, for tensors of the given shapes. What depends on the inputs alone is computed
 * before the loop.
 */
export const program = (
  { name, tape }: Program.Program,
  shapes: { readonly state: Ops.Named<Shaped>; readonly inputs: Ops.Named<Shaped>; readonly draws: Ops.Named<Shaped> },
  unrolled: number
): Uint8Array => {
  const outer = Builder.make(name)
  const rounds = outer.input("rounds", "int64", [])
  const state = Ops.mapNamed(shapes.state, ({ shape }, key) => outer.input(named.state(key), "float32", shape))
  const inputs = Ops.mapNamed(shapes.inputs, ({ shape }, key) =>
    symbol(outer.input(named.input(key), "float32", shape), shape)
  )
  const draws = Ops.mapNamed(shapes.draws, ({ dtype, shape }, key) =>
    outer.input(named.draw(key), typeOf(dtype), ["rounds", unrolled, ...shape.slice(1)])
  )
  const names = Object.keys(shapes.state)
  const [first] = Object.values(shapes.state)
  const heads = first !== undefined && first.shape.length === 3 ? [first.shape[0]!] : []

  const body = outer.nested("one step")
  const iteration = body.input("iteration", "int64", [])
  const goOn = body.input("goOn", "bool", [])
  const carried = Ops.mapNamed(shapes.state, ({ shape }, key) =>
    symbol(body.input(`carried.${key}`, "float32", shape), shape)
  )
  const ofRound = Ops.mapNamed(draws, (values) => body.node("Gather", [values, iteration], { axis: 0 }))
  const [once, always] = [SymbolicOps.make(outer), SymbolicOps.make(body)]
  const isConstant = Tape.dependingOn(tape, (input) => input.startsWith(named.input("")))
  const constants = new Map<Tape.Value, Tape.Made<Symbol>>()
  const where: Tape.Where<Symbol> = (at, compute) => {
    if (isConstant[at] !== true) return compute(always)
    const found = constants.get(at) ?? compute(once)
    constants.set(at, found)
    return found
  }
  let at: Ops.Named<Symbol> = carried
  const traced: Array<Ops.Named<Symbol>> = []
  for (let i = 0; i < unrolled; i++) {
    const nth = outer.constant(Tensor.make("int64", [], BigInt64Array.of(BigInt(i))))
    const drawn = Ops.mapNamed(ofRound, (values, key) =>
      symbol(body.node("Gather", [values, nth], { axis: 0 }), Ops.get(shapes.draws, key).shape.slice(1))
    )
    const values = { ...rename(at, named.state), ...rename(inputs, named.input), ...rename(drawn, named.draw) }
    const outcome = Tape.runWhere(tape, where, values)
    at = under(outcome, named.next)
    traced.push(under(outcome, named.trace))
  }
  const traces = Object.keys(traced[0]!)
  body.result(goOn, "bool", [])
  for (const key of names) body.result(Ops.get(at, key), "float32", Ops.get(shapes.state, key).shape)
  for (const key of traces) {
    const all = always.concat(
      traced.map((trace) => Ops.get(trace, key)),
      "rows"
    )
    body.result(all, "float32", [...heads, unrolled, 1])
  }

  const initial = names.map((key) => Ops.get(state, key))
  const results = outer.nodes("Loop", [rounds, { name: "" }, ...initial], names.length + traces.length, {
    body: { graph: body.graph() }
  })
  names.forEach((key, i) => outer.output(named.next(key), results[i]!, "float32", Ops.get(shapes.state, key).shape))
  traces.forEach((key, i) =>
    outer.output(named.trace(key), results[names.length + i]!, "float32", ["rounds", ...heads, unrolled, 1])
  )
  return Model.encode({ graph: outer.graph(), opset: OPSET, metadata: {} })
}

/** What an input of a program without a loop is called in its model, since an output may have the same name. */
const given = (name: string) => `given.${name}`

/** The model file of a program without a loop, for tensors of the given shapes. */
export const mapProgram = ({ name, tape }: Program.Program, shapes: Ops.Named<Shaped>): Uint8Array => {
  const builder = Builder.make(name)
  const values = Ops.mapNamed(shapes, ({ dtype, shape }, key) =>
    symbol(builder.input(given(key), typeOf(dtype), shape), shape)
  )
  const made = Tape.run(tape, SymbolicOps.make(builder), values)
  for (const [key, value] of Object.entries(made)) builder.output(key, value, "float32", [])
  return Model.encode({ graph: builder.graph(), opset: OPSET, metadata: {} })
}

/** The model file of heads' forward pass with fixed weights, for any number of rows. */
export const forward = (
  predict: Predict,
  weights: Ops.Named<Tensor.Tensor>,
  widths: Ops.Named<number>,
  metadata: Ops.Named<string>
): Uint8Array => {
  const builder = Builder.make("heads")
  const features = Ops.mapNamed(widths, (width, name) =>
    symbol(builder.input(name, "float32", ["batch", width]), [Number.NaN, width])
  )
  const state = Ops.mapNamed(weights, (tensor) => symbol(builder.constant(Tensor.toFloat32(tensor)), tensor.shape))
  const { tape } = Program.ofPredict(predict, { weights, features })
  const said = Tape.run(tape, SymbolicOps.make(builder), {
    ...rename(state, named.state),
    ...rename(features, named.input)
  })
  for (const [name, value] of Object.entries(said)) builder.output(name, value, "float32", ["batch", "classes"])
  return Model.encode({ graph: builder.graph(), opset: OPSET, metadata })
}

const signature = (...groups: ReadonlyArray<Ops.Named<Shaped>>): string =>
  JSON.stringify(groups.map((group) => Object.values(group).map(({ shape }) => shape)))

/** The steps of a round: state that is handed from step to step inside of one is not written to slower memory. */
export const UNROLLED = 4

/** Heads that are stepped as one on a CPU: more of them would push each other out of its cache. */
const TOGETHER = 4

/** Tensors in single precision, converted once as long as they live. */
const lowering = () => {
  const known = new WeakMap<Tensor.Tensor, Tensor.Tensor>()
  return (tensor: Tensor.Tensor): Tensor.Tensor => {
    if (tensor.dtype !== "float64") return tensor
    const found = known.get(tensor) ?? Tensor.toFloat32(tensor)
    known.set(tensor, found)
    return found
  }
}

/** Traces of rounds (rounds × heads × unrolled) step by step (steps × heads). */
const stepByStep = ({ shape, data }: Tensor.Tensor): Float64Array => {
  const [rounds = 1, heads, unrolled] =
    shape.length === 4 ? [shape[0]!, shape[1]!, shape[2]!] : [shape[0]!, 1, shape[1]!]
  const out = new Float64Array(data.length)
  for (let i = 0; i < data.length; i++) {
    const [round, rest] = [Math.floor(i / (heads * unrolled)), i % (heads * unrolled)]
    out[(round * unrolled + (rest % unrolled)) * heads + Math.floor(rest / unrolled)] = Number(data[i])
  }
  return rounds === 0 ? new Float64Array(0) : out
}

const joined = (a: Float64Array, b: Float64Array): Float64Array => {
  const out = new Float64Array(a.length + b.length)
  out.set(a)
  out.set(b, a.length)
  return out
}

/** The engine: programs are built once for each set of shapes, and closed with the scope. */
export const engine = Effect.gen(function* () {
  const runtime = yield* OnnxRuntime
  const scope = yield* Scope.Scope
  const sessions = new WeakMap<Program.Program, Map<string, Session>>()
  const lowered = lowering()
  const about = {
    engine: "onnx",
    device: runtime.provider,
    name: runtime.device,
    precision: "float32",
    versions: { onnxruntime: runtime.version },
    threads: 1,
    together: runtime.provider === "cpu" ? TOGETHER : 1024
  } as const
  const failed = (program: Program.Program) =>
    Effect.mapError(
      (cause: OnnxError) =>
        new EngineError({ engine: `onnx (${runtime.provider})`, program: program.name, problem: cause.problem, cause })
    )

  /** The session of a program for shapes, opened on first use. */
  const sessionOf = Effect.fnUntraced(function* (program: Program.Program, key: string, make: () => Uint8Array) {
    const opened = sessions.get(program) ?? new Map<string, Session>()
    sessions.set(program, opened)
    const found = opened.get(key)
    if (found !== undefined) return found
    const session = yield* runtime.open(program.name, make()).pipe(Scope.provide(scope))
    opened.set(key, session)
    return session
  })

  /** Rounds of `unrolled` steps each. */
  const rounds = Effect.fnUntraced(function* (of: Program.Program, unrolled: number, input: BlockInput) {
    const { state, inputs, draws } = input
    const rest = Ops.mapNamed(draws.values, ({ dtype, shape }) => ({ dtype, shape: [0, ...shape.slice(1)] }))
    const key = `${unrolled} ${signature(state, inputs, rest)}`
    const session = yield* sessionOf(of, key, () => program(of, { state, inputs, draws: rest }, unrolled))
    const count = draws.steps / unrolled
    const drawn = Ops.mapNamed<Tensor.Tensor, Tensor.Tensor>(draws.values, (values) => {
      const { dtype, shape, data } = lowered(values)
      return Tensor.make(dtype, [count, unrolled, ...shape.slice(1)], data)
    })
    const results = yield* session.run({
      rounds: Tensor.make("int64", [], BigInt64Array.of(BigInt(count))),
      ...rename(Ops.mapNamed(state, Tensor.toFloat32), named.state),
      ...rename(Ops.mapNamed(inputs, lowered), named.input),
      ...rename(drawn, named.draw)
    })
    const output: BlockOutput = {
      state: Ops.mapNamed(state, (_, name) => Tensor.toFloat64(Ops.get(results, named.next(name)))),
      trace: Ops.mapNamed(under(results, named.trace), stepByStep)
    }
    return output
  })

  const block = Effect.fn("OnnxProgram.block")(
    function* (of: Program.Program, input: BlockInput) {
      const { draws } = input
      const whole = draws.steps - (draws.steps % UNROLLED)
      if (whole === 0) return yield* rounds(of, 1, input)
      if (whole === draws.steps) return yield* rounds(of, UNROLLED, input)
      const first = yield* rounds(of, UNROLLED, { ...input, draws: Draws.part(draws, 0, whole) })
      const last = yield* rounds(of, 1, { ...input, state: first.state, draws: Draws.part(draws, whole) })
      const trace = Ops.mapNamed(first.trace, (numbers, name) => joined(numbers, Ops.get(last.trace, name)))
      return { state: last.state, trace }
    },
    (effect, of) => failed(of)(effect)
  )

  const map = Effect.fn("OnnxProgram.map")(
    function* (of: Program.Program, inputs: Ops.Named<Tensor.Tensor>) {
      const session = yield* sessionOf(of, signature(inputs), () => mapProgram(of, inputs))
      return Ops.mapNamed(yield* session.run(rename(Ops.mapNamed(inputs, lowered), given)), Tensor.toFloat64)
    },
    (effect, of) => failed(of)(effect)
  )
  return { about, block, map, close: () => Effect.void } satisfies Engine
})

/** The ONNX interpreter as a layer. */
export const layer = Interpreter.layer(engine)
