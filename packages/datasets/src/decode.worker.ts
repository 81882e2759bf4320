/** A thread that decodes files by the preprocessing that it is told to import. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import type { Tensor } from "@igm/tensor"
import { Cause, Effect, Exit } from "effect"
import { parentPort, workerData } from "node:worker_threads"
import type { Place, Tensors } from "./Dataset.ts"
import * as DecodeThreads from "./DecodeThreads.ts"
import { MediaError } from "./Errors.ts"

const port = parentPort!
const { load } = await DecodeThreads.find(workerData as Place)

/** A tensor whose numbers have a buffer of their own, to be handed over. */
const own = <T extends Tensor.Tensor>(tensor: T): T => {
  const { buffer, byteLength } = tensor.data
  return buffer instanceof ArrayBuffer && byteLength === buffer.byteLength
    ? tensor
    : { ...tensor, data: tensor.data.slice() }
}

const isTensor = (tensors: Tensors): tensors is Tensor.Tensor<"float32"> => "dtype" in tensors

port.on("message", async (request: DecodeThreads.Request | "end") => {
  if (request === "end") return port.close()
  const { id, source } = request
  const exit = await Effect.runPromiseExit(load(source).pipe(Effect.provide(NodeFileSystem.layer)))
  if (Exit.isSuccess(exit)) {
    const found = exit.value
    const tensors = isTensor(found)
      ? own(found)
      : Object.fromEntries(Object.entries(found).map(([input, tensor]) => [input, own(tensor)]))
    const buffers = (isTensor(tensors) ? [tensors] : Object.values(tensors)).map(
      ({ data }) => data.buffer as ArrayBuffer
    )
    return port.postMessage({ id, tensors } satisfies DecodeThreads.Answer, buffers)
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
