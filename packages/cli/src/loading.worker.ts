/** Ends the process, with a line that says why, unless it is ended itself before: the main thread is held by a program. */
import { writeSync } from "node:fs"
import { parentPort, workerData } from "node:worker_threads"
import type { Watch } from "./Loading.ts"

const { line, milliseconds } = workerData as Watch

setTimeout(() => {
  writeSync(2, line)
  // A signal that the main thread would have to hear does not reach it.
  process.kill(process.pid, "SIGKILL")
}, milliseconds)

parentPort?.postMessage("watching")
