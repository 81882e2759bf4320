/** The protocol of examples/sarcasm on a miniature, with an optimizer that so few samples can do with. */
import { Sarcasm } from "@igm/datasets"
import { TextInput } from "@igm/media"
import { Args, Experiment } from "@igm/experiment"
import { Igm } from "@igm/gradient"
import { Schema } from "effect"
import { protocol } from "../../examples/sarcasm/protocol.ts"
import * as Described from "./Described.ts"

export default Experiment.make("sarcasm", {
  args: Schema.Struct({
    seed: Args.seed,
    data: Args.Folder.pipe(Args.defaultsTo("."), Args.describe("The folder of the data set"))
  }),
  run: ({ seed, data }) =>
    protocol({
      dataset: Sarcasm.make({ root: data, seed, text: TextInput.sarcasm(Described.vocabulary(data)) }),
      encoders: { text: Described.encoder(data, "text"), image: Described.encoder(data, "image") },
      seed,
      optimizer: Igm.sgd
    })
})
