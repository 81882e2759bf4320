import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { AvDigits, DigitEncoders } from "@igm/av-digits"
import { EncoderRuntime } from "@igm/encoders"
import { Head, Igm, Ring, Selection } from "@igm/gradient"
import { Progress } from "@igm/io"
import { MediaDecoder } from "@igm/media"
import { Terminal } from "@igm/report"
import { HeadTrainer } from "@igm/training"
import { Effect, FileSystem, Layer, Schema } from "effect"
import { Experiment, RunStore, Study } from "../../src/index.ts"
import * as Ablation from "../../src/study/Ablation.ts"

const head = Head.make(128, 8, 10)
const options = {
  heads: { audio: head, image: head },
  ring: Ring.make(["audio", "image"], { rounds: 1, epochs: { audio: 1, image: 1 } }),
  selection: Selection.best("accuracy"),
  batch: 4,
  rho: 1e-10,
  fusion: "mean"
} as const

const parts = {
  dataset: AvDigits.make({ seed: 1, speech: { kind: "synthetic" }, perDigit: { train: 1, valid: 1, test: 1 } }),
  encoders: { audio: DigitEncoders.audio, image: DigitEncoders.image },
  seeds: [1, 2]
}

const ablation = () =>
  Study.ablation({
    ...parts,
    title: "An ablation",
    factors: { modification: "gradient modification", mixup: "mixup" },
    method: ({ modification, mixup }) =>
      Igm.paper({ ...options, tau: modification ? 0.4 : 0, switches: { mixup: mixup ? { audio: 1 } : {} } })
  })

const sensitivity = () =>
  Study.sensitivity({
    ...parts,
    title: "A study of sensitivity",
    at: { tau: 0.4, rho: 1e-10 },
    over: { tau: [20] },
    method: ({ tau, rho }) => Igm.paper({ ...options, tau, rho })
  })

const services = Layer.unwrap(
  Effect.map(
    FileSystem.FileSystem.use((fs) => fs.makeTempDirectoryScoped()),
    (folder) =>
      Layer.mergeAll(
        RunStore.layer(`${folder}/runs`),
        EncoderRuntime.layer("cpu"),
        HeadTrainer.layer({ engine: "onnx", device: "cpu" }),
        MediaDecoder.layer,
        Progress.layerSilent
      )
  )
).pipe(Layer.provideMerge(NodeServices.layer))

describe("Study", () => {
  it("an ablation's variants are all combinations, and its contrasts those of a factorial", () => {
    const factors = { a: "A", b: "B", c: "C" }
    const cells = Ablation.cells(factors)
    assert.deepStrictEqual(
      cells.map(({ name }) => name),
      ["none", "A", "B", "A + B", "C", "A + C", "B + C", "all"]
    )
    const { main, alone, last, pairs } = Ablation.effects(factors)
    // Of a response with known effects, the contrasts are these effects.
    const response = ({ there }: (typeof cells)[number]) =>
      1 + (there["a"] ? 0.5 : 0) + (there["b"] ? -0.2 : 0) + (there["a"] && there["c"] ? 0.4 : 0)
    const valueOf = ({ weights }: (typeof main)[number]) =>
      cells.reduce((sum, cell) => sum + (weights[cell.name] ?? 0) * response(cell), 0)
    const close = (found: ReadonlyArray<number>, expected: ReadonlyArray<number>) =>
      found.forEach((x, i) => assert.closeTo(x, expected[i]!, 1e-12))
    close(main.map(valueOf), [0.7, -0.2, 0.2])
    close(alone.map(valueOf), [0.5, -0.2, 0])
    close(last.map(valueOf), [0.9, -0.2, 0.4])
    close(pairs.map(valueOf), [0, 0.2, 0])
    for (const { weights } of [...main, ...alone, ...last, ...pairs]) {
      const sum = Object.values(weights).reduce((a, b) => a + b, 0)
      assert.closeTo(sum, 0, 1e-12)
    }
  })

  it("parts that do not fit are told before anything is made", () => {
    const method = ({ tau }: { readonly tau: number }) => Igm.paper({ ...options, tau })
    const none = { ...parts, title: "nothing", factors: {}, method: () => Igm.paper(options) }
    assert.throws(() => Study.ablation(none), "nothing: it has 0 factors")
    const still = { ...parts, title: "still", at: { tau: 0.4 }, over: { tau: [0.4] }, method }
    assert.throws(() => Study.sensitivity(still), "still: no setting has another value than the one in use")
    assert.throws(() => Study.sensitivity({ ...still, over: { tau: [Number.NaN] } }), /NaN/)
    void (() =>
      Study.ablation({
        ...parts,
        title: "t",
        factors: { modification: "gradient modification" },
        // @ts-expect-error there is no such ingredient
        method: ({ mixup }) => Igm.paper({ ...options, tau: mixup ? 1 : 0 })
      }))
    // @ts-expect-error rho has no value in use
    void (() => Study.sensitivity({ ...still, over: { rho: [1] } }))
  })

  it.effect("both run as programs, and their reports say what each ingredient and value gives", () =>
    Effect.gen(function* () {
      const run = Effect.fnUntraced(function* (name: string, program: typeof ablation | typeof sensitivity) {
        const made = Experiment.make(name, { args: Schema.Struct({}), run: program })
        const { report } = yield* Experiment.run(made, {}, { file: import.meta.filename })
        return Terminal.text(report)
      })
      const ablated = yield* run("ablation", ablation)
      assert.match(ablated, /gradient modification: (the same on every sample|.*points \[)/)
      assert.match(ablated, /mixup, added to all others/)
      assert.match(ablated, /sum of logits instead of mean of softmaxes/)
      assert.match(ablated, /✓ +✓ +0\.\d/)
      const varied = yield* run("sensitivity", sensitivity)
      assert.match(varied, /τ = 20 instead of 0\.4: (the same on every sample|.*points)/)
    }).pipe(Effect.provide(services), Effect.scoped)
  )
})
