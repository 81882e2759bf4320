/** CREMA-D: IGM and plain baselines on the same frozen features of voices and faces. */
import { CremaD, ImageInput } from "@igm/datasets"
import { Named } from "@igm/encoders"
import { Experiment } from "@igm/experiment"
import { protocol } from "./protocol.ts"

export default Experiment.program(({ seed, data = "data/crema-d", limit, views }) =>
  protocol({
    dataset: CremaD.make({ root: data, seed, limit }),
    encoders: { audio: Named.encoder("resnet18-grey"), video: Named.encoder("resnet18") },
    seed,
    views: Experiment.views(views, { seed, of: { video: ImageInput.imagenetCrops } })
  })
)
