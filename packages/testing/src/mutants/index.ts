/** All mutants. */
import * as ModificationMutants from "./ModificationMutants.ts"
import type { Mutant } from "./Mutant.ts"
import * as PredictionMutants from "./PredictionMutants.ts"
import * as RivalMutants from "./RivalMutants.ts"
import * as StepMutants from "./StepMutants.ts"

/** All mutants, in the order in which they are printed. */
export const all: ReadonlyArray<Mutant> = [
  ...StepMutants.mutants,
  ...ModificationMutants.mutants,
  ...RivalMutants.mutants,
  ...PredictionMutants.mutants
]
