/** All laws of the mathematics in `@igm/gradient`. */
import type { Law } from "../Law.ts"
import * as BlendingLaws from "./BlendingLaws.ts"
import * as BoostLaws from "./BoostLaws.ts"
import * as MlaLaws from "./MlaLaws.ts"
import * as ModificationLaws from "./ModificationLaws.ts"
import * as PredictionLaws from "./PredictionLaws.ts"
import * as RivalPlanLaws from "./RivalPlanLaws.ts"
import * as ScheduleLaws from "./ScheduleLaws.ts"
import * as StepLaws from "./StepLaws.ts"
import * as JointTrainingLaws from "./JointTrainingLaws.ts"

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
  ...JointTrainingLaws.laws(),
  ...BlendingLaws.laws(),
  ...MlaLaws.forgetLaws(),
  ...MlaLaws.stepLaws(),
  ...MlaLaws.codeForgetLaws(),
  ...BoostLaws.laws(),
  ...BoostLaws.stepLaws(),
  ...RivalPlanLaws.ogmLaws(),
  ...RivalPlanLaws.mlaLaws(),
  ...PredictionLaws.minNormLaws(),
  ...PredictionLaws.metricLaws()
]
