/**
 * Decoding in worker threads, for preprocessing that keeps a processor busy in JavaScript. A function cannot be sent to
 * a thread, so a thread imports the module of the preprocessing and looks it up by name. Threads start on demand and
 * end with the scope.
 *
 * The tensors' memory is reused. A decoded tensor is only valid until the scope that it was decoded in closes;
 * afterwards other samples overwrite it.
 */
import type { Keyed } from "@igm/tensor"
import { Effect, Scope } from "effect"
import { Worker } from "node:worker_threads"
import * as Buffers from "./Buffers.ts"
import { MediaError } from "../Errors.ts"
import type { Augmentation, Place, Preprocess, Source, Tensors } from "../Preprocess.ts"

/** A request to a thread: decode a source with a random stream, into these buffers if they are large enough. */
export interface Request {
  readonly id: number
  readonly source: Source
  readonly stream: Keyed.Path
  readonly buffers: ReadonlyArray<SharedArrayBuffer>
}

/** The answer of a thread: the tensors, or the fields of a `MediaError`. */
export type Answer = { readonly id: number } & (
  | { readonly tensors: Tensors }
  | { readonly fault: { readonly path: string; readonly problem: string; readonly details: string } }
)

type Decoded = Effect.Effect<Tensors, MediaError>

interface Thread {
  readonly worker: Worker
  readonly owed: Map<number, { readonly path: string; readonly settle: (result: Decoded) => void }>
}

/** Decodes a source; an augmentation draws from the given stream. */
export type Decode = (source: Source, stream?: Keyed.Path) => Effect.Effect<Tensors, MediaError, Scope.Scope>

/** The time that a thread gets to end by itself. */
const PATIENCE = "5 seconds"

/** Asks a thread to close its resources and end; terminates it if it does not. */
const end = ({ worker }: Thread) =>
  Effect.callback<void>((resume) => {
    worker.once("exit", () => resume(Effect.void))
    worker.postMessage("end")
  }).pipe(
    Effect.interruptible,
    Effect.timeoutOrElse({ duration: PATIENCE, orElse: () => Effect.promise(() => worker.terminate()) })
  )

/**
 * Decodes with the preprocessing at a place, in up to the given number of threads; tensors are valid until the scope
 * closes.
 */
export const make = Effect.fn("DecodeThreads.make")(function* (
  place: Place,
  { threads: most }: { readonly threads: number }
): Effect.fn.Return<Decode, never, Scope.Scope> {
  const threads: Array<Thread> = []
  const buffers = Buffers.make()
  let counter = 0

  const start = (): Thread => {
    const worker = new Worker(new URL("./decode.worker.ts", import.meta.url), {
      workerData: place,
      execArgv: ["--disable-warning=ExperimentalWarning"]
    })
    const thread: Thread = { worker, owed: new Map() }
    const die = (why: string) => {
      if (threads.includes(thread)) threads.splice(threads.indexOf(thread), 1)
      for (const { path, settle } of thread.owed.values()) {
        settle(Effect.fail(new MediaError({ path, problem: `the thread that decodes it ${why}` })))
      }
      thread.owed.clear()
    }
    worker.on("message", (answer: Answer) => {
      const call = thread.owed.get(answer.id)
      thread.owed.delete(answer.id)
      if ("tensors" in answer) call?.settle(Effect.succeed(answer.tensors))
      else {
        const { path, problem, details } = answer.fault
        call?.settle(Effect.fail(new MediaError({ path, problem, cause: details })))
      }
    })
    worker.on("error", (error) => die(`failed: ${error instanceof Error ? error.message : String(error)}`))
    worker.on("exit", (code) => die(`ended with code ${code}`))
    return thread
  }

  /** The thread with the fewest pending requests; starts a new one if all are busy and the maximum is not reached. */
  const next = (): Thread => {
    const least = threads.toSorted((a, b) => a.owed.size - b.owed.size)[0]
    if (least !== undefined && (least.owed.size === 0 || threads.length >= most)) return least
    const thread = start()
    threads.push(thread)
    return thread
  }

  yield* Effect.addFinalizer(() => Effect.forEach([...threads], end, { concurrency: "unbounded", discard: true }))
  const ask = (source: Source, stream: Keyed.Path): Decoded =>
    Effect.callback((resume) => {
      const id = ++counter
      const { worker, owed } = next()
      owed.set(id, { path: source.path, settle: resume })
      worker.postMessage({ id, source, stream, buffers: buffers.take() } satisfies Request)
    })
  // By `Effect.acquireRelease` each sample that waits would keep its whole context.
  return (source, stream = []) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(Effect.scope, (scope) =>
        Effect.tap(restore(ask(source, stream)), (tensors) =>
          Scope.addFinalizer(
            scope,
            Effect.sync(() => buffers.give(tensors))
          )
        )
      )
    )
})

/** Imports the preprocessing at a place; a place without one is a defect. */
export const find = async ({ module, name }: Place): Promise<Preprocess | Augmentation> => {
  let found: unknown = await import(module)
  for (const part of name.split(".")) found = (found as { readonly [name: string]: unknown } | undefined)?.[part]
  if (typeof (found as Partial<Preprocess> | undefined)?.load === "function") return found as Preprocess | Augmentation
  throw new Error(`${module} has no preprocessing ${name}`)
}
