/** All mutants. */
import * as BoostMutants from "./BoostMutants.ts"
import * as MlaMutants from "./MlaMutants.ts"
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
  ...MlaMutants.mutants,
  ...BoostMutants.mutants,
  ...PredictionMutants.mutants
]
