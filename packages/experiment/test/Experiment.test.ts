import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { AvDigits } from "@igm/datasets"
import { DigitEncoders, Encoder } from "@igm/encoders"
import { Control, Head, Igm, Ring, Selection } from "@igm/gradient"
import { Effect, FileSystem, Path, Schema } from "effect"
import { Experiment, Events, RunFolder } from "../src/index.ts"

describe("Experiment", () => {
  it("one whose parts do not fit does not compile", () => {
    const ring = Ring.make(["audio", "image"], { rounds: 1, epochs: { audio: 1, image: 1 } })
    const heads = { audio: Head.make(128, 64, 10), image: Head.make(128, 64, 10) }
    const options = { heads, ring, batch: 12, rho: 0, selection: Selection.best("accuracy") }
    const fits = {
      name: "types",
      title: "Only its types matter",
      dataset: AvDigits.make({ seed: 1, speech: { kind: "synthetic" } }),
      encoders: { audio: DigitEncoders.audio, image: DigitEncoders.image },
      methods: [Control.lateFusion(options)],
      compared: [],
      seeds: [1]
    } as const
    Experiment.make(fits)
    const wide = { ...options, heads: { ...heads, audio: Head.make(512, 64, 10) } }
    // @ts-expect-error a 512-wide head is given the encoder's 128-wide features
    Experiment.make({ ...fits, methods: [Control.lateFusion(wide)] })
    const wideImage = Encoder.make({ ...DigitEncoders.image, width: 512 })
    // @ts-expect-error a 512-wide encoder is given to a 128-wide head
    Experiment.make({ ...fits, encoders: { audio: DigitEncoders.audio, image: wideImage } })
    const onTest = { ...options, selection: Selection.onTestAsReleased }
    // @ts-expect-error the checkpoint is selected on the test split
    Experiment.make({ ...fits, methods: [Igm.code(onTest)] })
    // @ts-expect-error the data set has no video
    Experiment.make({ ...fits, encoders: { audio: DigitEncoders.audio, video: DigitEncoders.image } })
    // @ts-expect-error there is nothing to compare without a method
    Experiment.make({ ...fits, methods: [] })
    // Neither does one run whose results would overwrite each other.
    const again = { ...Control.lateFusion(options), name: "Late  fusion!" }
    assert.throws(
      () => Experiment.make({ ...fits, methods: [Control.lateFusion(options), again] }),
      'types: methods are told apart by their names, and "late fusion" and "Late  fusion!" are one as a file\'s'
    )
    assert.throws(() => Experiment.make({ ...fits, seeds: [1, 2, 1] }), "types: the seed 1 is given twice")
  })
})

describe("Events", () => {
  it.effect.prop("what was written is what is read", { events: Schema.Array(Events.Event) }, ({ events }) =>
    Effect.gen(function* () {
      const text = Events.encode(events)
      const read = yield* Events.decode(Events.lines(text))
      assert.strictEqual(read.length, events.length)
      assert.strictEqual(Events.encode(read), text)
    })
  )
})

describe("RunFolder", () => {
  it.effect("says of a folder that is not a run's what is wrong with it", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const folder = yield* fs.makeTempDirectoryScoped()
      const file = path.join(folder, "manifest.json")
      const problem = Effect.flip(RunFolder.read(folder)).pipe(Effect.map(({ message }) => message))
      assert.include(yield* problem, `${file}: `)
      yield* fs.writeFileString(file, '{"id": 3}')
      assert.include(yield* problem, `${file}: this is not the manifest of a run`)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
