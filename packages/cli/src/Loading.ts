/**
 * Guards the code of a program while its module is loaded and its experiment is built. That code may never return,
 * block the thread, exit the process, or throw in a callback or an unhandled promise. Each of these is reported in one
 * line. The last two are also guarded against later, while the experiment runs.
 */
import { Effect } from "effect"
import { writeSync } from "node:fs"
import { Worker } from "node:worker_threads"
import { ProgramError, wordsOf } from "./ProgramError.ts"

/** The time limit in seconds. A program only describes an experiment; long computations belong into stages. */
const PATIENCE = 30

/** The message about a program that does not return. */
const late = (seconds: number): string =>
  `it is still loading after ${seconds} s: does it wait for something that never comes, or loop without end?`

/** The task of a watching thread. */
export interface Watch {
  /**
   * The line for standard error, and the delay until it: longer than this thread would take to report it, if it could.
   */
  readonly line: string
  readonly milliseconds: number
}

/** Starts a thread that ends the process if this one is blocked. Waits until the thread is ready. */
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

/** Reports that the program exits the process, and makes the exit code nonzero. */
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

/** Fails if an error is thrown outside the awaited code: in a timer, or in an unhandled promise. */
const astray = (name: string) =>
  Effect.callback<never, ProgramError>((resume) => {
    const listener = (cause: unknown) => {
      const problem = `something is thrown that nobody waits for: ${wordsOf(cause)}`
      resume(Effect.fail(new ProgramError({ path: name, problem, cause })))
    }
    process.on("uncaughtException", listener)
    return Effect.sync(() => void process.off("uncaughtException", listener))
  })

/** Runs an effect that executes a program's code, guarded. */
export const guarded = <A, E, R>(
  name: string,
  doing: string,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E | ProgramError, R> =>
  Effect.gen(function* () {
    yield* untilExit(name, doing)
    return yield* Effect.raceFirst(effect, astray(name))
  }).pipe(Effect.scoped)

/** Loads a program's code, guarded and with a time limit. */
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
