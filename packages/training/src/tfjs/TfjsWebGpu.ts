/** WebGPU by Dawn as a backend of TensorFlow.js: for a graphics card with a Vulkan driver, without a browser. */
import { Effect, type Scope } from "effect"
import { createRequire } from "node:module"
import type { EngineError } from "../engine/Engine.ts"
import { type Opened, TOGETHER, alone, coreOf, imported, set, unable, wordsOf } from "./TfjsBackend.ts"

/** A graphics card by Dawn, shared by the engines of this thread. */
interface Card {
  readonly opened: Opened
  readonly close: () => void
  users: number
}

let card: Card | undefined

/** Limits to request from the device: the defaults are too low for large tables and states. */
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

/** Opens the card. A failed command throws nothing: its results are zeros, and the device reports an error. */
const openCard = Effect.gen(function* () {
  const tf = yield* coreOf("webgpu")
  const name = "@tensorflow/tfjs-backend-webgpu"
  const { WebGPUBackend } = yield* imported("webgpu", name, () => import("@tensorflow/tfjs-backend-webgpu"))
  const { gpu, info: adapter, device } = yield* requested
  const complaints: Array<string> = []
  device.addEventListener("uncapturederror", (event) => {
    event.preventDefault()
    complaints.push(wordsOf(event.error.message))
  })
  void device.lost.then(({ message }) => complaints.push(`the device is lost: ${message}`))
  const isNew = yield* Effect.sync(() => {
    // The constructor looks whether there is WebGPU at all.
    Object.defineProperty(globalThis.navigator, "gpu", { value: gpu, configurable: true })
    const backend = new WebGPUBackend(device, adapter)
    Reflect.deleteProperty(globalThis.navigator, "gpu")
    // Tensors of fewer than a thousand numbers would be computed on the processor.
    tf.env().set("WEBGPU_CPU_FORWARD", false)
    return tf.registerBackend("webgpu", () => backend)
  })
  if (!isNew) return yield* unable("webgpu", "this thread has a WebGPU backend of its own: open the engine in another")
  const enter = set("webgpu", tf, "webgpu", "the device is closed")
  let last: Promise<unknown> = Promise.resolve()
  const breathe = Effect.promise(() => {
    const before = last
    last = device.queue.onSubmittedWorkDone().catch(() => undefined)
    return before
  })
  const complaint = Effect.sync(() => complaints.splice(0)[0])
  const dawn = createRequire(import.meta.url)("webgpu/package.json") as { readonly version: string }
  const versions = { tfjs: tf.version_core, webgpu: dawn.version }
  const info = { name: adapter.description || adapter.device || adapter.vendor, versions, together: TOGETHER }
  const close = () => {
    tf.removeBackend("webgpu")
    device.destroy()
    // Dawn goes down with what `create` gave, so it has to live until here.
    return gpu
  }
  yield* enter
  return { opened: { tf, info, enter, breathe, complaint }, close, users: 0 } satisfies Card
})

/** Opens the graphics card, or shares it with the engines of this thread that have it. */
export const open: Effect.Effect<Opened, EngineError, Scope.Scope> = Effect.acquireRelease(
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
