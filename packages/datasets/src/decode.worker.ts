/** A thread that decodes files by the preprocessing that it is told to import. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Cause, Effect, Exit } from "effect"
import { parentPort, workerData } from "node:worker_threads"
import * as Buffers from "./Buffers.ts"
import type { Place } from "./Dataset.ts"
import * as DecodeThreads from "./DecodeThreads.ts"
import { MediaError } from "./Errors.ts"

const port = parentPort!
const { load } = await DecodeThreads.find(workerData as Place)

port.on("message", async (request: DecodeThreads.Request | "end") => {
  if (request === "end") return port.close()
  const { id, source, buffers } = request
  const exit = await Effect.runPromiseExit(load(source).pipe(Effect.provide(NodeFileSystem.layer)))
  if (Exit.isSuccess(exit)) {
    const tensors = Buffers.handed(exit.value, buffers)
    return port.postMessage({ id, tensors } satisfies DecodeThreads.Answer, Buffers.of(tensors))
  }
  const error = Cause.squash(exit.cause)
  const problem = error instanceof MediaError ? error.problem : `decoding failed: ${String(error)}`
  const fault = {
    path: error instanceof MediaError ? error.path : source.path,
    problem,
    details: Cause.pretty(exit.cause)
  }
  port.postMessage({ id, fault } satisfies DecodeThreads.Answer)
})
