/** The protocol of examples/crema-d on a miniature. */
import { CremaD } from "@igm/datasets"
import { Experiment } from "@igm/experiment"
import { protocol } from "../../examples/crema-d/protocol.ts"
import * as Described from "./Described.ts"

export default Experiment.program(({ seed, data = "." }) =>
  protocol({
    dataset: CremaD.make({ root: data, seed }),
    encoders: { audio: Described.encoder(data, "audio"), video: Described.encoder(data, "video") },
    seed
  })
)
