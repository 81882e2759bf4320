/** A quick experiment with a tuned method, which has two values to choose from. */
import { AvDigits, DigitEncoders } from "@igm/av-digits"
import { Args, Experiment, Space, Tuned } from "@igm/experiment"
import { Head, Igm, Ring, Selection } from "@igm/gradient"
import { Schema } from "effect"

export default Experiment.make("tuned", {
  args: Schema.Struct({ seed: Args.seed }),
  run: ({ seed }) => {
    const options = {
      heads: { audio: Head.make(128, 16, 8, 10), image: Head.make(128, 16, 8, 10) },
      ring: Ring.make(["audio", "image"], { rounds: 1, epochs: { audio: 1, image: 1 } }),
      selection: Selection.best("accuracy"),
      batch: 4,
      rho: 1e-10
    }
    return Experiment.comparison({
      title: "A small experiment with a choice",
      dataset: AvDigits.make({ seed, speech: { kind: "synthetic" }, perDigit: { train: 2, valid: 2, test: 1 } }),
      encoders: { audio: DigitEncoders.audio, image: DigitEncoders.image },
      methods: [
        Tuned.make({
          space: { tau: Space.values([0.1, 1.3]) },
          method: ({ tau }) => Igm.paper({ ...options, tau })
        })
      ],
      tuning: { trials: 3, folds: 3, by: "accuracy" },
      compared: ["IGM (paper), tuned"],
      seeds: [seed]
    })
  }
})
