/** NVGesture: IGM and plain baselines on the same frozen features of depth, colour and optical flow. */
import { ClipInput, FlowInput, NvGesture } from "@igm/datasets"
import { Named } from "@igm/encoders"
import { Experiment } from "@igm/experiment"
import { protocol } from "./protocol.ts"

export default Experiment.program(({ seed, data = "data/nvgesture", limit, views }) =>
  protocol({
    dataset: NvGesture.make({ root: data, seed, limit }),
    encoders: {
      depth: Named.encoder("i3d-depth"),
      rgb: Named.encoder("i3d-rgb"),
      flow: Named.encoder("i3d-flow")
    },
    seed,
    views: Experiment.views(views, {
      seed,
      of: { depth: ClipInput.drawn.depth, rgb: ClipInput.drawn.kinetics, flow: FlowInput.drawn }
    })
  })
)
