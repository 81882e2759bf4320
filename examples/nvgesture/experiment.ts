/** NVGesture: IGM and plain baselines on the same frozen features of depth, colour and optical flow. */
import { NvGesture } from "@igm/datasets"
import { EncoderRef } from "@igm/encoders"
import { ClipInput, FlowInput } from "@igm/media"
import { Args, Encode, Experiment } from "@igm/experiment"
import { Effect, Schema } from "effect"
import { protocol } from "./protocol.ts"

export default Experiment.make("nvgesture", {
  args: Schema.Struct({
    seed: Args.seed,
    data: Args.Folder.pipe(Args.defaultsTo("data/nvgesture"), Args.describe("The folder of the data set")),
    limit: Args.limit,
    views: Args.views
  }),
  run: Effect.fn(function* ({ seed, data, limit, views }) {
    return yield* protocol({
      dataset: NvGesture.make({ root: data, seed, limit }),
      encoders: {
        depth: yield* EncoderRef.get("i3d-depth"),
        rgb: yield* EncoderRef.get("i3d-rgb"),
        flow: yield* EncoderRef.get("i3d-flow")
      },
      seed,
      views: Encode.views(views, {
        seed,
        of: { depth: ClipInput.drawn.depth, rgb: ClipInput.drawn.kinetics, flow: FlowInput.drawn }
      })
    })
  })
})
