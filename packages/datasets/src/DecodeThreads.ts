/**
 * Decoding in threads, for preprocessing that keeps a processor busy in JavaScript. A thread cannot be handed a function:
 * it imports the module that has the preprocessing, and takes it by its name there. Threads start when they are needed, and
 * end with the scope.
 *
 * Tensors lie in memory that is used again. They are lent: when the scope that they were decoded in closes, the numbers of
 * other samples come to lie there.
 */
import type { Keyed } from "@igm/tensor"
import { Effect, Scope } from "effect"
import { Worker } from "node:worker_threads"
import * as Buffers from "./Buffers.ts"
import type { Augmentation, Place, Preprocess, Source, Tensors } from "./Dataset.ts"
import { MediaError } from "./Errors.ts"

/** What a thread is asked: to decode a source, drawing from a stream, into these buffers where they are large enough. */
export interface Request {
  readonly id: number
  readonly source: Source
  readonly stream: Keyed.Path
  readonly buffers: ReadonlyArray<SharedArrayBuffer>
}

/** What it answers: tensors, or what is wrong with the file. */
export type Answer = { readonly id: number } & (
  | { readonly tensors: Tensors }
  | { readonly fault: { readonly path: string; readonly problem: string; readonly details: string } }
)

type Decoded = Effect.Effect<Tensors, MediaError>

interface Thread {
  readonly worker: Worker
  readonly owed: Map<number, { readonly path: string; readonly settle: (result: Decoded) => void }>
}

/** Decodes a source; preprocessing that draws is told what from. */
export type Decode = (source: Source, stream?: Keyed.Path) => Effect.Effect<Tensors, MediaError, Scope.Scope>

/** How long a thread may take to end. */
const PATIENCE = "5 seconds"

/** Lets a thread finish what it is at, and end. */
const end = ({ worker }: Thread) =>
  Effect.callback<void>((resume) => {
    worker.once("exit", () => resume(Effect.void))
    worker.ref()
    worker.postMessage("end")
  }).pipe(Effect.interruptible, Effect.timeoutOption(PATIENCE), Effect.andThen(Effect.sync(() => worker.unref())))

/** Decodes as the preprocessing of a place does, in so many threads; tensors are lent until the scope closes. */
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
      if (thread.owed.size === 0) worker.unref()
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

  /** The thread with the least to do, a new one if all have something. */
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
      worker.ref()
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

/** The preprocessing of a place; a place that has none is a defect. */
export const find = async ({ module, name }: Place): Promise<Preprocess | Augmentation> => {
  let found: unknown = await import(module)
  for (const part of name.split(".")) found = (found as { readonly [name: string]: unknown } | undefined)?.[part]
  if (typeof (found as Partial<Preprocess> | undefined)?.load === "function") return found as Preprocess | Augmentation
  throw new Error(`${module} has no preprocessing ${name}`)
}
