/** The entry point of a worker thread that decodes files with the preprocessing that it is told to import. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Keyed, Memory } from "@igm/tensor"
import { Cause, Effect, Exit, FileSystem, Layer, ManagedRuntime } from "effect"
import { readFileSync } from "node:fs"
import { parentPort, workerData } from "node:worker_threads"
import * as Buffers from "./Buffers.ts"
import * as DecodeThreads from "./DecodeThreads.ts"
import { MediaError } from "../Errors.ts"
import { MediaDecoder } from "../MediaDecoder.ts"
import type { Place } from "../Preprocess.ts"

Memory.releaseByHand()
const port = parentPort!

/**
 * A file system that reads whole files synchronously: a thread that does nothing else may block on a file, and
 * asynchronous events for each part would cost a quarter of its time.
 */
const files = Layer.effect(
  FileSystem.FileSystem,
  Effect.map(FileSystem.FileSystem, (fs) => ({
    ...fs,
    readFile: (path: string) =>
      Effect.suspend(() => {
        try {
          return Effect.succeed(readFileSync(path))
        } catch {
          return fs.readFile(path)
        }
      })
  }))
).pipe(Layer.provide(NodeFileSystem.layer))
// Made once, and not for each file; what it starts ends with this thread.
const runtime = ManagedRuntime.make(Layer.mergeAll(files, MediaDecoder.layer))
const { load } = await DecodeThreads.find(workerData as Place)

port.on("message", async (request: DecodeThreads.Request | "end") => {
  if (request === "end") {
    await runtime.dispose()
    return port.close()
  }
  const { id, source, stream, buffers } = request
  Memory.lend(buffers)
  const exit = await runtime.runPromiseExit(load(source, Keyed.stream(stream)))
  if (Exit.isSuccess(exit)) {
    const tensors = Buffers.shared(exit.value)
    return port.postMessage({ id, tensors } satisfies DecodeThreads.Answer)
  }
  Memory.takeBack(buffers.length)
  const error = Cause.squash(exit.cause)
  const problem = error instanceof MediaError ? error.problem : `decoding failed: ${String(error)}`
  const fault = {
    path: error instanceof MediaError ? error.path : source.path,
    problem,
    details: Cause.pretty(exit.cause)
  }
  port.postMessage({ id, fault } satisfies DecodeThreads.Answer)
})
