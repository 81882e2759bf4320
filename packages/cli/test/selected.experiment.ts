/** The smallest experiment with methods that select by other metrics than the accuracy, one of them with epochs that do not select. */
import { DigitEncoders } from "@igm/av-digits"
import { Args, Experiment } from "@igm/experiment"
import { GradientBlending, Head, Igm, Ring, Selection } from "@igm/gradient"
import { Effect, Schema } from "effect"
import { datasetOf } from "./tiny.experiment.ts"

/** The tiny data set as if it had been searched for contents that splits share, and the one that is named were one of 21. */
const withDuplicates = (dataset: ReturnType<typeof datasetOf>): typeof dataset => {
  const duplicates = [{ modality: "image", ids: ["train/0", "test/<1>"] }]
  const prepare = Effect.map(dataset.prepare, (prepared) => ({
    ...prepared,
    manifest: { ...prepared.manifest, duplicates, recipe: { duplicates: 21 } }
  }))
  return { ...dataset, prepare }
}

export default Experiment.make("selected", {
  args: Schema.Struct({ seed: Args.seed }),
  run: ({ seed }) => {
    const options = {
      heads: { audio: Head.make(128, 4, 2), image: Head.make(128, 4, 2) },
      ring: Ring.make(["audio", "image"], { rounds: 1, epochs: { audio: 2, image: 2 } }),
      batch: 2,
      rho: 0,
      fusion: "sum" as const
    }
    return Experiment.comparison({
      title: "Selection by other metrics",
      dataset: withDuplicates(datasetOf(seed)),
      encoders: { audio: DigitEncoders.audio, image: DigitEncoders.image },
      methods: [
        Igm.paper({ ...options, selection: Selection.best("macroF1") }),
        GradientBlending.make({ ...options, selection: Selection.best("meanAveragePrecision") })
      ],
      compared: ["IGM (paper)", "G-Blending"],
      seeds: [seed]
    })
  }
})
