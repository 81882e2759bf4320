/** The protocol of examples/kinetics-sounds on a miniature. */
import { KineticsSounds } from "@igm/datasets"
import { Experiment } from "@igm/experiment"
import { protocol } from "../../examples/kinetics-sounds/protocol.ts"
import * as Described from "./Described.ts"

export default Experiment.program(({ seed, data = "." }) =>
  protocol({
    dataset: KineticsSounds.make({ root: data, seed }),
    encoders: { audio: Described.encoder(data, "audio"), video: Described.encoder(data, "video") },
    seed
  })
)
