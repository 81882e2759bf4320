/** The evaluation protocol of a comparison, which is printed above and below its results. */
import { FolderDataset } from "@igm/datasets"
import type { Features } from "@igm/gradient"
import { type Scores, selectors } from "@igm/report"
import { Split } from "@igm/tensor"
import type * as Results from "./Results.ts"

/** The rules of a comparison, each a short sentence. */
export const of = (
  { opened, views, evaluation, tuning }: Results.Comparison<Features.Dims>,
  scores: Scores
): ReadonlyArray<string> => {
  const { manifest } = opened
  const { methods } = evaluation
  const seeds = methods[0]!.trials.map(({ seed }) => seed)
  const groups = Split.all.map((split) => `${split} ${manifest.splits[split].groups.length}`).join(", ")
  const drawn = Object.entries(views?.of ?? {}).flatMap(([modality, of]) =>
    FolderDataset.compatIn(of?.settings).map((accident) => `${modality} in training: ${accident}`)
  )
  const compat = [...(manifest.compat ?? []), ...drawn]
  return [
    "Frozen features: not comparable with published end-to-end numbers.",
    `Selection: the epoch with the best ${selectors(scores.methods)} on the validation split. Reported: the test split, used once.`,
    ...(tuning.length === 0
      ? []
      : [
          `Settings of the tuned methods: chosen by cross-validation on the training and validation samples, ${tuning[0]!.budget} trials each; see the table of the tuning.`
        ]),
    `Data: ${manifest.name}, ${manifest.source}; seed ${manifest.seed}. Groups by split: ${groups}; shared by two splits: ${manifest.sharedGroups.length === 0 ? "none" : manifest.sharedGroups.join(", ")}.`,
    ...(manifest.source.startsWith("recordings")
      ? [`Speakers: ${Split.all.map((split) => `${split} ${manifest.splits[split].groups.join(", ")}`).join("; ")}.`]
      : []),
    ...(manifest.heldOut.length === 0
      ? []
      : [`In no split, because the encoders were trained on them: ${manifest.heldOut.join(", ")}.`]),
    ...(compat.length === 0 ? [] : [`Accidents of the released code that are reproduced: ${compat.join("; ")}.`]),
    `Seeds of the trainings: ${seeds.join(", ")}. All ${methods.length} methods see the same features.`
  ]
}
