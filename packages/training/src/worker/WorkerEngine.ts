/**
 * An engine in worker threads, so that the calling thread stays responsive while heads train. A lane always uses the
 * same thread, which keeps the lane's tensors. Threads start on demand, so that there are never more of them than
 * lanes. If a thread dies, its pending calls fail with a typed error, and the next call starts another one.
 */
import { Ops } from "@igm/gradient"
import type { Tensor } from "@igm/tensor"
import { Effect, type Scope } from "effect"
import { SHARE_ENV, Worker } from "node:worker_threads"
import {
  type BlockOutput,
  type Engine,
  EngineError,
  type EngineInfo,
  type HostTensors,
  label,
  type Lane
} from "../engine/Engine.ts"
import * as Local from "../engine/Local.ts"
import type { Program } from "../engine/Program.ts"
import * as TensorCache from "./TensorCache.ts"
import * as Single from "../engine/Single.ts"
import { type Answer, type Call, type Fault, type Output, type Request, type Sent, compact } from "./Protocol.ts"

/** The number of bytes of a lane's tensors that a thread keeps besides those in use. */
const BUDGET = 2 ** 26

/** Options of a worker engine. */
export interface Options {
  /**
   * The largest number of threads, each of which opens the engine. onnxruntime's WebGPU and tfjs-node allow only one.
   */
  readonly threads: number
  /** Called with each thread that starts. */
  readonly started?: (worker: Worker) => void
}

/** The result of a call, in double precision. */
interface Answered {
  readonly tensors: HostTensors
  readonly trace: BlockOutput["trace"]
  readonly fingerprints?: NonNullable<BlockOutput["fingerprints"]>
}

type Settle = (result: Effect.Effect<Output, EngineError>) => void

/** A thread with the programs and tensors that it knows, and its pending calls. */
interface Thread {
  readonly worker: Worker
  readonly info: Promise<EngineInfo>
  readonly owed: Map<number, { readonly program: string; readonly settle: Settle }>
  readonly programs: Set<number>
  readonly lanes: Map<number, TensorCache.TensorCache>
  alive: boolean
}

const errorOf = ({ engine, program, problem, details }: Fault): EngineError =>
  new EngineError({ engine, program, problem, cause: details })

const spawn = (choice: Local.Choice, { started }: Options): Thread => {
  const worker = new Worker(new URL("./engine.worker.ts", import.meta.url), {
    workerData: choice,
    // What an engine sets for the libraries of its device has to reach them, and no copy does.
    env: SHARE_ENV,
    execArgv: ["--disable-warning=ExperimentalWarning"]
  })
  started?.(worker)
  const { promise, resolve, reject } = Promise.withResolvers<EngineInfo>()
  promise.catch(() => undefined)
  const thread: Thread = { worker, info: promise, owed: new Map(), programs: new Set(), lanes: new Map(), alive: true }
  /** Fails the pending calls, and all later ones. */
  const fail = (errorFor: (program: string) => EngineError) => {
    thread.alive = false
    reject(errorFor("opening"))
    for (const { program, settle } of thread.owed.values()) settle(Effect.fail(errorFor(program)))
    thread.owed.clear()
  }
  const die = (problem: string) => fail((program) => new EngineError({ engine: label(choice), program, problem }))
  worker.on("message", (answer: Answer) => {
    if ("ready" in answer) return resolve(answer.ready)
    if ("unable" in answer) return fail(() => errorOf(answer.unable))
    const call = thread.owed.get(answer.id)
    thread.owed.delete(answer.id)
    // Settling may go on to the next call, or to the end, which hold the thread again.
    if (thread.owed.size === 0) worker.unref()
    call?.settle("output" in answer ? Effect.succeed(answer.output) : Effect.fail(errorOf(answer.fault)))
  })
  worker.on("error", (error) => die(`its thread failed: ${error instanceof Error ? error.message : String(error)}`))
  worker.on("exit", (code) =>
    die(`its thread ended with code ${code}: what was finished is kept, train again from there`)
  )
  return thread
}

/** The time that a thread may take to close its engine. */
const PATIENCE = "5 seconds"

/**
 * Asks a thread to close its engine and end. It is never terminated, which would abort the process if it were
 * computing.
 */
const end = ({ worker, alive }: Thread) =>
  Effect.callback<void>((resume) => {
    if (!alive) return resume(Effect.void)
    worker.once("exit", () => resume(Effect.void))
    worker.ref()
    worker.postMessage("end")
  }).pipe(Effect.interruptible, Effect.timeoutOption(PATIENCE), Effect.andThen(Effect.sync(() => worker.unref())))

/** Tests whether a process can use a device from a single thread only. */
const isSingle = ({ engine, device }: Local.Choice): boolean =>
  (engine === "onnx" && device === "webgpu") || device === "node" || device === "node-gpu"

/** Opens an engine in worker threads. */
export const engine = Effect.fn("WorkerEngine.engine")(function* (
  choice: Local.Choice,
  options: Options
): Effect.fn.Return<Engine, EngineError, Scope.Scope> {
  const most = isSingle(choice) ? 1 : options.threads
  const threads = yield* Effect.acquireRelease(
    Effect.sync((): Array<Thread> => []),
    (all) => Effect.forEach(all, end, { concurrency: "unbounded", discard: true })
  )
  /** Opens the engine in the first thread, which says what it is. */
  const opened = Effect.suspend(() => {
    const first = spawn(choice, options)
    threads.push(first)
    return Effect.tryPromise({ try: () => first.info, catch: (error) => error as EngineError }).pipe(
      Effect.tap(() => Effect.sync(() => first.worker.unref()))
    )
  })
  const info = (yield* Local.known(choice)) ?? (yield* opened)

  /** Prepares a tensor to be sent: in the engine's precision, and without the rest of a larger buffer. */
  const outgoing = (tensor: Tensor.Tensor): Tensor.Tensor =>
    compact(info.precision === "float32" ? Single.lowered(tensor) : tensor)

  const ids = new WeakMap<Program, number>()
  let counter = 0
  const idOf = (program: Program): number => {
    const id = ids.get(program) ?? ++counter
    ids.set(program, id)
    return id
  }
  /** Assigns lanes to threads: a new lane gets an idle thread, a new thread, or the thread with the fewest lanes. */
  const places = new Map<number, number>()
  const newPlace = (): number => {
    const counts = threads.map((_, at) => [...places.values()].filter((other) => other === at).length)
    const fewest = Math.min(...counts)
    return fewest === 0 || threads.length >= most ? counts.indexOf(fewest) : threads.push(spawn(choice, options)) - 1
  }
  const placeOf = (lane: number): number => {
    const place = places.get(lane) ?? newPlace()
    places.set(lane, place)
    return place
  }
  const threadOf = (lane: Lane | undefined): Thread => {
    const at = lane === undefined ? 0 : placeOf(lane.id)
    if (threads[at]?.alive !== true) threads[at] = spawn(choice, options)
    return threads[at]!
  }

  type Parts = Pick<Call, "kind" | "draws" | "traced"> & {
    readonly [part in "state" | "tensors"]: Ops.Named<Tensor.Tensor>
  }
  const call = (program: Program, lane: Lane | undefined, { kind, state, draws, traced, tensors }: Parts) =>
    Effect.callback<Answered, EngineError>((resume) => {
      const thread = threadOf(lane)
      const known = lane === undefined ? undefined : (thread.lanes.get(lane.id) ?? TensorCache.make(BUDGET))
      if (lane !== undefined) thread.lanes.set(lane.id, known!)
      known?.begin()
      const sent = (tensor: Tensor.Tensor): Sent => {
        const found = known?.find(tensor)
        if (found !== undefined) return { id: found }
        const id = ++counter
        known?.add(tensor, id)
        return { id, tensor: outgoing(tensor) }
      }
      const programId = idOf(program)
      const isNew = !thread.programs.has(programId)
      thread.programs.add(programId)
      const id = ++counter
      const raise = ({ made, ...rest }: Output) => {
        const tensors = Ops.mapNamed(made, ({ id, tensor }) => {
          const wide = Single.raised(tensor)
          known?.add(wide, id)
          return wide
        })
        return { tensors, ...rest }
      }
      thread.owed.set(id, { program: program.name, settle: (result) => resume(Effect.map(result, raise)) })
      thread.worker.ref()
      const request: Request = {
        id,
        kind,
        lane: lane?.id ?? 0,
        program: isNew ? { id: programId, body: program } : { id: programId },
        tensors: Ops.mapNamed(tensors, sent),
        state: Ops.mapNamed(state, sent),
        draws: { steps: draws.steps, values: Ops.mapNamed(draws.values, outgoing) },
        traced,
        forget: known?.trim() ?? []
      }
      thread.worker.postMessage(request)
    }).pipe(Effect.uninterruptible)

  const none = { state: {} as HostTensors, draws: { steps: 0, values: {} }, traced: false }
  return {
    info: { ...info, threads: most },
    block: (program, { state, inputs, draws, traced = false }, lane) =>
      Effect.map(
        call(program, lane, { kind: "block", state, draws, traced, tensors: inputs }),
        ({ tensors, ...rest }) => ({
          ...rest,
          state: tensors
        })
      ),
    map: (program, inputs, lane) =>
      Effect.map(call(program, lane, { kind: "map", tensors: inputs, ...none }), ({ tensors }) => tensors),
    close: (lane) =>
      Effect.sync(() => {
        const at = places.get(lane.id)
        places.delete(lane.id)
        if (at === undefined || !threads[at]!.alive) return
        const thread = threads[at]!
        if (thread.lanes.delete(lane.id)) thread.worker.postMessage({ kind: "close", lane: lane.id } satisfies Request)
      })
  }
})
