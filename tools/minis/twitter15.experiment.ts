/** The protocol of examples/twitter15 on a miniature, with an optimizer that so few samples can do with. */
import { Twitter15, TextInput } from "@igm/datasets"
import { Experiment } from "@igm/experiment"
import { Igm } from "@igm/gradient"
import { protocol } from "../../examples/twitter15/protocol.ts"
import * as Described from "./Described.ts"

export default Experiment.program(({ seed, data = "." }) =>
  protocol({
    dataset: Twitter15.make({ root: data, seed, text: TextInput.twitter15(Described.vocabulary(data)) }),
    encoders: { text: Described.encoder(data, "text"), image: Described.encoder(data, "image") },
    seed,
    optimizer: Igm.sgd
  })
)
