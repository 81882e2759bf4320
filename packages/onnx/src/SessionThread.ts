/**
 * Sessions in a thread of their own, so that the thread which asks goes on while a model runs: onnxruntime-node runs a
 * model to its end on the thread that calls it. The thread starts with the first session and ends with the scope; its
 * sessions run one after another. Tensors are copied to it in buffers that come back and are used again, and results are
 * handed over.
 */
import type { Tensor } from "@igm/tensor"
import { Effect, type Scope } from "effect"
import type { InferenceSession } from "onnxruntime-node"
import { SHARE_ENV, Worker } from "node:worker_threads"

/** What the thread is asked. */
export type Request =
  | {
      readonly kind: "open"
      readonly id: number
      readonly model: string | Uint8Array
      readonly options: InferenceSession.SessionOptions
    }
  | { readonly kind: "run"; readonly id: number; readonly session: number; readonly inputs: Named }
  | { readonly kind: "close"; readonly id: number; readonly session: number }

/** What it answers: the words of an error, or what was asked for. */
export type Answer = { readonly id: number; readonly buffers?: ReadonlyArray<ArrayBuffer> } & (
  { readonly fault: string } | { readonly value: Value }
)

type Named = { readonly [name: string]: Tensor.Tensor }

/** What comes of each request. */
export type Value = Opened | Named | null

/** A session that is open in the thread. */
interface Opened {
  readonly session: number
  readonly inputs: ReadonlyArray<InferenceSession.ValueMetadata>
  readonly outputs: ReadonlyArray<InferenceSession.ValueMetadata>
}

/** A session of the thread; failures are onnxruntime's own errors, or the thread's end. */
export interface Session extends Opened {
  readonly run: (inputs: Named) => Effect.Effect<Named, Error>
}

interface Running {
  readonly worker: Worker
  readonly owed: Map<number, (result: Effect.Effect<Value, Error>) => void>
  alive: boolean
}

/** Buffers that are kept for tensors to come. */
const SPARE = 8

/** How long the thread may take to end. */
const PATIENCE = "5 seconds"

/** The thread of a scope; opening a model starts it. */
export const make: Effect.Effect<
  (model: string | Uint8Array, options: InferenceSession.SessionOptions) => Effect.Effect<Session, Error, Scope.Scope>,
  never,
  Scope.Scope
> = Effect.gen(function* () {
  let thread: Running | undefined
  let counter = 0
  const spare: Array<ArrayBuffer> = []

  /** A copy of a tensor in a buffer of its own, one that was used before if there is one of its size. */
  const copied = (tensor: Tensor.Tensor): Tensor.Tensor => {
    const { buffer, byteOffset, byteLength } = tensor.data
    const at = spare.findIndex((one) => one.byteLength === byteLength)
    const own = at < 0 ? new ArrayBuffer(byteLength) : spare.splice(at, 1)[0]!
    new Uint8Array(own).set(new Uint8Array(buffer, byteOffset, byteLength))
    const Numbers = tensor.data.constructor as new (buffer: ArrayBuffer) => never
    return { ...tensor, data: new Numbers(own) }
  }

  const start = (): Running => {
    const worker = new Worker(new URL("./session.worker.ts", import.meta.url), {
      // What is set for the libraries of a device has to reach them, and no copy does.
      env: SHARE_ENV,
      execArgv: ["--disable-warning=ExperimentalWarning"]
    })
    const running: Running = { worker, owed: new Map(), alive: true }
    const die = (why: string) => {
      running.alive = false
      for (const settle of running.owed.values()) settle(Effect.fail(new Error(why)))
      running.owed.clear()
    }
    worker.on("message", (answer: Answer) => {
      spare.push(...(answer.buffers ?? []))
      spare.splice(0, spare.length - SPARE)
      const settle = running.owed.get(answer.id)
      running.owed.delete(answer.id)
      if (running.owed.size === 0) worker.unref()
      settle?.("fault" in answer ? Effect.fail(new Error(answer.fault)) : Effect.succeed(answer.value))
    })
    worker.on("error", (error) => die(`its thread failed: ${error instanceof Error ? error.message : String(error)}`))
    worker.on("exit", (code) => die(`its thread ended with code ${code}`))
    return running
  }

  /** Interrupted, the answer is waited for no longer; the thread comes to its end with it. */
  const ask = <A extends Value>(running: Running, request: (id: number) => Request, hand: Array<ArrayBuffer> = []) =>
    Effect.callback<A, Error>((resume) => {
      if (!running.alive) return resume(Effect.fail(new Error("its thread has ended")))
      const id = ++counter
      running.owed.set(id, resume as (result: Effect.Effect<Value, Error>) => void)
      running.worker.ref()
      running.worker.postMessage(request(id), hand)
    })

  yield* Effect.addFinalizer(() =>
    Effect.callback<void>((resume) => {
      if (thread?.alive !== true) return resume(Effect.void)
      thread.alive = false
      thread.worker.once("exit", () => resume(Effect.void))
      thread.worker.ref()
      thread.worker.postMessage("end")
    }).pipe(
      Effect.interruptible,
      Effect.timeoutOption(PATIENCE),
      Effect.andThen(Effect.sync(() => thread?.worker.unref()))
    )
  )

  return Effect.fnUntraced(function* (model, options) {
    if (thread?.alive !== true) thread = start()
    const running = thread
    const opened = yield* Effect.acquireRelease(
      ask<Opened>(running, (id) => ({ kind: "open", id, model, options })),
      ({ session }) => {
        spare.length = 0
        return Effect.ignore(ask(running, (id) => ({ kind: "close", id, session })))
      }
    )
    const { session } = opened
    const run = (given: Named) =>
      Effect.try({
        try: () => Object.fromEntries(Object.entries(given).map(([name, tensor]) => [name, copied(tensor)])),
        catch: (cause) => cause as Error
      }).pipe(
        Effect.flatMap((inputs) => {
          const buffers = Object.values(inputs).map(({ data }) => data.buffer as ArrayBuffer)
          return ask<Named>(running, (id) => ({ kind: "run", id, session, inputs }), buffers)
        })
      )
    return { ...opened, run }
  })
})
