/**
 * The time in which a program's own code runs before anything is made: its module is loaded and its experiment built. It
 * is someone else's code, and may never come back, hold the thread, end the process, or throw where nobody waits for it. Each of
 * them is told in one line. The last two may come later too, while the experiment runs.
 */
import { Effect } from "effect"
import { writeSync } from "node:fs"
import { Worker } from "node:worker_threads"
import { ProgramError, wordsOf } from "./ProgramError.ts"

/** Seconds that a program may take. It describes an experiment; what takes long belongs into a stage. */
const PATIENCE = 30

/** The line that tells of a program that does not come back. */
const late = (seconds: number): string =>
  `it is still loading after ${seconds} s: does it wait for something that never comes, or loop without end?`

/** The task of a watching thread. */
export interface Watch {
  /** The line for standard error, and the time for it: later than this thread would tell it if it could. */
  readonly line: string
  readonly milliseconds: number
}

/** A thread that ends the process where this one is held. It watches once it says so. */
const watch = (workerData: Watch) =>
  Effect.acquireRelease(
    Effect.callback<Worker>((resume) => {
      const worker = new Worker(new URL("./loading.worker.ts", import.meta.url), { workerData, execArgv: [] })
      worker.unref()
      const on = () => resume(Effect.succeed(worker))
      // Without a thread to watch the program is loaded all the same.
      worker.once("message", on)
      worker.once("error", on)
    }),
    (worker) => Effect.promise(() => worker.terminate())
  )

/** Tells of a process that ends meanwhile, and that it did not end well. */
const untilExit = (name: string, doing: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const listener = (code: number) => {
        writeSync(
          2,
          `igm: ${name}: it ends the process while it ${doing}, with process.exit(${code}): leave that out\n`
        )
        if (code === 0) process.exitCode = 1
      }
      process.on("exit", listener)
      return listener
    }),
    (listener) => Effect.sync(() => void process.off("exit", listener))
  )

/** Fails when something is thrown that nobody waits for: in a timer, or in a promise that was left alone. */
const astray = (name: string) =>
  Effect.callback<never, ProgramError>((resume) => {
    const listener = (cause: unknown) => {
      const problem = `something is thrown that nobody waits for: ${wordsOf(cause)}`
      resume(Effect.fail(new ProgramError({ path: name, problem, cause })))
    }
    process.on("uncaughtException", listener)
    return Effect.sync(() => void process.off("uncaughtException", listener))
  })

/** Does what a program's code takes part in. */
export const guarded = <A, E, R>(
  name: string,
  doing: string,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E | ProgramError, R> =>
  Effect.gen(function* () {
    yield* untilExit(name, doing)
    return yield* Effect.raceFirst(effect, astray(name))
  }).pipe(Effect.scoped)

/** Loads a program's code under watch. */
export const watched = <A, E, R>(
  name: string,
  load: Effect.Effect<A, E, R>,
  { patience = PATIENCE }: { readonly patience?: number } = {}
): Effect.Effect<A, E | ProgramError, R> =>
  Effect.gen(function* () {
    yield* watch({ line: `igm: ${name}: ${late(patience)}\n`, milliseconds: 1000 * patience + 2000 })
    return yield* load.pipe(
      Effect.timeoutOrElse({
        duration: `${patience} seconds`,
        orElse: () => Effect.fail(new ProgramError({ path: name, problem: late(patience) }))
      })
    )
  }).pipe(Effect.scoped, (loading) => guarded(name, "is loaded", loading))
