/** Kinetics-Sounds: IGM and plain baselines on the same frozen features of sounds and frames. */
import { FrameInput, KineticsSounds } from "@igm/datasets"
import { Named } from "@igm/encoders"
import { Experiment } from "@igm/experiment"
import { protocol } from "./protocol.ts"

export default Experiment.program(({ seed, data = "data/kinetics-sounds", limit, views }) =>
  protocol({
    dataset: KineticsSounds.make({ root: data, seed, limit }),
    encoders: { audio: Named.encoder("resnet18-grey"), video: Named.encoder("resnet18-frames") },
    seed,
    views: Experiment.views(views, { seed, of: { video: FrameInput.imagenetCrops } })
  })
)
