/**
 * The child process of a session: it forwards requests to a worker thread, so that it notices the end of its parent
 * while a model runs, and ends too.
 */
import { Worker } from "node:worker_threads"
import type { Answer, Request } from "./SessionThread.ts"

const worker = new Worker(new URL("./session.worker.ts", import.meta.url))
process.on("message", (request: Request) => worker.postMessage(request))
worker.on("message", (answer: Answer) => process.send!(answer))
worker.on("error", () => process.exit(1))
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"))
// Who started it decides, though a terminal tells both of Ctrl-C.
process.on("SIGINT", () => {})
