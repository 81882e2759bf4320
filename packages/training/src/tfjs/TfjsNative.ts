/**
 * TensorFlow's native library as a backend of TensorFlow.js, on the processor or by CUDA. Its packages download
 * binaries outside of npm, so they are not dependencies of this package: `IGM_TFJS_NODE` names a folder that has them.
 */
import type { KernelBackend } from "@tensorflow/tfjs-core"
import { Effect } from "effect"
import { readFileSync, readdirSync, readlinkSync } from "node:fs"
import { createRequire } from "node:module"
import { type Server, createServer } from "node:net"
import { join, resolve } from "node:path"
import type { EngineError } from "../engine/Engine.ts"
import { type Backend, TOGETHER, onProcessor, set, unable, wordsOf } from "./TfjsBackend.ts"
import type { Tf } from "./TfjsOps.ts"

const require = createRequire(import.meta.url)

/** The part of the backend that describes TensorFlow's library. */
interface Library {
  readonly isUsingGpuDevice: boolean
  readonly binding: { readonly TF_Version: string }
}

/** The server by which one thread claims TensorFlow's library, until it ends. */
let claim: Server | undefined

/** Claims the library for this thread: with two threads of a process it crashes. */
const claimed = (backend: Backend): Effect.Effect<void, EngineError> => {
  if (claim !== undefined || process.platform !== "linux") return Effect.void
  const name = `\0igm-tfjs ${process.pid} in ${readlinkSync("/proc/self/ns/pid")}`
  const listening = () =>
    new Promise<Server>((done, fail) => {
      const server = createServer()
      server
        .unref()
        .once("error", fail)
        .listen(name, () => done(server))
    })
  const problem = "another thread of this process has TensorFlow's library, which serves one: use one thread"
  return Effect.tryPromise({ try: listening, catch: (cause) => unable(backend, problem, cause) }).pipe(
    Effect.map((server) => {
      claim = server
    })
  )
}

/** Opens TensorFlow's library, from the folder `IGM_TFJS_NODE` or from the installed packages. */
export const open = Effect.fnUntraced(function* (backend: "node" | "node-gpu") {
  const name = `@tensorflow/tfjs-${backend}`
  const folder = process.env["IGM_TFJS_NODE"]
  const from = folder === undefined ? require : createRequire(join(resolve(folder), "package.json"))
  const path = yield* Effect.try({
    try: () => from.resolve(name),
    catch: (cause) => unable(backend, missing(backend, name, folder), cause)
  })
  yield* claimed(backend)
  const tf = yield* Effect.try({
    try: () => {
      // With one thread the bits do not depend on how many cores a machine has.
      for (const threads of ["TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"]) process.env[threads] ??= "1"
      process.env["TF_CPP_MIN_LOG_LEVEL"] ??= "2"
      return from(path) as Tf
    },
    catch: (cause) => unable(backend, `${path} cannot be loaded: ${wordsOf(cause)}`, cause)
  })
  tf.enableProdMode()
  const enter = set(backend, tf, "tensorflow", `the backend of ${path} does not start`)
  const opened = yield* onProcessor(tf, enter)
  const { isUsingGpuDevice, binding } = tf.backend() as KernelBackend & Library
  const versions = { ...opened.info.versions, tensorflow: binding.TF_Version }
  if (backend === "node") return { ...opened, info: { ...opened.info, versions, together: 16 } }
  if (!isUsingGpuDevice) return yield* unable(backend, noCuda)
  return { ...opened, info: { name: cudaName(), versions, together: TOGETHER } }
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
