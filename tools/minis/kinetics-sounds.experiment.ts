/** The protocol of examples/kinetics-sounds on a miniature. */
import { KineticsSounds } from "@igm/datasets"
import { Args, Experiment } from "@igm/experiment"
import { Schema } from "effect"
import { protocol } from "../../examples/kinetics-sounds/protocol.ts"
import * as Described from "./Described.ts"

export default Experiment.make("kinetics-sounds", {
  args: Schema.Struct({
    seed: Args.seed,
    data: Args.Folder.pipe(Args.defaultsTo("."), Args.describe("The folder of the data set"))
  }),
  run: ({ seed, data }) =>
    protocol({
      dataset: KineticsSounds.make({ root: data, seed }),
      encoders: { audio: Described.encoder(data, "audio"), video: Described.encoder(data, "video") },
      seed
    })
})
