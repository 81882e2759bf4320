/**
 * A session in a child process, for untested models: one that never ends, exhausts memory or crashes the runtime
 * affects its process only, which is killed on a timeout or interruption.
 */
import { Memory, type Tensor } from "@igm/tensor"
import { Effect } from "effect"
import type { InferenceSession } from "onnxruntime-node"
import { type ChildProcess, fork } from "node:child_process"
import { ProcessEnded } from "./OnnxError.ts"
import type { Answer, Opened, Request, Session, Value } from "./SessionThread.ts"

type Named = { readonly [name: string]: Tensor.Tensor }

const start = Effect.sync(() =>
  fork(new URL("./session.process.ts", import.meta.url), {
    // Tensors come as they are, not as JSON.
    serialization: "advanced",
    stdio: ["ignore", "ignore", "ignore", "ipc"],
    execArgv: ["--disable-warning=ExperimentalWarning"]
  })
)

const hasEnded = ({ pid, exitCode, signalCode }: ChildProcess): boolean =>
  pid === undefined || exitCode !== null || signalCode !== null

const codeOf = (error: Error): unknown => (error as { readonly code?: unknown }).code

const end = (child: ChildProcess): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (hasEnded(child)) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    child.kill("SIGKILL")
  })

/** The time that opening or running a model may take. */
const LIMIT = "10 minutes"

/** Sends a request to the process, and kills it on a timeout or interruption, since nothing else ends a run. */
const ask = <A extends Value>(child: ChildProcess, request: Request): Effect.Effect<A, Error> =>
  Effect.callback<A, Error>((resume) => {
    const settle = (result: Effect.Effect<A, Error>) => {
      child.off("message", onMessage).off("exit", onExit).off("error", onError)
      resume(result)
    }
    const onMessage = (answer: Answer) => {
      if (answer.id !== request.id) return
      settle("fault" in answer ? Effect.fail(new Error(answer.fault)) : Effect.succeed(answer.value as A))
    }
    const onExit = (code: number | null, signal: string | null) =>
      settle(
        Effect.fail(
          new ProcessEnded(`its process ${signal === null ? `ended with code ${code}` : `was ended by ${signal}`}`)
        )
      )
    // A channel that is broken is that of a process which has ended, and how is told by its exit.
    const onError = (error: Error) => {
      if (child.killed || ["EPIPE", "ERR_IPC_CHANNEL_CLOSED"].includes(String(codeOf(error)))) return
      settle(Effect.fail(new ProcessEnded(`its process failed: ${error.message}`)))
    }
    child.on("message", onMessage).on("exit", onExit).on("error", onError)
    if (hasEnded(child)) return onExit(child.exitCode, child.signalCode)
    if (!child.killed) child.send(request)
    return Effect.sync(() => {
      child.off("message", onMessage).off("exit", onExit).off("error", onError)
      child.kill("SIGKILL")
    })
  }).pipe(
    Effect.timeoutOrElse({
      duration: LIMIT,
      orElse: () => Effect.fail(new ProcessEnded(`it did not come to an end within ${LIMIT}`))
    })
  )

/** Opens a model in a child process, which ends with the scope. */
export const open = Effect.fnUntraced(function* (model: string | Uint8Array, options: InferenceSession.SessionOptions) {
  const child = yield* Effect.acquireRelease(start, end)
  let counter = 0
  const opened = yield* ask<Opened>(child, { kind: "open", id: ++counter, model, options })
  const run = (inputs: Named) =>
    Effect.suspend(() => ask<Named>(child, { kind: "run", id: ++counter, session: opened.session, inputs }))
  const session: Session = { ...opened, memory: Memory.pool(), run }
  return session
})
