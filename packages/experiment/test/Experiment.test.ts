import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { AvDigits, DigitEncoders } from "@igm/av-digits"
import { Encoder } from "@igm/encoders"
import { Baselines, Head, Igm, Ring, Selection } from "@igm/gradient"
import { Report } from "@igm/report"
import { Effect, FileSystem, Path, Schema } from "effect"
import { Experiment, Events, RunFolder, Space, Stage, Tuned } from "../src/index.ts"

describe("Experiment", () => {
  it("one whose parts do not fit does not compile", () => {
    const ring = Ring.make(["audio", "image"], { rounds: 1, epochs: { audio: 1, image: 1 } })
    const heads = { audio: Head.make(128, 64, 10), image: Head.make(128, 64, 10) }
    const options = { heads, ring, batch: 12, rho: 0, selection: Selection.best("accuracy") }
    const fits = {
      title: "Only its types matter",
      dataset: AvDigits.make({ seed: 1, speech: { kind: "synthetic" } }),
      encoders: { audio: DigitEncoders.audio, image: DigitEncoders.image },
      methods: [Baselines.lateFusion(options)],
      compared: [],
      seeds: [1]
    } as const
    Experiment.comparison(fits)
    const wide = { ...options, heads: { ...heads, audio: Head.make(512, 64, 10) } }
    // @ts-expect-error a 512-wide head is given the encoder's 128-wide features
    void (() => Experiment.comparison({ ...fits, methods: [Baselines.lateFusion(wide)] }))
    const wideImage = Encoder.make({ ...DigitEncoders.image, width: 512 })
    // @ts-expect-error a 512-wide encoder is given to a 128-wide head
    void (() => Experiment.comparison({ ...fits, encoders: { audio: DigitEncoders.audio, image: wideImage } }))
    const onTest = { ...options, selection: Selection.onTestAsReleased }
    // @ts-expect-error the checkpoint is selected on the test split
    void (() => Experiment.comparison({ ...fits, methods: [Igm.code(onTest)] }))
    const others = { audio: DigitEncoders.audio, video: DigitEncoders.image }
    // @ts-expect-error the data set has no video
    void (() => Experiment.comparison({ ...fits, encoders: others }))
    // Nor does one run that has nothing to compare, or whose results would overwrite each other.
    assert.throws(
      () => Experiment.comparison({ ...fits, methods: [] }),
      "Only its types matter: it has no methods: give a list of one at least"
    )
    const again = { ...Baselines.lateFusion(options), name: "Late  fusion!" }
    assert.throws(
      () => Experiment.comparison({ ...fits, methods: [Baselines.lateFusion(options), again] }),
      'Only its types matter: methods are told apart by their names, and "late fusion" and "Late  fusion!" are one as a file\'s'
    )
    assert.throws(
      () => Experiment.comparison({ ...fits, seeds: [1, 2, 1] }),
      "Only its types matter: the seed 1 is given twice"
    )
  })
})

describe("Experiment.comparison", () => {
  const head = Head.make(128, 8, 10)
  const ring = Ring.make(["audio", "image"], { rounds: 1, epochs: { audio: 1, image: 1 } })
  const options = { heads: { audio: head, image: head }, ring, batch: 4, rho: 0, selection: Selection.best("accuracy") }
  const dataset = AvDigits.make({ seed: 1, speech: { kind: "synthetic" } })
  const encoders = { audio: DigitEncoders.audio, image: DigitEncoders.image }
  const method = Baselines.lateFusion(options)
  const fits = {
    title: "It fits",
    dataset,
    encoders,
    methods: [method],
    compared: [],
    seeds: [1]
  } as const

  /** What is told of an experiment that is changed in ways that its types may not know. */
  const told = (changed: object): string => {
    try {
      Experiment.comparison({ ...fits, ...changed } as typeof fits)
      return ""
    } catch (error) {
      assert.include(["ExperimentError", "NameError", "SettingError"], (error as { readonly _tag: string })._tag)
      return (error as Error).message
    }
  }
  const ofClasses = (...classes: ReadonlyArray<unknown>) => ({ dataset: { ...dataset, classes } })
  const ten = (first: string) => [first, ..."bcdefghij"]

  it("tells what does not fit before anything is made, and names it", () => {
    const lines: ReadonlyArray<readonly [object, string]> = [
      [{ compared: ["nobody"] }, 'It fits: compared has "nobody", which is no method of it; they are "late fusion"'],
      [{ compared: ["late fusion", "late fusion"] }, 'It fits: compared has "late fusion" twice'],
      [ofClasses("a", "b"), "It fits: the heads of late fusion tell 10 classes apart, and AV-digits has 2"],
      [ofClasses(), "It fits: classes is a list: give a list of classes, one at least"],
      [ofClasses("a", "a"), 'It fits: two classes of AV-digits have the name "a"'],
      [ofClasses("a", ""), 'the name of class 1 of AV-digits is "": it may not be empty'],
      [ofClasses("a\nb"), 'the name of class 0 of AV-digits is "a\\u{a}b": it may not have a line break'],
      [{ title: "a\u001b[2J" }, 'the title of the comparison is "a\\u{1b}[2J": it may not have'],
      [{ title: undefined }, "the title of the comparison is undefined: it has to be a text"],
      [{ methods: [] }, "It fits: it has no methods: give a list of one at least"],
      [{ methods: [3] }, "It fits: its methods are not all methods"],
      [{ methods: [{ ...method, name: "?!" }] }, 'It fits: the method "?!" has no letter or digit in its name'],
      [{ methods: [{ ...method, name: "constructor" }] }, 'It fits: a method may not be called "constructor"'],
      [{ methods: [{ ...method, name: "" }] }, 'the name of a method of It fits is "": it may not be empty'],
      [{ methods: [{ ...method, settings: { own: NaN } }] }, "late fusion: own is NaN: give a finite number"],
      [{ methods: [{ ...method, selectsOn: "test" }] }, "It fits: the method late fusion selects on the test split"],
      [{ seeds: [] }, "It fits: seeds is a list: give a list of seeds, one at least"],
      [{ seeds: [0, -0] }, "It fits: the seed 0 is given twice"],
      [{ seeds: ["1"] }, 'It fits: seeds[0] is "1": give a whole number from 0'],
      [{ encoders: {} }, "It fits: it has no encoder"],
      [
        { encoders: { audio: DigitEncoders.image, image: DigitEncoders.audio } },
        "It fits: the encoder digit-image of audio takes [1, 28, 28], and audio is prepared as [1, 129, 63]"
      ],
      [
        { encoders: { ...encoders, audio: Encoder.make({ ...DigitEncoders.audio, width: 64 }) } },
        "It fits: late fusion reads audio 128 wide, and its encoder gives 64"
      ],
      [{ views: { count: 2, seed: 1, of: { smell: 1 } } }, 'It fits: views of "smell" are drawn, which has no encoder'],
      [{ dataset: 1, encoders: 2 }, "It fits: dataset is 1: give a data set"],
      [{ comparde: [] }, 'It fits: it has no part "comparde": they are title, dataset']
    ]
    for (const [changed, line] of lines) assert.include(told(changed), line)
    assert.strictEqual(told({}), "")
  })

  it("classes may be called what objects have, and HTML", () => {
    for (const name of ["constructor", "__proto__", "toString", "<script>alert(1)</script>", "a'b", "größe"]) {
      assert.strictEqual(told(ofClasses(...ten(name))), "")
    }
  })

  it("what tuning would try is checked as well, at the corners of each space", () => {
    const tuning = { trials: 2, folds: 3, by: "accuracy" } as const
    const tuned = (taus: readonly [number, ...Array<number>], classes = 10, changed: Partial<typeof tuning> = {}) => {
      const own = { ...options, heads: { audio: Head.make(128, 8, classes), image: Head.make(128, 8, classes) } }
      return () =>
        Experiment.comparison({
          ...fits,
          methods: [
            Tuned.make({ space: { tau: Space.values(taus) }, method: ({ tau }) => Igm.paper({ ...own, tau }) })
          ],
          tuning: { ...tuning, ...changed }
        })
    }
    assert.doesNotThrow(tuned([0.1, 0.4]))
    assert.throws(
      tuned([0.1], 10, { folds: 2 } as object),
      "the cross-validation: folds is 2: give three folds at least"
    )
    assert.throws(tuned([0.1, 0.1]), "values is a list: give one value or more, none of them twice")
    assert.throws(tuned([0.4, -1]), "IGM (paper): tau is -1: give a finite number of at least 0")
    assert.throws(
      tuned([0.4], 7),
      "It fits, at tau = 0.4: the heads of IGM (paper) tell 7 classes apart, and AV-digits has 10"
    )
    const made = Tuned.make({ space: { rate: Space.log(1e-3, 1e-2) }, method: () => method })
    assert.include(told({ methods: [made] }), "It fits: late fusion, tuned needs a budget")
    assert.include(told({ tuning }), "It fits: it has tuning, and none of its methods is tuned")
    assert.include(told({ methods: [made, made], tuning }), '"late fusion, tuned" and "late fusion, tuned" are one')
    assert.include(told({ methods: [made], tuning, compared: ["late fusion"] }), "which is no method of it")
    assert.strictEqual(told({ methods: [made, method], tuning, compared: ["late fusion, tuned"] }), "")
  })
})

describe("Experiment.make", () => {
  it("has a name that a folder of runs can have", () => {
    const args = Schema.Struct({})
    const named = (name: unknown) => () =>
      Experiment.make(name as string, { args, run: () => Effect.succeed(Report.make("Named", [])) })
    assert.doesNotThrow(named("norms"))
    const rest = ": a folder is named by it"
    assert.throws(named("../../escape"), `the name of the experiment is "../../escape"${rest}`)
    assert.throws(named(".store"), `the name of the experiment is ".store"${rest}`)
    assert.throws(named(undefined), "the name of the experiment is undefined: it has to be a text")
  })

  it("has an argument struct and a function, or says which it lacks", () => {
    const run = () => Effect.succeed(Report.make("Parts", []))
    const made = (parts: unknown) => () => Experiment.make("parts", parts as never)
    assert.doesNotThrow(made({ args: Schema.Struct({}), run }))
    assert.throws(made(null), "parts: it has no parts")
    for (const args of [undefined, Schema.String, { seed: Schema.Int }]) {
      assert.throws(made({ args, run }), "parts: its args are no struct: give Schema.Struct")
    }
    assert.throws(made({ args: Schema.Struct({}) }), "parts: its run is no function")
    // What looks like a field of this name is what the other fields inherit from.
    const inheriting = { __proto__: { seed: Schema.Int } }
    assert.throws(made({ args: Schema.Struct(inheriting as {}), run }), "parts: one of its args is named __proto__")
  })

  it("is told from what a module exports besides", () => {
    const made = Experiment.make("told", {
      args: Schema.Struct({}),
      run: () => Effect.succeed(Report.make("Told", []))
    })
    assert.isTrue(Experiment.isExperiment(made))
    for (const other of [undefined, null, 1, "told", {}, made.run, { ...fieldsOf(made) }]) {
      assert.isFalse(Experiment.isExperiment(other))
    }
  })
})

/** What is seen of an object as JSON sees it. */
const fieldsOf = (value: object) => Object.fromEntries(Object.entries(value))

describe("Stage.make", () => {
  it("has a name that a folder of artifacts can have", () => {
    const stage = (name: string) => () =>
      Stage.make(name, { version: 1, input: Schema.Int, output: Schema.Int, run: Effect.succeed })
    assert.doesNotThrow(stage("norms"))
    for (const name of ["../x", "", "constructor", "a\u0000"]) assert.throws(stage(name), "the name of a stage is")
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
