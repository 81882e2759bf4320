/** The sensitivity of IGM to τ and ρ on AV-digits: one at a time over decades, as the paper's Figure 3 has them. */
import { AvDigits, DigitEncoders } from "@igm/av-digits"
import { Args, Experiment, Study } from "@igm/experiment"
import { Head, Igm, Ring, Selection } from "@igm/gradient"
import { Schema } from "effect"

export default Experiment.make("sensitivity", {
  args: Schema.Struct({
    seed: Args.seed,
    seeds: Args.Count.pipe(Args.defaultsTo(5), Args.describe("The number of seeds of the trainings"))
  }),
  run: ({ seed, seeds }) => {
    const head = Head.make(128, 256, 64, 10)
    const options = {
      heads: { audio: head, image: head },
      ring: Ring.make(["audio", "image"], { rounds: 3, epochs: { audio: 4, image: 4 } }),
      selection: Selection.best("accuracy"),
      batch: 12,
      fusion: "mean" as const
    }
    return Study.sensitivity({
      title: "The sensitivity of IGM to τ and ρ on AV-digits",
      dataset: AvDigits.make({ seed, speech: { kind: "synthetic" } }),
      encoders: { audio: DigitEncoders.audio, image: DigitEncoders.image },
      seeds: Array.from({ length: seeds }, (_, i) => seed + i),
      at: { tau: 0.4, rho: 1e-10 },
      over: { tau: [1e-3, 1.3, 20, 100], rho: [1e-15, 1e-8, 1e-6, 1e-4, 1e-2, 1e-1] },
      method: ({ tau, rho }) => Igm.paper({ ...options, tau, rho }),
      margin: 0.01
    })
  }
})
