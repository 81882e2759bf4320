/** IGM beside other methods that balance modalities, on AV-digits: the same features, heads, batches and selection. */
import { AvDigits, DigitEncoders } from "@igm/av-digits"
import { Args, Experiment } from "@igm/experiment"
import { Baselines, GradientBlending, Head, Igm, JointTraining, Mla, ReconBoost, Ring, Selection } from "@igm/gradient"
import { Schema } from "effect"

export default Experiment.make("rivals", {
  args: Schema.Struct({ seed: Args.seed }),
  run: ({ seed }) => {
    const head = Head.make(128, 256, 64, 10)
    const options = {
      heads: { audio: head, image: head },
      ring: Ring.make(["audio", "image"], { rounds: 3, epochs: { audio: 4, image: 4 } }),
      selection: Selection.best("accuracy"),
      batch: 12,
      rho: { audio: 1e-10, image: 1e-15 },
      // Most of these methods train heads whose logits are summed: all rows fuse so.
      fusion: "sum" as const
    }
    const { ring, selection, batch, fusion } = options
    return Experiment.comparison({
      title: "IGM beside other methods that balance modalities",
      dataset: AvDigits.make({ seed, speech: { kind: "synthetic" } }),
      encoders: { audio: DigitEncoders.audio, image: DigitEncoders.image },
      methods: [
        Igm.paper(options),
        Baselines.lateFusion(options),
        JointTraining.plain(options),
        JointTraining.ogmGe(options),
        JointTraining.mmPareto(options),
        GradientBlending.make(options),
        ReconBoost.make(options),
        Mla.make({ head, ring, selection, batch, fusion })
      ],
      compared: ["IGM (paper)"],
      seeds: [seed, seed + 1, seed + 2]
    })
  }
})
