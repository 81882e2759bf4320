/** IGM with τ and ρ chosen by cross-validation on the training and validation samples of AV-digits, beside the released ones. */
import { AvDigits } from "@igm/datasets"
import { DigitEncoders } from "@igm/encoders"
import { CrossValidation, Experiment } from "@igm/experiment"
import { Control, Head, Igm, Ring, Selection } from "@igm/gradient"

export default Experiment.program(({ seed }) => {
  const head = Head.make(128, 256, 64, 10)
  const options = {
    heads: { audio: head, image: head },
    ring: Ring.make(["audio", "image"], { rounds: 1, epochs: { audio: 2, image: 2 } }),
    selection: Selection.best("accuracy"),
    batch: 12,
    rho: { audio: 1e-10, image: 1e-15 }
  }
  return Experiment.make({
    name: "tuned",
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
      Control.lateFusion(options)
    ],
    compared: ["IGM (paper), tuned"],
    seeds: [seed, seed + 1, seed + 2]
  })
})
