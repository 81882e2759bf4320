/** The simulation in threads: each has every so manieth table of a design, so that their number does not matter. */
import { Effect } from "effect"
import { Worker } from "node:worker_threads"
import type { Design } from "./Design.ts"
import * as Tally from "./Tally.ts"

/** The work of a thread: of each design, the tables from `first` on in steps of `step`. */
export interface Part {
  readonly designs: ReadonlyArray<Design>
  readonly first: number
  readonly step: number
  readonly tables: number
}

/** The word of a thread on the design at a place. */
export interface Done {
  readonly place: number
  readonly tally: Tally.Tally
}

const thread = (part: Part, on: (done: Done) => void) =>
  Effect.callback<void>((resume) => {
    const worker = new Worker(new URL("./coverage.worker.ts", import.meta.url), {
      workerData: part,
      execArgv: ["--disable-warning=ExperimentalWarning"]
    })
    worker.on("message", on)
    worker.once("error", (cause) => resume(Effect.die(cause)))
    worker.once("exit", () => resume(Effect.void))
    return Effect.promise(() => worker.terminate())
  })

/** Simulates all designs, and says what each came to as soon as its last table is done. */
export const run = Effect.fn("Threads.run")(function* (
  designs: ReadonlyArray<Design>,
  { tables, threads }: { readonly tables: number; readonly threads: number },
  tell: (outcome: Tally.Outcome) => void
) {
  const parts = designs.map((): Array<Tally.Tally> => [])
  const outcomes: Array<Tally.Outcome> = []
  const on = ({ place, tally }: Done) => {
    const own = parts[place]!
    own.push(tally)
    if (own.length < threads) return
    const outcome = Tally.outcome(designs[place]!, own.reduce(Tally.sum, Tally.empty))
    outcomes.push(outcome)
    tell(outcome)
  }
  yield* Effect.forEach(
    Array.from({ length: threads }, (_, first): Part => ({ designs, first, step: threads, tables })),
    (part) => thread(part, on),
    { concurrency: "unbounded" }
  )
  return outcomes
})
