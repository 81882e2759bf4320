/**
 * Processes that decode films and sounds, each one file at a time. They start when they are needed, are kept for the next
 * file, and end with this process. What FFmpeg does to a process, whatever the bytes of a file make it do, it does to one of
 * these: one that ends or says nothing for long is an error of the file that it was at, and another takes its place.
 */
import { Effect, Option, type Scope, Semaphore } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import type { Socket } from "node:net"
import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { MediaError } from "./Errors.ts"
import type { Answer, Request } from "./libav.process.ts"

/** Files that are open at a time, in this thread; others wait. */
const MOST = Math.max(4, availableParallelism())

/** How long a process may take for an answer. */
const PATIENCE = "60 seconds"

/** How long it may take to come to an end with what nobody waits for any more. */
const REST = "2 seconds"

/** What an answer says, and the bytes that follow it. */
export type Reply = readonly [answer: Answer, bytes: Uint8Array]

const script = fileURLToPath(new URL("./libav.process.ts", import.meta.url))
const permits = Semaphore.makeUnsafe(MOST)
const idle: Array<Worker> = []

const NEWLINE = 10

/** A process, and the answer that it owes. */
class Worker {
  readonly #child: ChildProcess
  readonly #sockets: ReadonlyArray<Socket>
  #settle: ((reply: Reply | string) => void) | undefined
  #head: ReadonlyArray<Uint8Array> = []
  #answer: Answer | undefined
  #bytes = new Uint8Array()
  #filled = 0
  #errors = ""
  isUsable = true

  constructor() {
    const args = ["--disable-warning=ExperimentalWarning", script]
    this.#child = spawn(process.execPath, args, {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, NODE_OPTIONS: "" }
    })
    this.#sockets = [
      this.#child.stdin,
      this.#child.stdout,
      this.#child.stderr
    ] as ReadonlyArray<unknown> as ReadonlyArray<Socket>
    const [input, output, errors] = this.#sockets as [Socket, Socket, Socket]
    input.on("error", () => this.#end("cannot be reached"))
    output.on("data", (part: Buffer) => this.#take(part))
    errors.on("data", (part: Buffer) => (this.#errors = (this.#errors + part.toString()).slice(-2000)))
    this.#child.on("error", (error) => this.#end(`cannot be started: ${error.message}`))
    this.#child.on("close", (code, signal) =>
      this.#end(signal === null ? `ended with code ${code}` : `was ended by ${signal}`)
    )
    this.#rest()
  }

  /** Nobody waits for a process that has nothing to do. */
  #rest() {
    this.#child.unref()
    for (const socket of this.#sockets) socket.unref()
  }

  #end(why: string) {
    this.isUsable = false
    if (idle.includes(this)) idle.splice(idle.indexOf(this), 1)
    this.#settle?.(`the process that decodes it ${why}${this.#errors === "" ? "" : `: ${this.#errors.trim()}`}`)
    this.#settle = undefined
  }

  #take(part: Uint8Array) {
    let rest = part
    if (this.#answer === undefined) {
      const end = rest.indexOf(NEWLINE)
      this.#head = [...this.#head, end < 0 ? rest : rest.subarray(0, end)]
      if (end < 0) return
      this.#answer = JSON.parse(Buffer.concat(this.#head).toString()) as Answer
      this.#head = []
      this.#bytes = new Uint8Array(this.#answer.bytes)
      this.#filled = 0
      rest = rest.subarray(end + 1)
    }
    this.#bytes.set(rest, this.#filled)
    this.#filled += rest.length
    if (this.#filled < this.#bytes.length) return
    const [answer, settle] = [this.#answer, this.#settle]
    this.#answer = undefined
    this.#settle = undefined
    this.#rest()
    settle?.([answer, this.#bytes])
  }

  /** Asks, after what is still owed. Who does not wait any more lets the answer come and be dropped. */
  ask(request: Request, bytes?: Uint8Array): Effect.Effect<Reply, string> {
    const answer = Effect.callback<Reply, string>((resume) => {
      const settle = (reply: Reply | string) =>
        resume(typeof reply === "string" ? Effect.fail(reply) : Effect.succeed(reply))
      const send = () => {
        this.#settle = settle
        this.#child.ref()
        for (const socket of this.#sockets) socket.ref()
        const [input] = this.#sockets as [Socket]
        input.write(`${JSON.stringify(request)}\n`)
        if (bytes !== undefined) input.write(bytes)
      }
      if (this.#settle === undefined) send()
      else this.#settle = (reply) => (typeof reply === "string" ? settle(reply) : send())
      return Effect.sync(() => void (this.#settle &&= () => {}))
    })
    const late = Effect.suspend(() => {
      this.kill()
      return Effect.fail(`decoding it took longer than ${PATIENCE}`)
    })
    return Effect.suspend(() =>
      this.isUsable
        ? answer.pipe(Effect.timeoutOrElse({ duration: PATIENCE, orElse: () => late }))
        : Effect.fail("the process that decodes it has ended")
    )
  }

  kill() {
    this.isUsable = false
    this.#settle = undefined
    this.#child.kill("SIGKILL")
  }
}

/** Puts a process back, or ends one that does not come to an end with what it is at. */
const release = (worker: Worker) =>
  worker.ask({ do: "close" }).pipe(
    Effect.interruptible,
    Effect.timeoutOption(REST),
    Effect.match({
      onFailure: () => worker.kill(),
      onSuccess: (closed) => (Option.isSome(closed) && worker.isUsable ? void idle.push(worker) : worker.kill())
    })
  )

/** A process of one's own until the scope ends; faults that it finds are errors of the file. */
export const use = Effect.fnUntraced(function* (
  path: string
): Effect.fn.Return<(request: Request, bytes?: Uint8Array) => Effect.Effect<Reply, MediaError>, never, Scope.Scope> {
  yield* Effect.acquireRelease(permits.take(1), () => permits.release(1))
  const worker = yield* Effect.acquireRelease(
    Effect.sync(() => idle.pop() ?? new Worker()),
    release
  )
  return (request, bytes) =>
    worker.ask(request, bytes).pipe(
      Effect.mapError((problem) => new MediaError({ path, problem })),
      Effect.filterOrFail(
        ([{ fault }]) => fault === undefined,
        ([{ fault }]) => new MediaError({ path, problem: fault! })
      )
    )
})
