/** The worker thread of an engine: it opens the engine in its worker data, and answers calls one after another. */
import { type Method, Ops } from "@igm/gradient"
import type { Tensor } from "@igm/tensor"
import { Cause, Effect, Exit, Scope } from "effect"
import { parentPort, workerData } from "node:worker_threads"
import { type Engine, EngineError, type HostTensors } from "../engine/Engine.ts"
import * as Local from "../engine/Local.ts"
import type { Program } from "../engine/Program.ts"
import {
  type Answer,
  type Call,
  type Fault,
  type Made,
  type Output,
  type Request,
  type Sent,
  compact
} from "./Protocol.ts"
import * as Single from "../engine/Single.ts"

const port = parentPort!
const say = (answer: Answer) => port.postMessage(answer)

const faultOf = (cause: Cause.Cause<EngineError>): Fault => {
  const error = Cause.squash(cause)
  const known = error instanceof EngineError ? error : undefined
  return {
    engine: known?.engine ?? "engine",
    program: known?.program ?? "program",
    problem: known?.problem ?? (error instanceof Error ? error.message : String(error)),
    details: Cause.pretty(cause)
  }
}

const programs = new Map<number, Program>()
/** The last number of a tensor that was computed here; they are negative. */
let counter = 0
const lanes = new Map<number, Map<number, Tensor.Tensor>>()

/** The tensors that a lane keeps; lane 0, of calls without a lane, keeps none. */
const keptOf = (lane: number): Map<number, Tensor.Tensor> => {
  const kept = lanes.get(lane) ?? new Map<number, Tensor.Tensor>()
  if (lane !== 0) lanes.set(lane, kept)
  return kept
}

const programOf = ({ program: { id, body } }: Call): Program => {
  if (body !== undefined) programs.set(id, body)
  return programs.get(id)!
}

const answer = (engine: Engine, call: Call): Effect.Effect<Output, EngineError> => {
  const [program, kept] = [programOf(call), keptOf(call.lane)]
  const given = ({ id, tensor = kept.get(id) }: Sent): Tensor.Tensor => {
    kept.set(id, tensor!)
    return tensor!
  }
  const own = (tensor: Tensor.Tensor): Made => {
    const made = compact(engine.info.precision === "float32" ? Single.lowered(tensor) : tensor)
    const id = --counter
    kept.set(id, made)
    return { id, tensor: made }
  }
  const inputs = Ops.mapNamed(call.tensors, given)
  call.forget.forEach((id) => kept.delete(id))
  if (call.kind === "map") {
    return Effect.map(engine.map(program, inputs), (made) => ({ made: Ops.mapNamed(made, own), trace: {} }))
  }
  const draws = call.draws as Method.Draws
  // What computes in single precision takes it as it is.
  const state = Ops.mapNamed(call.state, given) as HostTensors
  return engine.block(program, { state, inputs, draws, traced: call.traced }).pipe(
    Effect.map(({ state: made, ...after }) => ({
      ...after,
      made: Ops.mapNamed(made, own),
      trace: Ops.mapNamed(after.trace, (numbers) => numbers.slice())
    }))
  )
}

const scope = Effect.runSync(Scope.make())
const opened = await Effect.runPromiseExit(Local.open(workerData as Local.Choice).pipe(Scope.provide(scope)))
if (Exit.isFailure(opened)) say({ unable: faultOf(opened.cause) })
else {
  const engine = opened.value
  say({ ready: engine.info })
  let last: Promise<unknown> = Promise.resolve()
  port.on("message", (request: Request | "end") => {
    if (request === "end") {
      last = last.then(() => Effect.runPromise(Scope.close(scope, Exit.void))).then(() => port.close())
    } else if (request.kind === "close") lanes.delete(request.lane)
    else {
      last = last
        .then(() => Effect.runPromiseExit(answer(engine, request)))
        .then((exit) =>
          say(
            Exit.isSuccess(exit)
              ? { id: request.id, output: exit.value }
              : { id: request.id, fault: faultOf(exit.cause) }
          )
        )
    }
  })
}
