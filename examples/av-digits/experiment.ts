/** Spoken and written digits: IGM and plain baselines on the same frozen features. */
import { AvDigits } from "@igm/datasets"
import { DigitEncoders } from "@igm/encoders"
import { Experiment } from "@igm/experiment"
import { Control, Head, Igm, Ring, Selection } from "@igm/gradient"

export default Experiment.program(({ seed, speech }) => {
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
    rho: { audio: 1e-10, image: 1e-15 }
  }

  return Experiment.make({
    name: "av-digits",
    title: "AV-digits: a written and a spoken digit, both degraded",
    dataset,
    encoders,
    methods: [
      Igm.paper(options),
      Igm.code({ ...options, rho: 1e-10 }),
      Control.lateFusion(options),
      Control.jointHead(options),
      Control.alone(options, "audio"),
      Control.alone(options, "image")
    ],
    compared: ["IGM (paper)", "IGM (code)"],
    seeds: [seed, seed + 1, seed + 2]
  })
})
