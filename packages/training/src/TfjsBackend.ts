/**
 * Backends of TensorFlow.js as scoped resources. A package is imported when its backend is first asked for. TensorFlow.js
 * has one current backend in a thread, so everything that depends on it happens `alone`.
 */
import type { KernelBackend } from "@tensorflow/tfjs-core"
import { Effect, type Scope, Semaphore } from "effect"
import { readFileSync, readdirSync } from "node:fs"
import { createRequire } from "node:module"
import { cpus } from "node:os"
import { dirname, join, resolve } from "node:path"
import { type About, EngineError, label } from "./Engine.ts"
import type { Tf } from "./TfjsOps.ts"

/** Plain JavaScript, WebAssembly, WebGPU by Dawn, or TensorFlow's own library on the processor or by CUDA. */
export type Backend = "cpu" | "wasm" | "webgpu" | "node" | "node-gpu"

/** A backend that was opened. */
export interface Opened {
  readonly tf: Tf
  readonly about: Pick<About, "name" | "versions" | "together">
  /** Makes the backend the current one. */
  readonly enter: Effect.Effect<void, EngineError>
  /** Lets the rest of the program go on between steps; on a graphics card it waits for all but the last of them. */
  readonly breathe: Effect.Effect<void>
  /** What the device has complained of first since it was last asked. */
  readonly complaint: Effect.Effect<string | undefined>
}

const thread = Semaphore.makeUnsafe(1)

/** Runs an effect while no other uses TensorFlow.js in this thread. */
export const alone = thread.withPermits(1)

/** The first line of what was thrown. */
export const wordsOf = (cause: unknown): string =>
  (cause instanceof Error ? cause.message : String(cause)).trim().split("\n")[0]!

const unable = (backend: Backend, problem: string, cause?: unknown): EngineError =>
  new EngineError({
    engine: label({ engine: "tfjs", device: backend }),
    program: "opening",
    problem,
    ...(cause === undefined ? {} : { cause })
  })

const require = createRequire(import.meta.url)

const processor = (): string => cpus()[0]?.model ?? "unknown"

const versionOf = (name: string): string => (require(`${name}/package.json`) as { version: string }).version

/** Imports an ordinary dependency. */
const imported = <A>(backend: Backend, name: string, load: () => Promise<A>): Effect.Effect<A, EngineError> =>
  Effect.tryPromise({
    try: load,
    catch: (cause) => unable(backend, `${name} cannot be loaded (${wordsOf(cause)}): install it with \`npm ci\``, cause)
  })

const coreOf = (backend: Backend): Effect.Effect<Tf, EngineError> =>
  imported(backend, "@tensorflow/tfjs-core", () => import("@tensorflow/tfjs-core")).pipe(
    // Its warnings are about other backends than the one asked for.
    Effect.tap((tf) => Effect.sync(tf.enableProdMode))
  )

/** Makes a registered backend the current one, and no other. */
const set = (backend: Backend, tf: Tf, name: string, advice: string): Effect.Effect<void, EngineError> =>
  Effect.suspend(() => {
    if (tf.getBackend() === name) return Effect.void
    // Another backend may be half opened, by others who use TensorFlow.js.
    const made = () => tf.setBackend(name).then((done) => tf.ready().then(() => done))
    return Effect.tryPromise({ try: made, catch: (cause) => unable(backend, advice, cause) }).pipe(
      Effect.flatMap((done) => (done && tf.getBackend() === name ? Effect.void : Effect.fail(unable(backend, advice))))
    )
  })

/** A backend on the processor, which has nothing to wait for. */
const onProcessor = (
  tf: Tf,
  about: Partial<Opened["about"]>,
  enter: Opened["enter"]
): Effect.Effect<Opened, EngineError> =>
  Effect.as(enter, {
    tf,
    about: { name: processor(), versions: { tfjs: tf.version_core }, together: 1, ...about },
    enter,
    breathe: Effect.yieldNow,
    complaint: Effect.succeed(undefined)
  })

const cpu = Effect.gen(function* () {
  const tf = yield* coreOf("cpu")
  yield* imported("cpu", "@tensorflow/tfjs-backend-cpu", () => import("@tensorflow/tfjs-backend-cpu"))
  return yield* onProcessor(tf, {}, set("cpu", tf, "cpu", "the backend of plain JavaScript does not start"))
})

const wasm = Effect.gen(function* () {
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
  return yield* onProcessor(tf, {}, set("wasm", tf, "wasm", advice))
})

/** TensorFlow's library, from where `IGM_TFJS_NODE` says or from among the project's packages. */
const native = Effect.fnUntraced(function* (backend: "node" | "node-gpu") {
  const name = `@tensorflow/tfjs-${backend}`
  const folder = process.env["IGM_TFJS_NODE"]
  const from = folder === undefined ? require : createRequire(join(resolve(folder), "package.json"))
  const path = yield* Effect.try({
    try: () => from.resolve(name),
    catch: (cause) => unable(backend, missing(backend, name, folder), cause)
  })
  const tf = yield* Effect.try({
    try: () => {
      // With one thread the bits do not depend on how many cores a machine has.
      for (const threads of ["TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"]) process.env[threads] ??= "1"
      process.env["TF_CPP_MIN_LOG_LEVEL"] ??= "2"
      return from(path) as Tf & { readonly version: { readonly [part: string]: string } }
    },
    catch: (cause) => unable(backend, `${path} cannot be loaded: ${wordsOf(cause)}`, cause)
  })
  tf.enableProdMode()
  const enter = set(backend, tf, "tensorflow", `the backend of ${path} does not start`)
  const versions = { tfjs: tf.version_core, [`tfjs-${backend}`]: tf.version["tfjs-node"] ?? "unknown" }
  const opened = yield* onProcessor(tf, { versions }, enter)
  if (backend === "node") return opened
  const { isUsingGpuDevice } = tf.backend() as KernelBackend & { readonly isUsingGpuDevice: boolean }
  if (!isUsingGpuDevice) return yield* unable(backend, noCuda)
  return { ...opened, about: { ...opened.about, name: cudaName(), together: TOGETHER } }
})

const missing = (backend: "node" | "node-gpu", name: string, folder: string | undefined): string => {
  const install = `\`npm install --no-save ${name}@4.22.0\``
  const built =
    "`tools/reference/build-tfjs-node.sh FOLDER` builds it from PyPI and npm alone, for `IGM_TFJS_NODE=FOLDER`"
  const where = folder === undefined ? "is not installed" : `is not in ${folder}, which IGM_TFJS_NODE names`
  return `${name} ${where}: install it with ${install}${backend === "node" ? `, or ${built}` : ", beside CUDA 11 and cuDNN 8"}`
}

const noCuda =
  "TensorFlow found no graphics card: install CUDA 11 and cuDNN 8, put their folders on LD_LIBRARY_PATH, and see that `nvidia-smi` lists the card"

/** The first graphics card's name by its driver, on Linux. */
const cudaName = (): string => {
  const cards = "/proc/driver/nvidia/gpus"
  try {
    const [first] = readdirSync(cards)
    const model = /^Model:\s*(.*)$/m.exec(readFileSync(join(cards, first!, "information"), "utf8"))
    return model![1]!
  } catch {
    return "CUDA device"
  }
}

/** Heads that are stepped as one on a graphics card, which has room for them. */
const TOGETHER = 1024

/** A graphics card by Dawn, shared by the engines of this thread. */
interface Card {
  readonly opened: Opened
  readonly close: () => void
  users: number
}

let card: Card | undefined

/** Limits that tables and states may need: the least that any card has are low. */
const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupStorageSize",
  "maxComputeWorkgroupsPerDimension"
] as const

const noVulkan =
  "Vulkan has no device: install a graphics driver and its loader (Debian: libvulkan1), or name a driver's .json in VK_DRIVER_FILES; `vulkaninfo --summary` lists devices"

const requested = Effect.gen(function* () {
  const { create, globals } = yield* imported("webgpu", "webgpu", () => import("webgpu"))
  const gpu = yield* Effect.try({
    try: () => {
      Object.assign(globalThis, globals)
      return create(["backend=vulkan"])
    },
    catch: (cause) => unable("webgpu", `Dawn does not start: ${wordsOf(cause)}`, cause)
  })
  const adapter = yield* Effect.tryPromise({
    try: () => gpu.requestAdapter({ powerPreference: "high-performance" }),
    catch: (cause) => unable("webgpu", noVulkan, cause)
  })
  if (adapter === null) return yield* unable("webgpu", noVulkan)
  const device = yield* Effect.tryPromise({
    try: () =>
      adapter.requestDevice({ requiredLimits: Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]])) }),
    catch: (cause) => unable("webgpu", `the device does not open: ${wordsOf(cause)}`, cause)
  })
  return { gpu, info: adapter.info, device }
})

/** Opens the card. A failed command is no exception: its results are zeros, and the device complains. */
const openCard = Effect.gen(function* () {
  const tf = yield* coreOf("webgpu")
  const name = "@tensorflow/tfjs-backend-webgpu"
  const { WebGPUBackend } = yield* imported("webgpu", name, () => import("@tensorflow/tfjs-backend-webgpu"))
  const { gpu, info, device } = yield* requested
  const complaints: Array<string> = []
  device.addEventListener("uncapturederror", ({ error }) => complaints.push(wordsOf(error.message)))
  void device.lost.then(({ message }) => complaints.push(`the device is lost: ${message}`))
  yield* Effect.sync(() => {
    // The constructor looks whether there is WebGPU at all.
    Object.defineProperty(globalThis.navigator, "gpu", { value: gpu, configurable: true })
    const backend = new WebGPUBackend(device, info)
    Reflect.deleteProperty(globalThis.navigator, "gpu")
    // Tensors of fewer than a thousand numbers would be computed on the processor.
    tf.env().set("WEBGPU_CPU_FORWARD", false)
    tf.registerBackend("webgpu", () => backend)
  })
  const enter = set("webgpu", tf, "webgpu", "the device is closed")
  let last: Promise<unknown> = Promise.resolve()
  const breathe = Effect.promise(() => {
    const before = last
    last = device.queue.onSubmittedWorkDone()
    return before
  })
  const complaint = Effect.sync(() => complaints.splice(0)[0])
  const versions = { tfjs: tf.version_core, webgpu: versionOf("webgpu") }
  const about = { name: info.description || info.device || info.vendor, versions, together: TOGETHER }
  const close = () => {
    tf.removeBackend("webgpu")
    device.destroy()
    // Dawn goes down with what `create` gave, so it has to live until here.
    return gpu
  }
  yield* enter
  return { opened: { tf, about, enter, breathe, complaint }, close, users: 0 } satisfies Card
})

const webgpu = Effect.acquireRelease(
  alone(
    Effect.gen(function* () {
      card ??= yield* openCard
      card.users++
      return card
    })
  ),
  (held) =>
    alone(
      Effect.sync(() => {
        if (--held.users > 0) return
        held.close()
        card = undefined
      })
    )
).pipe(Effect.map(({ opened }) => opened))

/** Opens a backend, and no other. */
export const open = (backend: Backend): Effect.Effect<Opened, EngineError, Scope.Scope> => {
  switch (backend) {
    case "cpu":
      return alone(cpu)
    case "wasm":
      return alone(wasm)
    case "webgpu":
      return webgpu
    case "node":
    case "node-gpu":
      return alone(native(backend))
  }
}
