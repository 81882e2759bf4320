/** The protocol of examples/nvgesture on a miniature, whose clips are prepared in smaller boxes. */
import { NvGesture } from "@igm/datasets"
import { Experiment } from "@igm/experiment"
import { protocol } from "../../examples/nvgesture/protocol.ts"
import { clips } from "../../packages/datasets/test/Minis.ts"
import * as Described from "./Described.ts"

export default Experiment.program(({ seed, data = "." }) =>
  protocol({
    dataset: NvGesture.make({ root: data, seed, modalities: clips }),
    encoders: {
      depth: Described.encoder(data, "depth"),
      rgb: Described.encoder(data, "rgb"),
      flow: Described.encoder(data, "flow")
    },
    seed
  })
)
