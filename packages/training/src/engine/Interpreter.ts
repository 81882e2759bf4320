/**
 * Executes steps and forward passes: it records them as programs, once for each set of inputs, and runs these on an
 * engine.
 */
import { type Method, Ops, Tape } from "@igm/gradient"
import type { Tensor } from "@igm/tensor"
import { Context, Effect, Layer, type Scope } from "effect"
import type { EngineInfo, BlockInput, BlockOutput, Engine, EngineError, HostTensors, Lane } from "./Engine.ts"
import * as Draws from "./Draws.ts"
import * as Program from "./Program.ts"

export type { BlockInput, BlockOutput, HostTensors } from "./Engine.ts"

/** Distinguishes a probe's program from a block's. */
const PROBE = { probe: true }

/** The forward pass of heads: the part of a method that maps features to probabilities. */
export type Predict = Method.Method["predict"]

/** Runs blocks of steps, computations, and heads' forward passes. */
export class Interpreter extends Context.Service<
  Interpreter,
  {
    readonly info: EngineInfo
    /** A lane for calls that share tensors, forgotten with the scope. */
    readonly lane: Effect.Effect<Lane, never, Scope.Scope>
    /** The program of a step; `own` are the tables that differ between the heads of a stack. */
    readonly program: (step: Method.Step, input: BlockInput, own?: ReadonlyArray<string>) => Program.Program
    readonly run: Engine["block"]
    /** Runs a block of steps. */
    readonly block: (step: Method.Step, input: BlockInput, lane?: Lane) => Effect.Effect<BlockOutput, EngineError>
    /** Runs a probe on the first draws and returns its trace; the state does not change. */
    readonly probe: (step: Method.Step, input: BlockInput, lane?: Lane) => Effect.Effect<Ops.Named<number>, EngineError>
    /** Runs a computation; within a lane the same computation runs only once. */
    readonly compute: (computation: Method.Computation, lane?: Lane) => Effect.Effect<HostTensors, EngineError>
    /**
     * Logits by head and fused probabilities (n × classes) of features (n × width, by modality); a stack of weights
     * (heads × …) gives stacks.
     */
    readonly predict: (
      predict: Predict,
      weights: HostTensors,
      features: Ops.Named<Tensor.Tensor>,
      lane?: Lane
    ) => Effect.Effect<Method.Prediction<Method.HostTensor>, EngineError>
  }
>()("@igm/training/Interpreter") {
  /** The interpreter that runs on an engine. */
  static readonly ofEngine = (engine: Engine): Interpreter["Service"] => {
    const programs = new Map<string, Program.Program>()
    /** Equal programs are one object, whichever step they come from. */
    const shared = (program: Program.Program): Program.Program => {
      const found = programs.get(program.key) ?? program
      programs.set(program.key, found)
      return found
    }
    const recorded = new WeakMap<object, Map<string, Program.Program>>()
    const programOf = (owner: object, names: ReadonlyArray<object>, record: () => Program.Program) => {
      const known = recorded.get(owner) ?? new Map<string, Program.Program>()
      recorded.set(owner, known)
      const key = JSON.stringify(names.map((one) => Object.keys(one)))
      const found = known.get(key) ?? shared(record())
      known.set(key, found)
      return found
    }
    const program = (step: Method.Step, { state, inputs, draws }: BlockInput, own: ReadonlyArray<string> = []) =>
      programOf(step, [state, inputs, draws.values, { ...own }], () =>
        Program.ofStep(step, { state, inputs, draws: draws.values }, own)
      )
    const computed = new WeakMap<Lane, WeakMap<Method.Computation, HostTensors>>()
    let lanes = 0
    return Interpreter.of({
      info: engine.info,
      lane: Effect.acquireRelease(
        Effect.sync(() => ({ id: ++lanes })),
        engine.close
      ),
      program,
      run: engine.block,
      block: (step, input, lane) => Effect.suspend(() => engine.block(program(step, input), input, lane)),
      probe: (step, { state, inputs, draws }, lane) =>
        Effect.suspend(() => {
          const first = Ops.mapNamed(draws.values, Draws.first)
          const program = programOf(step, [state, inputs, first, PROBE], () =>
            Program.ofProbe(step, { state, inputs, draws: first })
          )
          const given = {
            ...Program.rename<Tensor.Tensor>(state, Program.named.state),
            ...Program.rename(inputs, Program.named.input),
            ...Program.rename<Tensor.Tensor>(first, Program.named.draw)
          }
          return engine.map(program, given, lane)
        }).pipe(Effect.map((made) => Ops.mapNamed(Program.under(made, Program.named.trace), ({ data }) => data[0]!))),
      compute: (computation, lane) =>
        Effect.suspend(() => {
          const { name, inputs, run } = computation
          const known = lane === undefined ? undefined : (computed.get(lane) ?? new WeakMap())
          if (lane !== undefined) computed.set(lane, known!)
          const found = known?.get(computation)
          if (found !== undefined) return Effect.succeed(found)
          const program = shared(Program.make(name, Tape.record(Object.keys(inputs), run)))
          return Effect.tap(engine.map(program, inputs, lane), (made) =>
            Effect.sync(() => void known?.set(computation, made))
          )
        }),
      predict: (predict, weights, features, lane) =>
        Effect.suspend(() => {
          const program = programOf(predict, [weights, features], () =>
            Program.ofPredict(predict, { weights, features })
          )
          const inputs = {
            ...Program.rename(weights, Program.named.state),
            ...Program.rename<Tensor.Tensor>(features, Program.named.input)
          }
          return engine.map(program, inputs, lane)
        }).pipe(
          Effect.map((outputs) => ({
            probabilities: Ops.get(outputs, "probabilities"),
            logits: Program.under(outputs, (head) => `logits.${head}`)
          }))
        )
    })
  }

  /** The layer of the interpreter on an engine, which every provision of the layer opens anew. */
  static readonly layer = <E, R>(engine: Effect.Effect<Engine, E, R>) =>
    Layer.fresh(Layer.effect(Interpreter, Effect.map(engine, Interpreter.ofEngine)))
}
