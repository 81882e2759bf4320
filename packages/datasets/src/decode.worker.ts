/** A thread that decodes files by the preprocessing that it is told to import. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Keyed, Memory } from "@igm/tensor"
import { Cause, Effect, Exit, FileSystem, Layer, ManagedRuntime } from "effect"
import { readFileSync } from "node:fs"
import { parentPort, workerData } from "node:worker_threads"
import * as Buffers from "./Buffers.ts"
import type { Place } from "./Dataset.ts"
import * as DecodeThreads from "./DecodeThreads.ts"
import { MediaError } from "./Errors.ts"

Memory.releaseByHand()
const port = parentPort!

/** A thread that does nothing else waits for a file, which costs a quarter of what it does to be told of each part of it. */
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
// Made once, and not for each file.
const runtime = ManagedRuntime.make(files)
const { load } = await DecodeThreads.find(workerData as Place)

port.on("message", async (request: DecodeThreads.Request | "end") => {
  if (request === "end") return port.close()
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
