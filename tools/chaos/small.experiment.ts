/** An experiment that is over in seconds and has every kind of stage: it is killed in the tests. */
import { AvDigits, DigitEncoders } from "@igm/av-digits"
import { Args, Experiment } from "@igm/experiment"
import { Baselines, Head, Igm, Ring, Selection } from "@igm/gradient"
import { Schema } from "effect"

export default Experiment.make("killed", {
  args: Schema.Struct({ seed: Args.seed }),
  run: ({ seed }) => {
    const options = {
      heads: { audio: Head.make(128, 16, 8, 10), image: Head.make(128, 16, 8, 10) },
      ring: Ring.make(["audio", "image"], { rounds: 2, epochs: { audio: 3, image: 3 } }),
      selection: Selection.best("accuracy"),
      batch: 4,
      rho: 1e-10,
      fusion: "mean" as const
    }
    return Experiment.comparison({
      title: "A small experiment",
      dataset: AvDigits.make({ seed, speech: { kind: "synthetic" }, perDigit: { train: 4, valid: 2, test: 2 } }),
      encoders: { audio: DigitEncoders.audio, image: DigitEncoders.image },
      methods: [Igm.paper(options), Baselines.lateFusion(options)],
      compared: ["IGM (paper)"],
      seeds: [seed]
    })
  }
})
