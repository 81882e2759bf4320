/**
 * Sessions in a worker thread, so that the calling thread is not blocked: onnxruntime-node runs a model synchronously
 * on the thread that calls it. The worker starts with the first session and ends with the scope; its sessions run one
 * after another. Inputs in shared memory are read without copying until the run is over, others are copied to shared
 * memory; results are transferred.
 */
import { Memory, type Tensor } from "@igm/tensor"
import { Effect, type Scope } from "effect"
import type { InferenceSession } from "onnxruntime-node"
import { SHARE_ENV, Worker } from "node:worker_threads"

/** A request to the worker. */
export type Request =
  | {
      readonly kind: "open"
      readonly id: number
      readonly model: string | Uint8Array
      readonly options: InferenceSession.SessionOptions
    }
  | { readonly kind: "run"; readonly id: number; readonly session: number; readonly inputs: Named }
  | { readonly kind: "close"; readonly id: number; readonly session: number }

/** An answer of the worker: the message of an error, or a value. */
export type Answer = { readonly id: number } & ({ readonly fault: string } | { readonly value: Value })

type Named = { readonly [name: string]: Tensor.Tensor }

/** The value of an answer. */
export type Value = Opened | Named | null

/** A session that is open in the worker. */
export interface Opened {
  readonly session: number
  readonly inputs: ReadonlyArray<InferenceSession.ValueMetadata>
  readonly outputs: ReadonlyArray<InferenceSession.ValueMetadata>
}

/** A session of the worker; its errors are those of onnxruntime, or the end of the thread. */
export interface Session extends Opened {
  /** Shared memory for inputs. */
  readonly memory: Memory.Pool
  readonly run: (inputs: Named) => Effect.Effect<Named, Error>
}

/** A pending request: its callback, and the copies of inputs that the worker reads until it is answered. */
interface Owed {
  readonly settle: (result: Effect.Effect<Value, Error>) => void
  readonly copies: ReadonlyArray<Tensor.Tensor>
}

interface Running {
  readonly worker: Worker
  readonly owed: Map<number, Owed>
  alive: boolean
}

/** The time that the thread may take to end. */
const PATIENCE = "5 seconds"

/** Makes the worker of a scope; opening a model starts it. */
export const make: Effect.Effect<
  (model: string | Uint8Array, options: InferenceSession.SessionOptions) => Effect.Effect<Session, Error, Scope.Scope>,
  never,
  Scope.Scope
> = Effect.gen(function* () {
  let thread: Running | undefined
  let counter = 0
  const memory = Memory.sharedPool()

  const start = (): Running => {
    const worker = new Worker(new URL("./session.worker.ts", import.meta.url), {
      // What is set for the libraries of a device has to reach them, and no copy does.
      env: SHARE_ENV,
      execArgv: ["--disable-warning=ExperimentalWarning"]
    })
    const running: Running = { worker, owed: new Map(), alive: true }
    const die = (why: string) => {
      running.alive = false
      for (const { settle } of running.owed.values()) settle(Effect.fail(new Error(why)))
      running.owed.clear()
    }
    worker.on("message", (answer: Answer) => {
      const asked = running.owed.get(answer.id)
      if (asked === undefined) return
      running.owed.delete(answer.id)
      if (running.owed.size === 0) worker.unref()
      // Also of a run that is waited for no longer: the thread was reading them until now.
      for (const { data } of asked.copies) memory.give(data.buffer)
      asked.settle("fault" in answer ? Effect.fail(new Error(answer.fault)) : Effect.succeed(answer.value))
    })
    worker.on("error", (error) => die(`its thread failed: ${error instanceof Error ? error.message : String(error)}`))
    worker.on("exit", (code) => die(`its thread ended with code ${code}`))
    return running
  }

  /** Sends a request. On an interruption the answer is no longer awaited, but the worker finishes the request. */
  const ask = <A extends Value>(
    running: Running,
    request: (id: number) => Request,
    copies: ReadonlyArray<Tensor.Tensor> = []
  ) =>
    Effect.callback<A, Error>((resume) => {
      if (!running.alive) return resume(Effect.fail(new Error("its thread has ended")))
      const id = ++counter
      running.owed.set(id, { settle: resume as (result: Effect.Effect<Value, Error>) => void, copies })
      running.worker.ref()
      running.worker.postMessage(request(id))
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
      // A run that nobody waits for may go on for ever.
      ({ session }) =>
        ask(running, (id) => ({ kind: "close", id, session })).pipe(
          Effect.ignore,
          Effect.interruptible,
          Effect.timeoutOption(PATIENCE)
        )
    )
    const { session } = opened
    /** Moves inputs to shared memory, and lists those that were copied. */
    const shared = (given: Named) => {
      const copies: Array<Tensor.Tensor> = []
      const inputs = Object.entries(given).map(([name, tensor]): [string, Tensor.Tensor] => {
        const { data } = tensor
        if (data.buffer instanceof SharedArrayBuffer) return [name, tensor]
        const copy = { ...tensor, data: Memory.copy(data, memory.take(data.byteLength)) }
        copies.push(copy)
        return [name, copy]
      })
      return { inputs: Object.fromEntries(inputs), copies }
    }
    const run = (given: Named) =>
      Effect.flatMap(Effect.try({ try: () => shared(given), catch: (cause) => cause as Error }), ({ inputs, copies }) =>
        ask<Named>(running, (id) => ({ kind: "run", id, session, inputs }), copies)
      )
    return { ...opened, memory, run }
  })
})
