/** The ablation of IGM on AV-digits: all combinations of its ingredients, under three fusions, over ten seeds. */
import { AvDigits, DigitEncoders } from "@igm/av-digits"
import { Args, Experiment, Study } from "@igm/experiment"
import { Head, Igm, Ring, Selection } from "@igm/gradient"
import { Schema } from "effect"

export default Experiment.make("ablation", {
  args: Schema.Struct({
    seed: Args.seed,
    seeds: Args.Count.pipe(Args.defaultsTo(10), Args.describe("The number of seeds of the trainings"))
  }),
  run: ({ seed, seeds }) => {
    const head = Head.make(128, 256, 64, 10)
    const options = {
      heads: { audio: head, image: head },
      ring: Ring.make(["audio", "image"], { rounds: 3, epochs: { audio: 4, image: 4 } }),
      selection: Selection.best("accuracy"),
      batch: 12,
      rho: 1e-2,
      fusion: "mean" as const
    }
    return Study.ablation({
      title: "What each ingredient of IGM gives on AV-digits",
      dataset: AvDigits.make({ seed, speech: { kind: "synthetic" } }),
      encoders: { audio: DigitEncoders.audio, image: DigitEncoders.image },
      seeds: Array.from({ length: seeds }, (_, i) => seed + i),
      factors: { modification: "gradient modification", sharpness: "sharpness", mixup: "mixup" },
      method: ({ modification, sharpness, mixup }) =>
        Igm.paper({
          ...options,
          tau: modification ? 0.4 : 0,
          switches: { sharpness: sharpness ? {} : null, mixup: mixup ? { audio: 1, image: 1 } : {} }
        }),
      margin: 0.01
    })
  }
})
