/** The protocol of examples/crema-d on a miniature. */
import { CremaD } from "@igm/datasets"
import { Args, Experiment } from "@igm/experiment"
import { Schema } from "effect"
import { protocol } from "../../examples/crema-d/protocol.ts"
import * as Described from "./Described.ts"

export default Experiment.make("crema-d", {
  args: Schema.Struct({
    seed: Args.seed,
    data: Args.Folder.pipe(Args.defaultsTo("."), Args.describe("The folder of the data set"))
  }),
  run: ({ seed, data }) =>
    protocol({
      dataset: CremaD.make({ root: data, seed }),
      encoders: { audio: Described.encoder(data, "audio"), video: Described.encoder(data, "video") },
      seed
    })
})
