/**
 * Backends of TensorFlow.js as scoped resources. A package is imported when its backend is first opened. TensorFlow.js
 * has one current backend in a thread, so everything that depends on it happens `alone`.
 */
import { Effect, Semaphore } from "effect"
import { createRequire } from "node:module"
import { cpus } from "node:os"
import { dirname } from "node:path"
import { EngineError, type EngineInfo, label } from "../engine/Engine.ts"
import type { Tf } from "./TfjsOps.ts"

/** Plain JavaScript, WebAssembly, WebGPU by Dawn, or TensorFlow's own library on the processor or by CUDA. */
export type Backend = "cpu" | "wasm" | "webgpu" | "node" | "node-gpu"

/** An open backend. */
export interface Opened {
  readonly tf: Tf
  readonly info: Pick<EngineInfo, "name" | "versions" | "together">
  /** Makes the backend the current one. */
  readonly enter: Effect.Effect<void, EngineError>
  /** Yields between steps; on a graphics card it also waits until all steps but the last are done. */
  readonly breathe: Effect.Effect<void>
  /** The first error that the device has reported since this was last run. */
  readonly complaint: Effect.Effect<string | undefined>
}

const thread = Semaphore.makeUnsafe(1)

/** Runs an effect while no other uses TensorFlow.js in this thread. */
export const alone = thread.withPermits(1)

/** The first line of an error's message. */
export const wordsOf = (cause: unknown): string =>
  (cause instanceof Error ? cause.message : String(cause)).trim().split("\n")[0]!

/** The error of a backend that is not available. */
export const unable = (backend: Backend, problem: string, cause?: unknown): EngineError =>
  new EngineError({
    engine: label({ engine: "tfjs", device: backend }),
    program: "opening",
    problem,
    ...(cause === undefined ? {} : { cause })
  })

const require = createRequire(import.meta.url)

/** The number of heads that are stepped as one on a graphics card. */
export const TOGETHER = 1024

/** Imports an ordinary dependency. */
export const imported = <A>(backend: Backend, name: string, load: () => Promise<A>): Effect.Effect<A, EngineError> =>
  Effect.tryPromise({
    try: load,
    catch: (cause) => unable(backend, `${name} cannot be loaded (${wordsOf(cause)}): install it with \`npm ci\``, cause)
  })

/** TensorFlow.js without a backend. */
export const coreOf = (backend: Backend): Effect.Effect<Tf, EngineError> =>
  imported(backend, "@tensorflow/tfjs-core", () => import("@tensorflow/tfjs-core")).pipe(
    // Its warnings are about other backends than the one asked for.
    Effect.tap((tf) => Effect.sync(tf.enableProdMode))
  )

/** Makes a registered backend the current one, and no other. */
export const set = (backend: Backend, tf: Tf, name: string, advice: string): Effect.Effect<void, EngineError> =>
  Effect.suspend(() => {
    if (tf.getBackend() === name) return Effect.void
    // Another backend may be half opened, by others who use TensorFlow.js.
    const made = () => tf.setBackend(name).then((done) => tf.ready().then(() => done))
    return Effect.tryPromise({ try: made, catch: (cause) => unable(backend, advice, cause) }).pipe(
      Effect.flatMap((done) => (done && tf.getBackend() === name ? Effect.void : Effect.fail(unable(backend, advice))))
    )
  })

/** An open backend on the processor, which never has to wait for a device. */
export const onProcessor = (tf: Tf, enter: Opened["enter"]): Effect.Effect<Opened, EngineError> =>
  Effect.as(enter, {
    tf,
    info: { name: cpus()[0]?.model ?? "unknown", versions: { tfjs: tf.version_core }, together: 1 },
    enter,
    breathe: Effect.yieldNow,
    complaint: Effect.succeed(undefined)
  })

/** Plain JavaScript. */
export const cpu = Effect.gen(function* () {
  const tf = yield* coreOf("cpu")
  yield* imported("cpu", "@tensorflow/tfjs-backend-cpu", () => import("@tensorflow/tfjs-backend-cpu"))
  return yield* onProcessor(tf, set("cpu", tf, "cpu", "the backend of plain JavaScript does not start"))
})

/** WebAssembly with SIMD, in one thread. */
export const wasm = Effect.gen(function* () {
  const tf = yield* coreOf("wasm")
  const name = "@tensorflow/tfjs-backend-wasm"
  const module = yield* imported("wasm", name, () => import("@tensorflow/tfjs-backend-wasm"))
  const advice = `the WebAssembly module of ${name} does not start: install it again with \`npm ci\``
  yield* Effect.try({
    try: () => {
      module.setThreadsCount(1)
      module.setWasmPaths(`${dirname(require.resolve(name))}/`)
    },
    catch: (cause) => unable("wasm", advice, cause)
  })
  return yield* onProcessor(tf, set("wasm", tf, "wasm", advice))
})
