/** A pool of FFmpeg processes, which are started on demand and reused for the next file. */
import { Effect, Exit, Scope, Semaphore } from "effect"
import { MediaError } from "../Errors.ts"
import type { Request } from "../libav/libav.process.ts"
import * as FfmpegProcess from "./FfmpegProcess.ts"

/** Sends a request about the file that the process was taken for; faults become `MediaError`s of that file. */
type Ask = (request: Request, bytes?: Uint8Array) => Effect.Effect<FfmpegProcess.Reply, MediaError>

/** Takes a process for exclusive use with a file, until the scope ends. */
export type FfmpegPool = (path: string) => Effect.Effect<Ask, never, Scope.Scope>

interface Member {
  readonly process: FfmpegProcess.FfmpegProcess
  readonly end: Effect.Effect<void>
}

/**
 * Creates a pool of at most the given number of processes, all of which end with the scope; callers wait if none is
 * free.
 */
export const make = Effect.fn("FfmpegPool.make")(function* (
  most: number
): Effect.fn.Return<FfmpegPool, never, Scope.Scope> {
  const scope = yield* Effect.scope
  const permits = yield* Semaphore.make(most)
  const idle: Array<Member> = []

  const start = Effect.gen(function* () {
    const own = yield* Scope.fork(scope)
    const process = yield* FfmpegProcess.make.pipe(Scope.provide(own))
    return { process, end: Scope.close(own, Exit.void) }
  })
  const take: Effect.Effect<Member> = Effect.suspend(() => {
    const member = idle.pop()
    if (member === undefined) return start
    // One that ended while nobody used it.
    return member.process.isUsable() ? Effect.succeed(member) : Effect.andThen(member.end, take)
  })
  const give = (member: Member) =>
    Effect.flatMap(member.process.close, (isFree) => (isFree ? Effect.sync(() => void idle.push(member)) : member.end))

  return Effect.fnUntraced(function* (path) {
    yield* Effect.acquireRelease(permits.take(1), () => permits.release(1), { interruptible: true })
    const { process } = yield* Effect.acquireRelease(take, give)
    return (request, bytes) =>
      process.ask(request, bytes).pipe(
        Effect.mapError((problem) => new MediaError({ path, problem })),
        Effect.filterOrFail(
          ([{ fault }]) => fault === undefined,
          ([{ fault }]) => new MediaError({ path, problem: fault! })
        )
      )
  })
})
