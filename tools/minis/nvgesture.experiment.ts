/** The protocol of examples/nvgesture on a miniature, whose clips are prepared in smaller boxes. */
import { NvGesture } from "@igm/datasets"
import { Args, Experiment } from "@igm/experiment"
import { Schema } from "effect"
import { protocol } from "../../examples/nvgesture/protocol.ts"
import { clips } from "../../packages/datasets/test/Minis.ts"
import * as Described from "./Described.ts"

export default Experiment.make("nvgesture", {
  args: Schema.Struct({
    seed: Args.seed,
    data: Args.Folder.pipe(Args.defaultsTo("."), Args.describe("The folder of the data set"))
  }),
  run: ({ seed, data }) =>
    protocol({
      dataset: NvGesture.make({ root: data, seed, modalities: clips }),
      encoders: {
        depth: Described.encoder(data, "depth"),
        rgb: Described.encoder(data, "rgb"),
        flow: Described.encoder(data, "flow")
      },
      seed
    })
})
