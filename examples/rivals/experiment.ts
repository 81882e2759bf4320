/** IGM beside other methods that balance modalities, on AV-digits: the same features, heads, batches and selection. */
import { AvDigits } from "@igm/datasets"
import { DigitEncoders } from "@igm/encoders"
import { Experiment } from "@igm/experiment"
import { Control, GradientBlending, Head, Igm, Mla, ReconBoost, Ring, Selection, Together } from "@igm/gradient"

export default Experiment.program(({ seed }) => {
  const head = Head.make(128, 256, 64, 10)
  const options = {
    heads: { audio: head, image: head },
    ring: Ring.make(["audio", "image"], { rounds: 3, epochs: { audio: 4, image: 4 } }),
    selection: Selection.best("accuracy"),
    batch: 12,
    rho: { audio: 1e-10, image: 1e-15 }
  }
  const { ring, selection, batch } = options
  return Experiment.make({
    name: "rivals",
    title: "IGM beside other methods that balance modalities",
    dataset: AvDigits.make({ seed, speech: { kind: "synthetic" } }),
    encoders: { audio: DigitEncoders.audio, image: DigitEncoders.image },
    methods: [
      Igm.paper(options),
      Control.lateFusion(options),
      Together.plain(options),
      Together.ogmGe(options),
      Together.mmPareto(options),
      GradientBlending.make(options),
      ReconBoost.make(options),
      Mla.make({ head, ring, selection, batch })
    ],
    compared: ["IGM (paper)"],
    seeds: [seed, seed + 1, seed + 2]
  })
})
