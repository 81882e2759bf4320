/**
 * A process that has a thread for sessions, and nothing else to do than to pass on what it is asked and what comes of it:
 * so it hears, while a model runs, that whoever started it is gone, and ends with them.
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
