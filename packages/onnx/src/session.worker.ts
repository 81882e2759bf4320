/**
 * The worker thread that owns sessions of onnxruntime: it opens, runs and closes them on request, one after another.
 */
// By its part: the index would open Effect in each thread, and with it ten times as many modules.
import * as Memory from "@igm/tensor/Memory"
import { InferenceSession } from "onnxruntime-node"
import { parentPort } from "node:worker_threads"
import { fromOrt, toOrt } from "./OrtTensors.ts"
import type { Answer, Request, Value } from "./SessionThread.ts"

Memory.releaseByHand()
const port = parentPort!
const sessions = new Map<number, InferenceSession>()

const open = async (session: number, model: string | Uint8Array, options: InferenceSession.SessionOptions) => {
  const opened = await (typeof model === "string"
    ? InferenceSession.create(model, options)
    : InferenceSession.create(model, options))
  sessions.set(session, opened)
  return { session, inputs: opened.inputMetadata, outputs: opened.outputMetadata }
}

const answer = async (request: Request): Promise<Value> => {
  if (request.kind === "open") return open(request.id, request.model, request.options)
  const session = sessions.get(request.session)
  if (request.kind === "run") return fromOrt(await session!.run(toOrt(request.inputs)))
  sessions.delete(request.session)
  await session?.release()
  return null
}

/** The buffers of results, to be transferred. */
const buffersOf = (value: Value): Array<ArrayBuffer> =>
  value === null || "session" in value ? [] : Object.values(value).map(({ data }) => data.buffer as ArrayBuffer)

let last: Promise<unknown> = Promise.resolve()
port.on("message", (request: Request | "end") => {
  if (request === "end") {
    last = last.then(() => port.close())
    return
  }
  const { id } = request
  last = last
    .then(() => answer(request))
    .then(
      (value) => port.postMessage({ id, value } satisfies Answer, buffersOf(value)),
      (error: unknown) =>
        port.postMessage({ id, fault: error instanceof Error ? error.message : String(error) } satisfies Answer)
    )
})
