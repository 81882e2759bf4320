/**
 * A mutant: a wrong implementation, mostly one that occurred in public code, in the place of the correct one. At least
 * one law has to reject it.
 */
import type { Float64, Method } from "@igm/gradient"
import { Effect } from "effect"
import type * as Law from "../Law.ts"

/** A mutant and the laws that it is checked against. */
export interface Mutant {
  readonly name: string
  /** The source of the defect. */
  readonly from: string
  readonly laws: ReadonlyArray<Law.Law>
}

/** Runs of each law before any law is run in full: most mutants are killed by them, and few by the first law. */
const FEW = 10

/** The verdict of the first law that the mutant breaks, or `null` for one that survives. */
export const kill = Effect.fn("Mutant.kill")(function* ({ laws }: Mutant, runs: number) {
  for (const some of [Math.min(FEW, runs), runs]) {
    for (const law of laws) {
      const verdict = yield* law.check({ runs: some })
      if (verdict.counterExample !== null) return verdict
    }
  }
  return null
})

/** Makes a step from a function that is written for the float64 interpreter only, on which laws run. */
export const eager =
  (run: (context: Method.StepContext<Float64.Matrix>) => Method.StepOutcome<Float64.Matrix>): Method.Step["run"] =>
  (_, context) =>
    run(context as never) as never
