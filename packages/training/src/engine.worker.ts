/** A thread that owns an engine: it opens the one that it is told to, and answers calls one after another. */
import { type Method, Ops } from "@igm/gradient"
import { Tensor } from "@igm/tensor"
import { Cause, Effect, Exit, Scope } from "effect"
import { parentPort, workerData } from "node:worker_threads"
import { type Engine, EngineError, type HostTensors } from "./Engine.ts"
import * as Local from "./Local.ts"
import type { Program } from "./Program.ts"
import { type Answer, type Call, type Fault, type Output, type Request, compact } from "./Protocol.ts"

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
const lanes = new Map<number, Map<string, Tensor.Tensor>>()

/** The tensors of a call, those that the lane keeps among them. */
const tensorsOf = ({ kind, lane, tensors }: Call): Ops.Named<Tensor.Tensor> => {
  const kept = lanes.get(lane) ?? new Map<string, Tensor.Tensor>()
  if (lane !== 0) lanes.set(lane, kept)
  return Ops.mapNamed(tensors, (sent, name) => {
    const key = `${kind} ${name}`
    if (sent === "kept") return kept.get(key)!
    kept.set(key, sent)
    return sent
  })
}

const programOf = ({ program: { id, body } }: Call): Program => {
  if (body !== undefined) programs.set(id, body)
  return programs.get(id)!
}

const answer = (engine: Engine, call: Call): Effect.Effect<Output, EngineError> => {
  const [program, inputs] = [programOf(call), tensorsOf(call)]
  const own = (tensor: Tensor.Tensor): Tensor.Tensor =>
    compact(engine.about.precision === "float32" ? Tensor.toFloat32(tensor) : tensor)
  if (call.kind === "map") return Effect.map(engine.map(program, inputs), (made) => Ops.mapNamed(made, own))
  const draws = call.draws as Method.Draws
  // What computes in single precision takes it as it is.
  const state = call.state as HostTensors
  return engine.block(program, { state, inputs, draws, traced: call.traced }).pipe(
    Effect.map((after) => ({
      ...after,
      state: Ops.mapNamed(after.state, own),
      trace: Ops.mapNamed(after.trace, (numbers) => numbers.slice())
    }))
  )
}

const scope = Effect.runSync(Scope.make())
const opened = await Effect.runPromiseExit(Local.open(workerData as Local.Choice).pipe(Scope.provide(scope)))
if (Exit.isFailure(opened)) say({ unable: faultOf(opened.cause) })
else {
  const engine = opened.value
  say({ ready: engine.about })
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
