/**
 * Ends this process when its parent ends. npm passes on SIGINT and SIGTERM; if it is ended by another signal, its child
 * process would continue and keep its locks. The scripts of package.json therefore set `IGM_PARENT` to npm's process
 * id; without that variable nothing is watched, so that `igm` may outlive a parent that starts it directly.
 */
import { Effect, Schedule } from "effect"

const NAME = "IGM_PARENT"

const EVERY = "250 millis"

/** Runs an effect and stops this process, as SIGTERM does, when its parent process is no longer `IGM_PARENT`. */
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
