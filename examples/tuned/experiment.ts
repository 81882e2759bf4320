/** IGM with τ and ρ chosen by cross-validation on the training and validation samples of AV-digits, beside the released ones. */
import { AvDigits, DigitEncoders } from "@igm/av-digits"
import { Args, CrossValidation, Experiment } from "@igm/experiment"
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
      rho: { audio: 1e-10, image: 1e-15 }
    }
    return Experiment.comparison({
      title: "IGM with τ and ρ chosen by cross-validation",
      dataset: AvDigits.make({ seed, speech: { kind: "synthetic" } }),
      encoders: { audio: DigitEncoders.audio, image: DigitEncoders.image },
      tuned: CrossValidation.make({
        grid: { tau: [0.1, 0.4, 1.3], rho: [1e-15, 1e-4] },
        folds: 3,
        by: "accuracy",
        seeds: [seed],
        method: ({ tau, rho }) => Igm.paper({ ...options, tau, rho })
      }),
      methods: ({ tau, rho }) => [
        { ...Igm.paper({ ...options, tau, rho }), name: "IGM (paper), tuned" },
        Igm.paper(options),
        Baselines.lateFusion(options)
      ],
      compared: ["IGM (paper), tuned"],
      seeds: [seed, seed + 1, seed + 2]
    })
  }
})
