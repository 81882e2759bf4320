/** Sarcasm on Twitter: IGM and plain baselines on the same frozen features of tweets and their pictures. */
import { ImageInput, Sarcasm, TextInput } from "@igm/datasets"
import { Named } from "@igm/encoders"
import { Experiment } from "@igm/experiment"
import { protocol } from "./protocol.ts"

export default Experiment.program(({ seed, data = "data/sarcasm", limit, views }) => {
  const vocabulary = Named.beside("bert-base-uncased", "tokenizer.json")
  return protocol({
    dataset: Sarcasm.make({ root: data, seed, limit, text: TextInput.sarcasm(vocabulary) }),
    encoders: { text: Named.encoder("bert-base-uncased"), image: Named.encoder("resnet50") },
    seed,
    views: Experiment.views(views, { seed, of: { image: ImageInput.clipChanges } })
  })
})
