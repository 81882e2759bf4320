/**
 * The ONNX program of a step: one graph in which a Scan runs the n steps of a block. The state is the loop's carried
 * state, tables and other inputs are captured from the enclosing graph, each step takes its slice of the draws, and the
 * traces are the scan's outputs. A program is built for a step and a set of shapes, and serves any n.
 */
import { Ops, Shapes, Tape } from "@igm/gradient"
import { Builder, Model, type OnnxError, OnnxRuntime, type Session } from "@igm/onnx"
import { Tensor } from "@igm/tensor"
import { Effect, Scope } from "effect"
import * as Bands from "./Bands.ts"
import { type BlockInput, type BlockOutput, type Engine, EngineError, type EngineInfo } from "../engine/Engine.ts"
import { Interpreter, type Predict } from "../engine/Interpreter.ts"
import * as Program from "../engine/Program.ts"
import * as Single from "../engine/Single.ts"
import * as SymbolicOps from "./SymbolicOps.ts"
import { type Symbol, symbol } from "./SymbolicOps.ts"
import * as StepFingerprints from "../engine/StepFingerprints.ts"

const OPSET = 17

const { named, rename, under } = Program

type Shaped = { readonly dtype: Tensor.DType; readonly shape: ReadonlyArray<number> }

const typeOf = (dtype: Tensor.DType) => (dtype === "float64" ? "float32" : dtype)

/** Operations that work on the stacked values of all steps as on one step's. */
const EACH = new Set(["gather", "add", "subtract", "multiply", "divide", "sqrt", "exp", "relu"])

/** The largest number of entries in a value of one step that is computed for all steps of a block before its loop. */
const AHEAD = 1024

/**
 * The place at which each value of a step is computed: before the loop, once or for all steps of the block, or in the
 * loop.
 */
const timesOf = (tape: Tape.Tape, shapes: Ops.Named<Shaped>): ReadonlyArray<"once" | "ahead" | "inside"> => {
  const sizes = Shapes.shapesOf(
    tape,
    Ops.mapNamed(shapes, ({ shape }) => shape)
  )
  const times = tape.inputs.map((name) => {
    if (name.startsWith(named.state(""))) return "inside"
    return name.startsWith(named.draw("")) ? "ahead" : "once"
  })
  const outputs = new Set(Object.values(tape.outputs))
  for (const { op, of } of tape.operations) {
    const operands = of.map((value) => times[value]!)
    const isSmall = Tensor.sizeOf(sizes[times.length]!) <= AHEAD
    const isMade = outputs.has(times.length) || !isSmall || !EACH.has(op) || operands.includes("inside")
    times.push(operands.every((time) => time === "once") ? "once" : isMade ? "inside" : "ahead")
  }
  return times
}

/**
 * The model file of a step's program, for tensors of the given shapes (those of draws are of one step): a Scan over the
 * steps. Values that depend on the inputs only are computed once, and small values that depend on inputs and draws for
 * all steps at once. A Scan passes the state between two buffers, which stay in the processor's cache. If the body runs
 * on another device than the graph's inputs, these have to be `lifted` there by a Reshape to the same shape, or every
 * step would copy them.
 */
export const program = (
  { name, tape }: Program.Program,
  shapes: { readonly state: Ops.Named<Shaped>; readonly inputs: Ops.Named<Shaped>; readonly draws: Ops.Named<Shaped> },
  { lifted }: { readonly lifted: boolean }
): Uint8Array => {
  const outer = Builder.make(name)
  const state = Ops.mapNamed(shapes.state, ({ shape }, key) => outer.input(named.state(key), "float32", shape))
  const inputs = Ops.mapNamed(shapes.inputs, ({ shape }, key) => {
    const given = outer.input(named.input(key), "float32", shape)
    const same = () => outer.constant(Tensor.make("int64", [shape.length], new BigInt64Array(shape.length)))
    return symbol(lifted ? outer.node("Reshape", [given, same()]) : given, shape)
  })
  const draws = Ops.mapNamed(shapes.draws, ({ dtype, shape }, key) =>
    symbol(outer.input(named.draw(key), typeOf(dtype), ["steps", ...shape]), [Number.NaN, ...shape])
  )
  const names = Object.keys(shapes.state)
  const [first] = Object.values(shapes.state)
  const heads = first !== undefined && first.shape.length === 3 ? [first.shape[0]!] : []

  const body = outer.nested("one step")
  // On a processor, large tensors of the state are carried in bands.
  const heightsOf = ({ shape }: Shaped) => (lifted ? [shape.at(-2)!] : Bands.heights(shape))
  const divided = Ops.mapNamed(shapes.state, (shaped, key) =>
    Bands.divided(outer, symbol(Ops.get(state, key), shaped.shape), heightsOf(shaped), "rows")
  )
  const carried = Ops.mapNamed(divided, (bands, key) => {
    const inputs = bands.map(({ shape }, i) => symbol(body.input(`carried.${key}.${i}`, "float32", shape), shape))
    return Bands.of(inputs as [Symbol, ...Array<Symbol>])
  })
  const [before, inside] = [SymbolicOps.make(outer), Bands.make(body, SymbolicOps.make(body))]
  const times = timesOf(tape, {
    ...rename(shapes.state, named.state),
    ...rename(shapes.inputs, named.input),
    ...rename(shapes.draws, named.draw)
  })

  /** The slice that a step takes of a value that is computed for all steps. */
  const slices = new Map<string, { readonly whole: Symbol; readonly slice: Symbol }>()
  const drawn = new Map(
    Object.entries(draws).map(([key, { name: value }]) => [value, Ops.get(shapes.draws, key).dtype])
  )
  const sliceOf = (whole: Bands.Banded): Bands.Banded => {
    if (!Number.isNaN(whole.shape[0]!)) return whole
    const shape = whole.shape.slice(1)
    const type = typeOf(drawn.get(whole.name) ?? "float32")
    const slice = slices.get(whole.name)?.slice ?? symbol(body.input(`slice.${whole.name}`, type, shape), shape)
    slices.set(whole.name, { whole, slice })
    return slice
  }
  const outcome = Tape.runWhere<Bands.Banded>(
    tape,
    (at, compute) => (times[at] === "inside" ? compute(inside, sliceOf) : compute(before)),
    { ...rename(carried, named.state), ...rename(inputs, named.input), ...rename(draws, named.draw) }
  )
  const traces = Object.keys(under(outcome, named.trace))
  for (const key of names) {
    const next = Ops.get(outcome, named.next(key))
    const bands = next.bands ?? Bands.divided(body, next, heightsOf(Ops.get(shapes.state, key)), "rows")
    for (const band of bands) body.result(band, "float32", band.shape)
  }
  for (const key of traces) body.result(Ops.get(outcome, named.trace(key)), "float32", [...heads, 1, 1])

  const scanned = [...slices.values()].map(({ whole }) => whole)
  const initial = Object.values(divided).flat()
  const results = [
    ...outer.nodes("Scan", [...initial, ...scanned], initial.length + traces.length, {
      body: { graph: body.graph() },
      num_scan_inputs: scanned.length
    })
  ]
  for (const key of names) {
    const bands = results.splice(0, Ops.get(divided, key).length)
    const whole = bands.length === 1 ? bands[0]! : outer.node("Concat", bands, { axis: -2 })
    outer.output(named.next(key), whole, "float32", Ops.get(shapes.state, key).shape)
  }
  traces.forEach((key, i) => outer.output(named.trace(key), results[i]!, "float32", ["steps", ...heads, 1, 1]))
  return Model.encode({ graph: outer.graph(), opset: OPSET, metadata: {} })
}

/** The model's name of an input of a program without a loop, since an output may have the same name. */
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

/** The model file of the forward pass of heads with fixed weights, for any number of rows. */
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
  const outputs = Tape.run(tape, SymbolicOps.make(builder), {
    ...rename(state, named.state),
    ...rename(features, named.input)
  })
  for (const [name, value] of Object.entries(outputs)) builder.output(name, value, "float32", ["batch", "classes"])
  return Model.encode({ graph: builder.graph(), opset: OPSET, metadata })
}

const signature = (...groups: ReadonlyArray<Ops.Named<Shaped>>): string =>
  JSON.stringify(groups.map((group) => Object.values(group).map(({ shape }) => shape)))

/** The number of heads that are stepped as one on a CPU: more would evict each other from its cache. */
const TOGETHER = 1

/** The engine on a runtime, for manifests and keys. */
export const infoOf = ({ provider, device, version }: OnnxRuntime["Service"]): EngineInfo => ({
  engine: "onnx",
  device: provider,
  name: device,
  precision: "float32",
  versions: { onnxruntime: version },
  threads: 1,
  together: provider === "cpu" ? TOGETHER : 1024
})

/** The engine: sessions are opened once for each program and set of shapes, and closed with the scope. */
export const engine = Effect.gen(function* () {
  const runtime = yield* OnnxRuntime
  const scope = yield* Scope.Scope
  const sessions = new WeakMap<Program.Program, Map<string, Session>>()
  const { lowered, raised } = Single
  const info = infoOf(runtime)
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

  const block = Effect.fn("OnnxProgram.block")(
    function* (of: Program.Program, { state, inputs, draws }: BlockInput) {
      const each = Ops.mapNamed(draws.values, ({ dtype, shape }) => ({ dtype, shape: shape.slice(1) }))
      const key = signature(state, inputs, each)
      const session = yield* sessionOf(of, key, () =>
        program(of, { state, inputs, draws: each }, { lifted: runtime.provider !== "cpu" })
      )
      const results = yield* session.run({
        ...rename(Ops.mapNamed(state, lowered), named.state),
        ...rename(Ops.mapNamed(inputs, lowered), named.input),
        ...rename(Ops.mapNamed<Tensor.Tensor, Tensor.Tensor>(draws.values, lowered), named.draw)
      })
      const output: BlockOutput = {
        state: Ops.mapNamed(state, (_, name) => raised(Ops.get(results, named.next(name)))),
        trace: Ops.mapNamed(under(results, named.trace), (tensor) => Tensor.toFloat64(tensor).data)
      }
      return output
    },
    (effect, of) => failed(of)(effect)
  )

  const map = Effect.fn("OnnxProgram.map")(
    function* (of: Program.Program, inputs: Ops.Named<Tensor.Tensor>) {
      const session = yield* sessionOf(of, signature(inputs), () => mapProgram(of, inputs))
      return Ops.mapNamed(yield* session.run(rename(Ops.mapNamed(inputs, lowered), given)), raised)
    },
    (effect, of) => failed(of)(effect)
  )
  return { info, block: StepFingerprints.block(block, lowered), map, close: () => Effect.void } satisfies Engine
})

/** The ONNX interpreter as a layer. */
export const layer = Interpreter.layer(engine)
