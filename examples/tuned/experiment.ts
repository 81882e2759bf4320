/** IGM and late fusion on AV-digits, each with the settings that cross-validation chose and with the released ones. */
import { AvDigits, DigitEncoders } from "@igm/av-digits"
import { Args, Experiment, Space, Tuned } from "@igm/experiment"
import { Baselines, Head, Igm, Ring, Selection } from "@igm/gradient"
import { Schema } from "effect"

export default Experiment.make("tuned", {
  args: Schema.Struct({ seed: Args.seed }),
  run: ({ seed }) => {
    const head = Head.make(128, 256, 64, 10)
    const options = {
      heads: { audio: head, image: head },
      ring: Ring.make(["audio", "image"], { rounds: 1, epochs: { audio: 2, image: 2 } }),
      selection: Selection.best("accuracy"),
      batch: 12,
      rho: { audio: 1e-10, image: 1e-15 },
      fusion: "mean" as const
    }
    const rate = Space.log(1e-3, 3e-2)
    return Experiment.comparison({
      title: "Tuned and released settings, with one budget for both methods",
      dataset: AvDigits.make({ seed, speech: { kind: "synthetic" } }),
      encoders: { audio: DigitEncoders.audio, image: DigitEncoders.image },
      methods: [
        Tuned.make({
          space: { tau: Space.values([0, 0.1, 0.4, 1.3]), rate },
          start: { tau: Igm.TAU, rate: Igm.sgd.rate },
          method: ({ tau, rate }) => Igm.paper({ ...options, tau, optimizer: { ...Igm.sgd, rate } })
        }),
        Tuned.make({
          space: { rate },
          start: { rate: Igm.sgd.rate },
          method: ({ rate }) => Baselines.lateFusion({ ...options, optimizer: { ...Igm.sgd, rate } })
        }),
        Igm.paper(options),
        Baselines.lateFusion(options)
      ],
      tuning: { trials: 8, folds: 3, by: "accuracy", seeds: [seed] },
      compared: ["IGM (paper), tuned", "IGM (paper)"],
      seeds: [seed, seed + 1, seed + 2]
    })
  }
})
