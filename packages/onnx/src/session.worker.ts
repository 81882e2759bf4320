/** A thread that owns sessions of onnxruntime: it opens, runs and closes them as it is told, one thing after another. */
import { InferenceSession } from "onnxruntime-node"
import { parentPort } from "node:worker_threads"
import { fromOrt, toOrt } from "./OrtTensors.ts"
import type { Answer, Request, Value } from "./SessionThread.ts"

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

/** The buffers of results, which are this thread's own. */
const buffersOf = (value: Value): Array<ArrayBuffer> =>
  value === null || "session" in value ? [] : Object.values(value).map(({ data }) => data.buffer as ArrayBuffer)

/** The buffers that came with a request, and go back. */
const returned = (request: Request): Array<ArrayBuffer> =>
  request.kind === "run" ? Object.values(request.inputs).map(({ data }) => data.buffer as ArrayBuffer) : []

let last: Promise<unknown> = Promise.resolve()
port.on("message", (request: Request | "end") => {
  if (request === "end") {
    last = last.then(() => port.close())
    return
  }
  const { id } = request
  const buffers = returned(request)
  last = last
    .then(() => answer(request))
    .then(
      (value) => port.postMessage({ id, value, buffers } satisfies Answer, [...buffersOf(value), ...buffers]),
      (error: unknown) => {
        const fault = error instanceof Error ? error.message : String(error)
        port.postMessage({ id, fault, buffers } satisfies Answer, buffers)
      }
    )
})
