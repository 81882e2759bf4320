/**
 * The end of a process that was started for another. npm hands on SIGINT and SIGTERM; if it is ended by any other signal,
 * what it started goes on without it and keeps its locks. The scripts of package.json therefore name npm's process in
 * `IGM_PARENT`; without that variable nothing is watched, so that whoever starts `igm` by itself may leave it alone.
 */
import { Effect, Schedule } from "effect"

const NAME = "IGM_PARENT"

const EVERY = "250 millis"

/** Stops this process, as SIGTERM does, once its parent is another one than `IGM_PARENT` says; beside what it is given to. */
export const watched = <A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const named = process.env[NAME]
    // It is about this process alone, and none that it starts.
    delete process.env[NAME]
    if (named === undefined) return work
    const isGone = Effect.sync(() => String(process.ppid) !== named)
    const watch = isGone.pipe(
      Effect.repeat({ until: (gone) => gone, schedule: Schedule.spaced(EVERY) }),
      Effect.andThen(Effect.sync(() => process.kill(process.pid, "SIGTERM")))
    )
    return Effect.andThen(Effect.forkChild(watch), work)
  })
