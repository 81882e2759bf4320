/** Twitter15: IGM and plain baselines on the same frozen features of tweets and their pictures. */
import { ImageInput, TextInput, Twitter15 } from "@igm/datasets"
import { Named } from "@igm/encoders"
import { Experiment } from "@igm/experiment"
import { protocol } from "./protocol.ts"

export default Experiment.program(({ seed, data = "data/twitter15", limit, views }) => {
  const vocabulary = Named.beside("bert-base-uncased", "tokenizer.json")
  return protocol({
    dataset: Twitter15.make({ root: data, seed, limit, text: TextInput.twitter15(vocabulary) }),
    encoders: { text: Named.encoder("bert-base-uncased"), image: Named.encoder("resnet50") },
    seed,
    views: Experiment.views(views, { seed, of: { image: ImageInput.clipChanges } })
  })
})
