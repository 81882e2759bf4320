/** The protocol of examples/sarcasm on a miniature, with an optimizer that so few samples can do with. */
import { Sarcasm, TextInput } from "@igm/datasets"
import { Experiment } from "@igm/experiment"
import { Igm } from "@igm/gradient"
import { protocol } from "../../examples/sarcasm/protocol.ts"
import * as Described from "./Described.ts"

export default Experiment.program(({ seed, data = "." }) =>
  protocol({
    dataset: Sarcasm.make({ root: data, seed, text: TextInput.sarcasm(Described.vocabulary(data)) }),
    encoders: { text: Described.encoder(data, "text"), image: Described.encoder(data, "image") },
    seed,
    optimizer: Igm.sgd
  })
)
