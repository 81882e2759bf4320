/** A gradient rule of one's own beside plain late fusion, on AV-digits. */
import { AvDigits, DigitEncoders } from "@igm/av-digits"
import { Args, Experiment } from "@igm/experiment"
import { Baselines, Head, Ring, Selection } from "@igm/gradient"
import { Schema } from "effect"
import { centralize } from "./rule.ts"

export default Experiment.make("own-rule", {
  args: Schema.Struct({ seed: Args.seed }),
  run: ({ seed }) => {
    const options = {
      heads: { audio: Head.make(128, 256, 64, 10), image: Head.make(128, 256, 64, 10) },
      ring: Ring.make(["audio", "image"], { rounds: 2, epochs: { audio: 3, image: 3 } }),
      selection: Selection.best("accuracy"),
      batch: 12,
      rho: 0
    }
    return Experiment.comparison({
      title: "A gradient rule of one's own",
      dataset: AvDigits.make({ seed, speech: { kind: "synthetic" } }),
      encoders: { audio: DigitEncoders.audio, image: DigitEncoders.image },
      methods: [Baselines.withRule(options, centralize), Baselines.lateFusion(options)],
      compared: ["centralized", "late fusion"],
      seeds: [seed, seed + 1, seed + 2]
    })
  }
})
