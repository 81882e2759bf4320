/** A mutant: a wrong implementation, mostly one that public code had, in the place of ours. Some law has to break. */
import type { Float64, Method } from "@igm/gradient"
import { Effect } from "effect"
import type * as Law from "../Law.ts"

/** A mutant and the laws that it is tried on. */
export interface Mutant {
  readonly name: string
  /** Where the defect is known from. */
  readonly from: string
  readonly laws: ReadonlyArray<Law.Law>
}

/** The verdict of the first law that the mutant breaks, or `null` for one that survives. */
export const kill = Effect.fn("Mutant.kill")(function* ({ laws }: Mutant, runs: number) {
  for (const law of laws) {
    const verdict = yield* law.check({ runs })
    if (verdict.counterExample !== null) return verdict
  }
  return null
})

/** A step's run that is written for the eager interpreter alone, on which laws run. */
export const eager =
  (run: (context: Method.StepContext<Float64.Matrix>) => Method.StepOutcome<Float64.Matrix>): Method.Step["run"] =>
  (_, context) =>
    run(context as never) as never
