/** A thread that decodes files by the preprocessing that it is told to import. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Cause, Effect, Exit } from "effect"
import { parentPort, workerData } from "node:worker_threads"
import type { Place } from "./Dataset.ts"
import * as DecodeThreads from "./DecodeThreads.ts"
import { MediaError } from "./Errors.ts"

const port = parentPort!
const { load } = await DecodeThreads.find(workerData as Place)

/** The numbers in a buffer of their own, to be handed over. */
const own = (data: Float32Array<ArrayBufferLike>): Float32Array<ArrayBuffer> =>
  data.buffer instanceof ArrayBuffer && data.byteLength === data.buffer.byteLength
    ? (data as Float32Array<ArrayBuffer>)
    : Float32Array.from(data)

port.on("message", async (request: DecodeThreads.Request | "end") => {
  if (request === "end") return port.close()
  const { id, path } = request
  const exit = await Effect.runPromiseExit(load(path).pipe(Effect.provide(NodeFileSystem.layer)))
  if (Exit.isSuccess(exit)) {
    const data = own(exit.value.data)
    const tensor = { ...exit.value, data }
    return port.postMessage({ id, tensor } satisfies DecodeThreads.Answer, [data.buffer])
  }
  const error = Cause.squash(exit.cause)
  const problem = error instanceof MediaError ? error.problem : `decoding failed: ${String(error)}`
  const fault = { path: error instanceof MediaError ? error.path : path, problem, details: Cause.pretty(exit.cause) }
  port.postMessage({ id, fault } satisfies DecodeThreads.Answer)
})
