/**
 * A child process that decodes films and sounds with FFmpeg, one file at a time. It isolates crashes: if a corrupt file
 * makes it end, or hang, that is an error of the file that it was decoding.
 */
import { Effect, Option, type Scope } from "effect"
import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import type { Answer, Request } from "../libav/libav.process.ts"

/** The time limit for an answer. */
const PATIENCE = "60 seconds"

/** The time limit for an answer that the caller no longer waits for. */
const REST = "2 seconds"

/** An answer and the bytes that follow it. */
export type Reply = readonly [answer: Answer, bytes: Uint8Array]

/** A running process. */
export interface FfmpegProcess {
  /** Sends a request, after outstanding answers have arrived; fails with a message for the user. */
  readonly ask: (request: Request, bytes?: Uint8Array) => Effect.Effect<Reply, string>
  /**
   * Closes the open file. Gives `true` if the process can be reused for another file; a process that does not answer
   * soon is killed.
   */
  readonly close: Effect.Effect<boolean>
  readonly isUsable: () => boolean
}

const script = fileURLToPath(new URL("../libav/libav.process.ts", import.meta.url))

const NEWLINE = 10

/** Parses the output of a process: lines of JSON, each with the number of bytes that follow it. */
const reader = (done: (reply: Reply) => void) => {
  let head: ReadonlyArray<Uint8Array> = []
  let answer: Answer | undefined
  let bytes = new Uint8Array()
  let filled = 0
  return (part: Uint8Array) => {
    let rest = part
    if (answer === undefined) {
      const end = rest.indexOf(NEWLINE)
      head = [...head, end < 0 ? rest : rest.subarray(0, end)]
      if (end < 0) return
      answer = JSON.parse(Buffer.concat(head).toString()) as Answer
      head = []
      bytes = new Uint8Array(answer.bytes)
      filled = 0
      rest = rest.subarray(end + 1)
    }
    bytes.set(rest, filled)
    filled += rest.length
    if (filled < bytes.length) return
    const reply: Reply = [answer, bytes]
    answer = undefined
    bytes = new Uint8Array()
    done(reply)
  }
}

/** Kills a process and waits until its streams are closed as well. */
const kill = (child: ChildProcess) =>
  Effect.callback<void>((resume) => {
    if (child.pid === undefined || child.stdout?.closed === true) return resume(Effect.void)
    child.once("close", () => resume(Effect.void))
    child.kill("SIGKILL")
  })

/** Starts a process that ends with the scope. */
export const make: Effect.Effect<FfmpegProcess, never, Scope.Scope> = Effect.gen(function* () {
  const start = (): ChildProcessWithoutNullStreams =>
    spawn(process.execPath, ["--disable-warning=ExperimentalWarning", script], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, NODE_OPTIONS: "" }
    })
  const child = yield* Effect.acquireRelease(Effect.sync(start), kill)
  let settle: ((reply: Reply | string) => void) | undefined
  let errors = ""
  let isUsable = true

  const answered = (reply: Reply | string) => {
    const waiting = settle
    settle = undefined
    waiting?.(reply)
  }
  const ended = (why: string) => {
    isUsable = false
    answered(`the process that decodes it ${why}${errors === "" ? "" : `: ${errors.trim()}`}`)
  }
  child.stdin.on("error", () => ended("cannot be reached"))
  child.stdout.on("data", reader(answered))
  child.stderr.on("data", (part: Buffer) => (errors = (errors + part.toString()).slice(-2000)))
  child.on("error", (error) => ended(`cannot be started: ${error.message}`))
  child.on("close", (code, signal) => ended(signal === null ? `ended with code ${code}` : `was ended by ${signal}`))

  // Who does not wait any more lets the answer come and be dropped.
  const answer = (request: Request, bytes: Uint8Array | undefined) =>
    Effect.callback<Reply, string>((resume) => {
      const own = (reply: Reply | string) =>
        resume(typeof reply === "string" ? Effect.fail(reply) : Effect.succeed(reply))
      const send = () => {
        settle = own
        child.stdin.write(`${JSON.stringify(request)}\n`)
        if (bytes !== undefined) child.stdin.write(bytes)
      }
      if (settle === undefined) send()
      else settle = (reply) => (typeof reply === "string" ? own(reply) : send())
      return Effect.sync(() => void (settle &&= () => {}))
    })
  const end = Effect.suspend(() => {
    isUsable = false
    settle = undefined
    return kill(child)
  })
  const late = Effect.andThen(end, Effect.fail(`decoding it took longer than ${PATIENCE}`))
  const ask: FfmpegProcess["ask"] = (request, bytes) =>
    Effect.suspend(() =>
      isUsable
        ? answer(request, bytes).pipe(Effect.timeoutOrElse({ duration: PATIENCE, orElse: () => late }))
        : Effect.fail("the process that decodes it has ended")
    )
  const close = ask({ do: "close" }).pipe(
    Effect.interruptible,
    Effect.timeoutOption(REST),
    Effect.orElseSucceed(Option.none),
    Effect.flatMap((closed) => (Option.isSome(closed) && isUsable ? Effect.succeed(true) : Effect.as(end, false)))
  )
  return { ask, close, isUsable: () => isUsable }
})
