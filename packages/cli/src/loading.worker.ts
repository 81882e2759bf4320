/**
 * The entry point of a thread that prints a line and ends the process after a time, unless it is terminated before: it
 * runs while a program blocks the main thread.
 */
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
