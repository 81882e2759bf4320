/** The smallest experiment with methods that select by other metrics than the accuracy, one of them with epochs that do not select. */
import { DigitEncoders } from "@igm/encoders"
import { Experiment } from "@igm/experiment"
import { GradientBlending, Head, Igm, Ring, Selection } from "@igm/gradient"
import { datasetOf } from "./tiny.experiment.ts"

export default Experiment.program(({ seed }) => {
  const options = {
    heads: { audio: Head.make(128, 4, 2), image: Head.make(128, 4, 2) },
    ring: Ring.make(["audio", "image"], { rounds: 1, epochs: { audio: 2, image: 2 } }),
    batch: 2,
    rho: 0
  }
  return Experiment.make({
    name: "selected",
    title: "Selection by other metrics",
    dataset: datasetOf(seed),
    encoders: { audio: DigitEncoders.audio, image: DigitEncoders.image },
    methods: [
      Igm.paper({ ...options, selection: Selection.best("macroF1") }),
      GradientBlending.make({ ...options, selection: Selection.best("meanAveragePrecision") })
    ],
    compared: ["IGM (paper)", "G-Blending"],
    seeds: [seed]
  })
})
