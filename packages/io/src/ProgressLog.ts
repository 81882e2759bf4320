/**
 * Progress as a log: a plain line for each finished part, and now and then one for work that takes long. Of parts that
 * follow each other fast, a line counts those that had none.
 */
import { Clock, Console, Effect } from "effect"
import type { Part, Progress } from "./Progress.ts"

/** The least time in milliseconds between two lines about parts of one kind. */
const PARTS = 2000

/** The least time in milliseconds between two lines about one bar. */
const BARS = 10_000

/** The parts of one kind: the time of the last line about them, and the number of those after it. */
interface Seen {
  printed: number
  waiting: number
}

const secondsOf = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`

/** Makes the service, with the console and the clock of the fiber that makes it: in the body of a stage, time stands still. */
export const make: Effect.Effect<Progress["Service"]> = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  const console = yield* Console.Console
  const print = (line: string) => console.error(`igm: ${line}`)
  const now = () => clock.currentTimeMillisUnsafe()

  /** Prints the number of the parts of a kind that had no line. */
  const count = (kind: string, seen: Seen) => {
    if (seen.waiting > 0) print(`made ${seen.waiting} more of ${kind}`)
    seen.waiting = 0
  }

  const add = (kinds: Map<string, Seen>, { kind, name, milliseconds }: Part) => {
    const at = now()
    const isDue = ({ printed }: Seen) => at - printed >= PARTS
    for (const [other, seen] of kinds) if (other !== kind && isDue(seen)) count(other, seen)
    const seen = kinds.get(kind)
    if (seen === undefined || isDue(seen)) {
      const more = seen === undefined || seen.waiting === 0 ? "" : `, and ${seen.waiting} more of ${kind}`
      print(`made ${name} in ${secondsOf(milliseconds)}${more}`)
      kinds.set(kind, { printed: at, waiting: 0 })
    } else seen.waiting++
  }

  return {
    bar: (label, total) =>
      Effect.sync(() => {
        let [done, printed] = [0, now()]
        return (n) =>
          Effect.sync(() => {
            done += n
            if (now() - printed < BARS) return
            printed = now()
            print(`${label}: ${Math.round(done)} of ${total}`)
          })
      }),
    parts: Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => new Map<string, Seen>()),
        (kinds) => Effect.sync(() => kinds.forEach((seen, kind) => count(kind, seen)))
      ),
      (kinds) => (part) => Effect.sync(() => add(kinds, part))
    )
  }
})
