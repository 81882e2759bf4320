/**
 * Deterministic replacements of randomness and time in a stage's body, so that it gives the same result whenever it
 * runs: Effect's `Random` draws numbers that are keyed by the digest of the work, and Effect's `Clock` always reads the
 * beginning of 1970. Sleeping, timeouts and spans take real time.
 */
import { Keyed } from "@igm/tensor"
import { type Clock, Effect, type Random } from "effect"

/** Random numbers keyed by a path, drawn in sequence; `position` counts them and can be set. */
export interface Numbers extends Random.Random {
  position: number
}

/**
 * The random numbers of a piece of work. Concurrent fibers share one sequence, in the order in which they happen to
 * draw; use streams named with `Keyed` there.
 */
export const numbers = (work: string): Numbers => {
  const draw = Keyed.sequence(["stage", work])
  const own: Numbers = {
    position: 0,
    nextDoubleUnsafe: () => draw(own.position++),
    nextIntUnsafe: () => {
      const { MIN_SAFE_INTEGER: min, MAX_SAFE_INTEGER: max } = Number
      return Math.floor(own.nextDoubleUnsafe() * (max - min)) + min
    }
  }
  return own
}

/** A clock that always reads the same time, but waits like the given clock. */
export const standing = (clock: Clock.Clock): Clock.Clock => ({
  currentTimeMillisUnsafe: () => 0,
  currentTimeMillis: Effect.succeed(0),
  // Spans take their times here.
  currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
  currentTimeNanos: Effect.succeed(0n),
  monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
  monotonicTimeNanos: Effect.succeed(0n),
  sleep: (duration) => clock.sleep(duration)
})
