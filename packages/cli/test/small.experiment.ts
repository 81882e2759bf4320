/** A quick experiment on given recordings, with two methods and two seeds. */
import { AvDigits, DigitEncoders } from "@igm/av-digits"
import { Args, Experiment } from "@igm/experiment"
import { Baselines, Head, Igm, Ring, Selection } from "@igm/gradient"
import { Schema } from "effect"

export default Experiment.make("small", {
  args: Schema.Struct({ seed: Args.seed, speech: Args.speech }),
  run: ({ seed, speech }) => {
    const options = {
      heads: { audio: Head.make(128, 16, 8, 10), image: Head.make(128, 16, 8, 10) },
      ring: Ring.make(["audio", "image"], { rounds: 1, epochs: { audio: 1, image: 1 } }),
      selection: Selection.best("accuracy"),
      batch: 4,
      rho: 1e-10,
      fusion: "mean" as const
    }
    return Experiment.comparison({
      title: "A small experiment",
      dataset: AvDigits.make({ seed, speech: { kind: "recordings", folder: speech ?? "nowhere" } }),
      encoders: { audio: DigitEncoders.audio, image: DigitEncoders.image },
      methods: [Igm.paper(options), Baselines.lateFusion(options)],
      compared: ["IGM (paper)"],
      seeds: [seed, seed + 1]
    })
  }
})
