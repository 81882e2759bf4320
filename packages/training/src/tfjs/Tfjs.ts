/**
 * The TensorFlow.js engine: it runs the operations of a program one by one. A block's inputs are sent to the device
 * once, values that depend on them only are computed once, and its state and traces stay on the device until its end.
 */
import { Ops, Tape } from "@igm/gradient"
import { Tensor } from "@igm/tensor"
import { Effect, type Scope } from "effect"
import { type BlockInput, type Engine, EngineError, type Lane, label } from "../engine/Engine.ts"
import { Interpreter } from "../engine/Interpreter.ts"
import { type Program, named, rename, under } from "../engine/Program.ts"
import * as TfjsBackend from "./TfjsBackend.ts"
import * as TfjsBlock from "./TfjsBlock.ts"
import * as TfjsNative from "./TfjsNative.ts"
import * as TfjsOps from "./TfjsOps.ts"
import * as TfjsWebGpu from "./TfjsWebGpu.ts"
import * as StepFingerprints from "../engine/StepFingerprints.ts"

type Backend = TfjsBackend.Backend
type Value = TfjsOps.Value
type Values = TfjsBlock.Values
type Hosts = Ops.Named<Tensor.Tensor>

/** A host tensor with its copy on the device. */
interface Sent {
  readonly host: Tensor.Tensor
  readonly value: Value
}

/** Options of the engine. */
export interface Options {
  readonly backend: Backend
}

/** The number of steps before the engine yields to other fibers. */
const BREATH = 16

/** Describes an index that is out of a table's range, if there is one: some backends would return zeros for it. */
const problemOf = ({ inputs, operations }: Tape.Tape, hosts: Hosts): string | undefined => {
  for (const { op, of } of operations) {
    const [table, indices] = of.map((value) => inputs[value])
    if (op !== "gather" || table === undefined || indices === undefined) continue
    const rows = Ops.get(hosts, table).shape.at(-2)!
    const odd = Tensor.toFloat64(Ops.get(hosts, indices)).data.find((row) => !(row >= 0 && row < rows))
    if (odd !== undefined) return `${indices} asks for row ${odd} of ${table}, which has ${rows}`
  }
  return undefined
}

/** Opens a backend, and no other. */
const open = (backend: Backend): Effect.Effect<TfjsBackend.Opened, EngineError, Scope.Scope> => {
  switch (backend) {
    case "cpu":
      return TfjsBackend.alone(TfjsBackend.cpu)
    case "wasm":
      return TfjsBackend.alone(TfjsBackend.wasm)
    case "webgpu":
      return TfjsWebGpu.open
    case "node":
    case "node-gpu":
      return TfjsBackend.alone(TfjsNative.open(backend))
  }
}

/** Opens the engine; its tensors on the device are freed with the scope. */
export const engine = Effect.fn("Tfjs.engine")(function* ({ backend }: Options) {
  const { tf, info, enter, breathe, complaint } = yield* open(backend)
  const choice = { engine: "tfjs", device: backend } as const
  /** The last tensor of each name in each lane, with its copy on the device. */
  const lanes = new Map<number, Map<string, Sent>>()

  const errorOf = (program: Program, problem: string, cause?: unknown): EngineError =>
    new EngineError({
      engine: label(choice),
      program: program.name,
      problem,
      ...(cause === undefined ? {} : { cause })
    })
  const failed = (program: Program) => (cause: unknown) =>
    errorOf(program, `running it failed: ${TfjsBackend.wordsOf(cause)}`, cause)

  const send = (tensor: Tensor.Tensor): Value => {
    const { dtype, shape, data } = tensor.dtype === "int32" ? tensor : Tensor.toFloat32(tensor)
    return tf.tensor(data as Float32Array | Int32Array, [...shape], dtype as "float32" | "int32")
  }
  /**
   * Sends tensors to the device for the duration of the call or, in a lane, until another tensor of that name replaces
   * them.
   */
  const sendAll = (held: TfjsBlock.Held, hosts: Hosts, lane?: Lane): Values => {
    if (lane === undefined) {
      return Ops.mapNamed(hosts, (host) => {
        const value = send(host)
        held.add(value)
        return value
      })
    }
    const kept = lanes.get(lane.id) ?? new Map<string, Sent>()
    lanes.set(lane.id, kept)
    return Ops.mapNamed(hosts, (host, name) => {
      const known = kept.get(name)
      if (known?.host === host) return known.value
      const value = send(host)
      known?.value.dispose()
      kept.set(name, { host, value })
      return value
    })
  }
  const forget = (id: number) => {
    for (const { value } of lanes.get(id)?.values() ?? []) value.dispose()
    lanes.delete(id)
  }
  yield* Effect.addFinalizer(() => TfjsBackend.alone(Effect.sync(() => [...lanes.keys()].forEach(forget))))

  /** Runs a call exclusively on this backend, and frees its tensors. */
  const call = <A>(program: Program, use: (held: TfjsBlock.Held) => Effect.Effect<A, EngineError>) =>
    Effect.acquireUseRelease(
      Effect.sync((): TfjsBlock.Held => new Set()),
      use,
      (held) => Effect.sync(() => held.forEach((value) => value.dispose()))
    ).pipe(
      Effect.tap(() =>
        Effect.flatMap(complaint, (words) =>
          words === undefined ? Effect.void : Effect.fail(errorOf(program, `the device complains: ${words}`))
        )
      ),
      (called) => Effect.andThen(Effect.andThen(enter, complaint), called),
      TfjsBackend.alone
    )
  const attempt = <A>(program: Program, act: () => A) => Effect.try({ try: act, catch: failed(program) })
  const read = (program: Program, values: Values) =>
    Effect.tryPromise({
      try: () => Promise.all(Object.values(values).map((value) => value.data())),
      catch: failed(program)
    }).pipe(
      Effect.uninterruptible,
      Effect.map((all) =>
        Object.fromEntries(
          Object.entries(values).map(([name, { shape }], i) => [name, Tensor.float64(shape, new Float64Array(all[i]!))])
        )
      )
    )
  const checked = (program: Program, hosts: Hosts) =>
    Effect.suspend(() => {
      const problem = problemOf(program.tape, hosts)
      return problem === undefined ? Effect.void : Effect.fail(errorOf(program, problem))
    })

  const block = Effect.fn("Tfjs.block")(function* (program: Program, input: BlockInput, lane?: Lane) {
    const { state, draws } = input
    const [inputs, values] = [rename(input.inputs, named.input), rename<Tensor.Tensor>(draws.values, named.draw)]
    yield* checked(program, { ...inputs, ...values })
    return yield* call(program, (held) =>
      Effect.gen(function* () {
        const [steps, start] = yield* attempt(program, () => {
          const given = sendAll(held, inputs, lane)
          const take = TfjsBlock.make(tf, program, held, given, sendAll(held, values))
          return [take, { state: sendAll(held, state), trace: {} }] as const
        })
        let at: TfjsBlock.Place = start
        for (let from = 0; from < draws.steps; from += BREATH) {
          const before = at
          at = yield* attempt(program, () => steps(before, from, Math.min(from + BREATH, draws.steps)))
          yield* breathe
        }
        const [after, traces] = [yield* read(program, at.state), yield* read(program, at.trace)]
        const none = Ops.mapNamed(under(program.tape.outputs, named.trace), () => new Float64Array(0))
        return { state: after, trace: { ...none, ...Ops.mapNamed(traces, ({ data }) => data) } }
      })
    )
  })

  const map = Effect.fn("Tfjs.map")(function* (program: Program, inputs: Hosts, lane?: Lane) {
    yield* checked(program, inputs)
    return yield* call(program, (held) =>
      Effect.gen(function* () {
        const made = yield* attempt(program, () => {
          const [given, isShared] = [sendAll(held, inputs, lane), TfjsBlock.sharedBy(program.tape)]
          const outcome = tf.tidy(() => ({
            ...Ops.mapNamed(Tape.run(program.tape, TfjsOps.make(tf), given), (value, name) =>
              isShared(name) ? tf.clone(value) : value
            )
          }))
          return TfjsBlock.own(held, outcome)
        })
        return yield* read(program, made)
      })
    )
  })

  return {
    info: { ...choice, ...info, precision: "float32", threads: 1 },
    block: StepFingerprints.block(block, Tensor.toFloat32),
    map,
    close: ({ id }) => TfjsBackend.alone(Effect.sync(() => forget(id)))
  } satisfies Engine
})

/** The TensorFlow.js interpreter as a layer. */
export const layer = (options: Options) => Interpreter.layer(engine(options))
