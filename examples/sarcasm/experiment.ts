/** Sarcasm on Twitter: IGM and plain baselines on the same frozen features of tweets and their pictures. */
import { Sarcasm } from "@igm/datasets"
import { EncoderRef } from "@igm/encoders"
import { ImageInput, TextInput } from "@igm/media"
import { Args, Encode, Experiment } from "@igm/experiment"
import { Effect, Schema } from "effect"
import { protocol } from "./protocol.ts"

export default Experiment.make("sarcasm", {
  args: Schema.Struct({
    seed: Args.seed,
    data: Args.Folder.pipe(Args.defaultsTo("data/sarcasm"), Args.describe("The folder of the data set")),
    limit: Args.limit,
    views: Args.views
  }),
  run: Effect.fn(function* ({ seed, data, limit, views }) {
    const vocabulary = yield* EncoderRef.getBeside("bert-base-uncased", "tokenizer.json")
    return yield* protocol({
      dataset: Sarcasm.make({ root: data, seed, limit, text: TextInput.sarcasm(vocabulary) }),
      encoders: { text: yield* EncoderRef.get("bert-base-uncased"), image: yield* EncoderRef.get("resnet50") },
      seed,
      views: Encode.views(views, { seed, of: { image: ImageInput.clipChanges } })
    })
  })
})
