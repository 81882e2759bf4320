import { describe, it } from "@effect/vitest"
import { Baselines, GradientBlending, type Head, Igm, JointTraining, Mla, ReconBoost } from "@igm/gradient"
import { HeadTrainer } from "@igm/training"
import { Effect } from "effect"
import { Law, MethodLaws } from "../src/index.ts"

const methods: ReadonlyArray<MethodLaws.Make> = [
  Igm.paper,
  Igm.code,
  Baselines.lateFusion,
  Baselines.jointHead,
  JointTraining.plain,
  JointTraining.ogmGe,
  JointTraining.mmPareto,
  GradientBlending.make,
  ReconBoost.make,
  ({ heads, ...options }) => Mla.make({ ...options, head: heads.audio as Head.Head })
]

describe("The laws of methods", () => {
  for (const make of methods) {
    for (const law of MethodLaws.laws(make)) {
      it.effect(law.name, () => Law.holds(law, { runs: 5 }).pipe(Effect.provide(HeadTrainer.layerReference)))
    }
  }
})
