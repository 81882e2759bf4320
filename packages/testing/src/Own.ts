/** All laws of this project's own mathematics. */
import type { Law } from "./Law.ts"
import * as ModificationLaws from "./ModificationLaws.ts"
import * as PredictionLaws from "./PredictionLaws.ts"
import * as StepLaws from "./StepLaws.ts"

/** The laws, in the order in which they are printed. */
export const laws = (): ReadonlyArray<Law> => [
  ...ModificationLaws.laws(),
  ...StepLaws.laws(),
  ...StepLaws.perturbationLaws(),
  ...PredictionLaws.ownFusionLaws(),
  ...PredictionLaws.minNormLaws(),
  ...PredictionLaws.metricLaws()
]
