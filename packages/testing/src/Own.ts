/** All laws of this project's own mathematics. */
import type { Law } from "./Law.ts"
import * as MlaLaws from "./MlaLaws.ts"
import * as ModificationLaws from "./ModificationLaws.ts"
import * as PredictionLaws from "./PredictionLaws.ts"
import * as ResidualLaws from "./ResidualLaws.ts"
import * as ScheduleLaws from "./ScheduleLaws.ts"
import * as StepLaws from "./StepLaws.ts"
import * as TogetherLaws from "./TogetherLaws.ts"

/** The laws, in the order in which they are printed. */
export const laws = (): ReadonlyArray<Law> => [
  ...ModificationLaws.laws(),
  ...ModificationLaws.momentLaws(),
  ...ModificationLaws.matchingLaws(),
  ...StepLaws.laws(),
  ...StepLaws.stackLaws(),
  ...StepLaws.perturbationLaws(),
  ...ScheduleLaws.laws(),
  ...PredictionLaws.ownFusionLaws(),
  ...TogetherLaws.laws(),
  ...TogetherLaws.blendingLaws(),
  ...MlaLaws.forgetLaws(),
  ...MlaLaws.stepLaws(),
  ...ResidualLaws.laws(),
  ...PredictionLaws.minNormLaws(),
  ...PredictionLaws.metricLaws()
]
