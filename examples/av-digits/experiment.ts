/** Spoken and written digits: IGM and plain baselines on the same frozen features. */
import { AvDigits, DigitEncoders } from "@igm/av-digits"
import { Args, Experiment } from "@igm/experiment"
import { Baselines, Head, Igm, Ring, Selection } from "@igm/gradient"
import { Schema } from "effect"

export default Experiment.make("av-digits", {
  args: Schema.Struct({ seed: Args.seed, speech: Args.speech }),
  run: ({ seed, speech }) => {
    // Media files with a split for training, one for selecting the epoch, and one for the report.
    const dataset = AvDigits.make({
      seed,
      speech: speech === undefined ? { kind: "synthetic" } : { kind: "recordings", folder: speech }
    })

    // Two frozen slim ResNet18s, 128 features each, and a small head on each: 128 → 256 → 64 → 10.
    const encoders = { audio: DigitEncoders.audio, image: DigitEncoders.image }
    const heads = { audio: Head.make(128, 256, 64, 10), image: Head.make(128, 256, 64, 10) }

    // The modalities take turns; everything below shares this schedule.
    const options = {
      heads,
      ring: Ring.make(["audio", "image"], { rounds: 3, epochs: { audio: 4, image: 4 } }),
      selection: Selection.best("accuracy"),
      batch: 12,
      rho: { audio: 1e-10, image: 1e-15 },
      // One fusion for all rows, so that it is no reason for their differences.
      fusion: "mean" as const
    }
    const code = { ...options, rho: 1e-10 }

    return Experiment.comparison({
      title: "AV-digits: a written and a spoken digit, both degraded",
      dataset,
      encoders,
      methods: [
        Igm.paper(options),
        Igm.code(code),
        // Controls: each differs from another row in one thing.
        { ...Igm.paper({ ...options, tau: 0 }), name: "IGM (paper), τ = 0" },
        { ...Igm.code({ ...code, tau: 0 }), name: "IGM (code), τ = 0" },
        Baselines.lateFusion(options),
        Baselines.lateFusion(options, { mixup: { audio: 1, image: 1 } }),
        Baselines.jointHead(options),
        Baselines.alone(options, "audio"),
        Baselines.alone(options, "image")
      ],
      compared: ["IGM (paper)", "IGM (code)"],
      seeds: [seed, seed + 1, seed + 2],
      // Differences of less than a point do not matter here.
      margin: 0.01,
      temperature: true
    })
  }
})
