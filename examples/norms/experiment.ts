/** Norms of training features, by a stage of one's own: docs/own-stage.md builds it step by step. */
import { AvDigits, DigitEncoders } from "@igm/av-digits"
import { Args, Data, Encode, Experiment, FeatureSet, Stage } from "@igm/experiment"
import { Report } from "@igm/report"
import { Effect, Record, Schema } from "effect"

const norms = Stage.make("norms", {
  version: 1,
  input: Schema.Struct({ train: FeatureSet.anyRef("train"), power: Schema.Finite }),
  output: Schema.Record(Schema.String, Schema.Finite),
  run: Effect.fnUntraced(function* ({ train, power }) {
    const { modalities } = yield* FeatureSet.load(train)
    return Record.map(modalities, ({ shape, data }) => {
      const sum = data.reduce((sum, x) => sum + Math.abs(x) ** power, 0)
      return (sum / shape[0]!) ** (1 / power)
    })
  })
})

export default Experiment.make("norms", {
  args: Schema.Struct({
    seed: Args.seed,
    power: Args.Count.pipe(Args.defaultsTo(2), Args.describe("The p of the norm: 1 for absolute values, 2 for squares"))
  }),
  run: Effect.fn(function* ({ seed, power }) {
    const perDigit = { train: 4, valid: 2, test: 2 }
    const data = yield* Data.open(AvDigits.make({ seed, speech: { kind: "synthetic" }, perDigit }))
    const features = yield* Encode.splits(data, { audio: DigitEncoders.audio, image: DigitEncoders.image })
    const found = yield* norms.run({ train: features.train.ref, power })
    const table = Report.table("Norms", ["modality", "norm"], Object.entries(found), { terminal: true })
    return Report.make("Norms of the training features", [table])
  })
})
