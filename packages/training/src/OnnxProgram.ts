/**
 * The ONNX program of a step: one graph in which a Loop runs the n steps of a block. The state is carried by the loop,
 * tables and other inputs are seen from the graph around it, each iteration takes its own draws, and the traces are the
 * loop's scan outputs. A program is built for a step and a set of shapes, and serves any n.
 */
import { type Method, Ops } from "@igm/gradient"
import { Builder, Model, type OnnxError, OnnxRuntime, type Session } from "@igm/onnx"
import { Tensor } from "@igm/tensor"
import { Effect, Layer, Scope } from "effect"
import { type BlockInput, Interpreter, type Predict, runStep } from "./Interpreter.ts"
import * as SymbolicOps from "./SymbolicOps.ts"

const OPSET = 17

type Shaped = { readonly dtype: Tensor.DType; readonly shape: ReadonlyArray<number> }

/** The names of a program's values: of the state, the inputs, the draws and the traces. */
const named = {
  state: (name: string) => `state.${name}`,
  input: (name: string) => `input.${name}`,
  draw: (name: string) => `draw.${name}`,
  next: (name: string) => `next.${name}`,
  trace: (name: string) => `trace.${name}`
}

const typeOf = (dtype: Tensor.DType) => (dtype === "float64" ? "float32" : dtype)

/** The model file of a step's program, for tensors of the given shapes. */
export const program = (
  step: Method.Step,
  shapes: { readonly state: Ops.Named<Shaped>; readonly inputs: Ops.Named<Shaped>; readonly draws: Ops.Named<Shaped> }
): Uint8Array => {
  const outer = Builder.make(step.name)
  const steps = outer.input("steps", "int64", [])
  const state = Ops.mapNamed(shapes.state, ({ shape }, name) => outer.input(named.state(name), "float32", shape))
  const inputs = Ops.mapNamed(shapes.inputs, ({ shape }, name) => outer.input(named.input(name), "float32", shape))
  const draws = Ops.mapNamed(shapes.draws, ({ dtype, shape }, name) =>
    outer.input(named.draw(name), typeOf(dtype), ["steps", ...shape.slice(1)])
  )
  const names = Object.keys(shapes.state)
  const [first] = Object.values(shapes.state)
  const heads = first !== undefined && first.shape.length === 3 ? [first.shape[0]!] : []

  const body = outer.nested("one step")
  const iteration = body.input("iteration", "int64", [])
  const goOn = body.input("goOn", "bool", [])
  const carried = Ops.mapNamed(shapes.state, ({ shape }, name) => body.input(`carried.${name}`, "float32", shape))
  const drawn = Ops.mapNamed(draws, (values) => body.node("Gather", [values, iteration], { axis: 0 }))
  const outcome = runStep(SymbolicOps.make(body, heads.length === 0 ? "matrices" : "stacks"), step, {
    state: carried,
    inputs,
    draws: drawn
  })
  const traces = Object.keys(outcome.trace)
  body.output("goesOn", goOn, "bool", [])
  for (const name of names) {
    body.output(named.next(name), Ops.get(outcome.state, name), "float32", Ops.get(shapes.state, name).shape)
  }
  for (const name of traces) body.output(named.trace(name), Ops.get(outcome.trace, name), "float32", [...heads, 1, 1])

  const initial = names.map((name) => Ops.get(state, name))
  const results = outer.nodes("Loop", [steps, { name: "" }, ...initial], names.length + traces.length, {
    body: { graph: body.graph() }
  })
  names.forEach((name, i) => outer.output(named.next(name), results[i]!, "float32", Ops.get(shapes.state, name).shape))
  traces.forEach((name, i) =>
    outer.output(named.trace(name), results[names.length + i]!, "float32", ["steps", ...heads, 1, 1])
  )
  return Model.encode({ graph: outer.graph(), opset: OPSET, metadata: {} })
}

/** The model file of heads' forward pass, with the weights as inputs, or fixed when they are given. */
export const forward = (
  predict: Predict,
  weights: Ops.Named<Tensor.Tensor>,
  widths: Ops.Named<number>,
  options: { readonly weights: "inputs" | "fixed"; readonly metadata?: Ops.Named<string> }
): Uint8Array => {
  const builder = Builder.make("heads")
  const features = Ops.mapNamed(widths, (width, name) => builder.input(name, "float32", ["batch", width]))
  const state = Ops.mapNamed(weights, (tensor, name) =>
    options.weights === "inputs"
      ? builder.input(named.state(name), "float32", tensor.shape)
      : builder.constant(Tensor.toFloat32(tensor))
  )
  const { logits, probabilities } = predict(SymbolicOps.make(builder), state, features)
  builder.output("probabilities", probabilities, "float32", ["batch", "classes"])
  for (const [name, value] of Object.entries(logits)) {
    builder.output(`logits.${name}`, value, "float32", ["batch", "classes"])
  }
  return Model.encode({ graph: builder.graph(), opset: OPSET, metadata: options.metadata ?? {} })
}

const rename = <A>(values: Ops.Named<A>, to: (name: string) => string): Ops.Named<A> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [to(name), value]))

const lowered = (tensor: Tensor.Tensor): Tensor.Tensor => (tensor.dtype === "int32" ? tensor : Tensor.toFloat32(tensor))

const signature = (...groups: ReadonlyArray<Ops.Named<Shaped>>): string =>
  JSON.stringify(groups.map((group) => Object.entries(group).map(([name, { shape }]) => [name, shape])))

/** The ONNX interpreter as a layer: programs are built once for each step and shapes, and closed with the layer. */
export const layer = Layer.effect(
  Interpreter,
  Effect.gen(function* () {
    const runtime = yield* OnnxRuntime
    const scope = yield* Scope.Scope
    const sessions = new WeakMap<object, Map<string, Session>>()

    /** The session of an object (a step, a predict function) for shapes, opened on first use. */
    const sessionOf = Effect.fnUntraced(function* (owner: object, key: string, name: string, make: () => Uint8Array) {
      const opened = sessions.get(owner) ?? new Map<string, Session>()
      sessions.set(owner, opened)
      const found = opened.get(key)
      if (found !== undefined) return found
      const session = yield* runtime.open(name, make()).pipe(Scope.provide(scope))
      opened.set(key, session)
      return session
    })

    const block = Effect.fn("OnnxProgram.block")(function* (step: Method.Step, { state, inputs, draws }: BlockInput) {
      const rest = Ops.mapNamed(draws.values, ({ dtype, shape }) => ({ dtype, shape: [0, ...shape.slice(1)] }))
      const key = signature(state, inputs, rest)
      const session = yield* sessionOf(step, key, step.name, () => program(step, { state, inputs, draws: rest }))
      const results = yield* session.run({
        steps: Tensor.make("int64", [], BigInt64Array.of(BigInt(draws.steps))),
        ...rename(Ops.mapNamed(state, lowered), named.state),
        ...rename(Ops.mapNamed(inputs, lowered), named.input),
        ...rename(Ops.mapNamed(draws.values, lowered), named.draw)
      })
      const traces = Object.entries(results).filter(([name]) => name.startsWith(named.trace("")))
      return {
        state: Ops.mapNamed(state, (_, name) => Tensor.toFloat64(Ops.get(results, named.next(name)))),
        trace: Object.fromEntries(
          traces.map(([name, tensor]) => [name.slice(named.trace("").length), Tensor.toFloat64(tensor).data])
        )
      }
    })

    const predict = Effect.fn("OnnxProgram.predict")(function* (
      predict: Predict,
      weights: Ops.Named<Method.HostTensor>,
      features: Ops.Named<Tensor.Tensor>
    ): Effect.fn.Return<Method.Prediction<Method.HostTensor>, OnnxError> {
      const widths = Ops.mapNamed(features, ({ shape }) => shape[1]!)
      const key = signature(
        weights,
        Ops.mapNamed(widths, (width) => ({ dtype: "float32", shape: [width] }))
      )
      const session = yield* sessionOf(predict, key, "heads", () =>
        forward(predict, weights, widths, { weights: "inputs" })
      )
      const results = yield* session.run({
        ...Ops.mapNamed(features, lowered),
        ...rename(Ops.mapNamed(weights, lowered), named.state)
      })
      const logits = Object.entries(results).filter(([name]) => name.startsWith("logits."))
      return {
        probabilities: Tensor.toFloat64(Ops.get(results, "probabilities")),
        logits: Object.fromEntries(logits.map(([name, z]) => [name.slice("logits.".length), Tensor.toFloat64(z)]))
      }
    })

    return Interpreter.of({ name: `onnx program (${runtime.provider})`, block, predict })
  })
)
