/** CREMA-D: IGM and plain baselines on the same frozen features of voices and faces. */
import { CremaD } from "@igm/datasets"
import { EncoderRef } from "@igm/encoders"
import { ImageInput } from "@igm/media"
import { Args, Encode, Experiment } from "@igm/experiment"
import { Effect, Schema } from "effect"
import { protocol } from "./protocol.ts"

export default Experiment.make("crema-d", {
  args: Schema.Struct({
    seed: Args.seed,
    data: Args.Folder.pipe(Args.defaultsTo("data/crema-d"), Args.describe("The folder of the data set")),
    limit: Args.limit,
    views: Args.views
  }),
  run: Effect.fn(function* ({ seed, data, limit, views }) {
    return yield* protocol({
      dataset: CremaD.make({ root: data, seed, limit }),
      encoders: { audio: yield* EncoderRef.get("resnet18-grey"), video: yield* EncoderRef.get("resnet18") },
      seed,
      views: Encode.views(views, { seed, of: { video: ImageInput.imagenetCrops } })
    })
  })
})
