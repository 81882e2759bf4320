import { assert, layer } from "@effect/vitest"
import {
  Balances,
  Baselines,
  type Features,
  GradientBlending,
  Head,
  Igm,
  JointTraining,
  Metric,
  Mla,
  Ops,
  Optimizer,
  ReconBoost
} from "@igm/gradient"
import { OnnxRuntime } from "@igm/onnx"
import { type Split, Tensor } from "@igm/tensor"
import { Effect, Layer, Stream } from "effect"
import { Exported, HeadTrainer, type Interpreter } from "../src/index.ts"
import { CLASSES, job, options } from "./fixtures.ts"

const onnx = HeadTrainer.layerOnnx.pipe(Layer.provideMerge(OnnxRuntime.layerCpu))

type AnyMethod = ReturnType<typeof methods>[number]

const methods = (rho: number) => [
  Igm.paper(options(rho)),
  Igm.code(options(rho)),
  Igm.code({
    ...options(rho),
    optimizer: { ...Optimizer.adamAsReleased, rate: 1e-2 },
    switches: { moment: "accumulated", fusion: "entropy", sharpness: { norm: "global", labels: "mixed" } }
  }),
  Igm.paper({ ...options(rho), switches: { sharpness: { norm: "tensor", restored: false } } }),
  Baselines.lateFusion(options(rho)),
  Baselines.jointHead(options(rho)),
  Baselines.alone(options(rho), "image"),
  ...rivals
]

/** The other methods; MLA wants features of one width, and has its own test of training. */
const rivals = [
  JointTraining.plain(options(0)),
  JointTraining.ogmGe(options(0)),
  JointTraining.ogmGe(options(0), { ...JointTraining.ogmGeAsReleased, until: 1 }),
  JointTraining.mmPareto(options(0)),
  JointTraining.mmPareto(options(0), Balances.paretoAsReleased),
  GradientBlending.make(options(0)),
  ReconBoost.make(options(0)),
  ReconBoost.make(options(0), { ...ReconBoost.released, rectify: 1, sharedHead: false })
]

const train = (method: AnyMethod, seed = 1) =>
  Effect.gen(function* () {
    const trainer = yield* HeadTrainer
    const events = yield* Stream.runCollect(trainer.train(method, job(seed)))
    const weights = events.flatMap((event) => (event.kind === "trained" ? [event.weights] : []))[0]!
    return { events, weights }
  })

const largest = (a: Interpreter.HostTensors, b: Interpreter.HostTensors) =>
  Math.max(
    ...Object.entries(a).map(([name, w]) => {
      const other = Ops.get(b, name).data
      const scale = Math.max(...other.map(Math.abs), 1e-12)
      return Math.max(...w.data.map((x, i) => Math.abs(x - other[i]!))) / scale
    })
  )

layer(onnx)("HeadTrainer", (it) => {
  it.effect("the ONNX program computes what the float64 reference computes, for every method", () =>
    Effect.gen(function* () {
      // ρ is large enough to matter in float32, and small enough for the two precisions to stay together.
      for (const method of methods(1e-3)) {
        const exact = yield* train(method).pipe(Effect.provide(HeadTrainer.layerReference))
        const program = yield* train(method)
        assert.isBelow(largest(program.weights, exact.weights), 1e-4, method.name)
        const losses = (events: typeof exact.events) => events.flatMap((e) => (e.kind === "epoch" ? [e.loss] : []))
        losses(exact.events).forEach((loss, i) => assert.closeTo(losses(program.events)[i]!, loss, 1e-5 * loss))
      }
    })
  )

  it.effect("methods with a shared head train it on features of one width, by both interpreters alike", () =>
    Effect.gen(function* () {
      const { ring, selection, batch } = options(0)
      const head = Head.make(8, 10, CLASSES)
      const mla = { head, ring, selection, batch }
      const both = <S extends Split.Split>(of: Features.Features<S, { readonly audio: 8; readonly image: 6 }>) => ({
        ...of,
        widths: { audio: 8, image: 8 } as const,
        modalities: { audio: of.modalities.audio, image: of.modalities.audio }
      })
      const equal = { seed: 1, train: both(job(1).train), select: both(job(1).select) }
      const methods = [
        Mla.make(mla),
        Mla.make({ ...mla, projection: { ...Mla.code, divisor: "number" } }),
        Mla.make({ ...mla, projection: null }),
        ReconBoost.make({ ...options(0), heads: { audio: head, image: head } }, { ...ReconBoost.released, rectify: 1 })
      ]
      for (const method of methods) {
        const weights = HeadTrainer.use((trainer) => Stream.runCollect(trainer.train(method, equal))).pipe(
          Effect.map((events) => events.flatMap((event) => (event.kind === "trained" ? [event.weights] : []))[0]!)
        )
        const found = yield* weights
        assert.sameMembers(Object.keys(found), ["shared.W1", "shared.W2", "shared.b1", "shared.b2"])
        const exact = yield* weights.pipe(Effect.provide(HeadTrainer.layerReference))
        assert.isBelow(largest(found, exact), 1e-4, method.name)
      }
    })
  )

  it.effect("G-Blending probes each loss, notes the weights it found, and starts again from the first weights", () =>
    Effect.gen(function* () {
      const { events } = yield* train(GradientBlending.make(options(0), { probeEpochs: 1 }))
      const heads = events.flatMap((event) => (event.kind === "epoch" ? [event.head] : []))
      assert.deepStrictEqual(heads.slice(0, 4), ["audio by itself", "image by itself", "sum by itself", "all heads"])
      const notes = events.flatMap((event) => (event.kind === "note" ? [event.note] : []))
      assert.match(notes[0]!, /^weights of the losses: audio 0\.\d+, image 0\.\d+, sum 0\.\d+$/)
    })
  )

  it("ReconBoost refuses weights with which its loss has no minimum, and a head that cannot be shared", () => {
    const refused = (own: Partial<ReconBoost.Own>, message: string) =>
      assert.throws(() => ReconBoost.make(options(0), own), message)
    refused(
      { loss: { form: "residual", weight: 1 } },
      "ReconBoost: loss.weight is 1: give a number of at least 0 and below 1"
    )
    refused({ loss: { form: "labelled", own: 1, others: 2 } }, "ReconBoost: loss.others is 2: give at most loss.own, 1")
    refused({ sharedHead: true }, "ReconBoost: sharedHead is true: give heads of the same widths for it")
  })

  it.effect("training learns, and the same seed gives the same bits, another seed others", () =>
    Effect.gen(function* () {
      const trainer = yield* HeadTrainer
      const method = Igm.paper(options(1e-10))
      const first = yield* train(method)
      assert.deepStrictEqual((yield* train(method)).weights, first.weights)
      assert.isAbove(largest((yield* train(method, 2)).weights, first.weights), 0)
      const { select } = job(1)
      const predictions = yield* trainer.predict(method, first.weights, select.modalities)
      assert.isAbove(Metric.of(select.labels, predictions.probabilities).accuracy, 0.5)
    })
  )

  it.effect("the kept weights are those of the best epoch on the selecting split", () =>
    Effect.gen(function* () {
      const trainer = yield* HeadTrainer
      const method = Igm.code(options(1e-10))
      const { events, weights } = yield* train(method)
      const best = Math.max(...events.flatMap((event) => (event.kind === "epoch" ? [event.selected.accuracy] : [])))
      const { select } = job(1)
      const predictions = yield* trainer.predict(method, weights, select.modalities)
      assert.strictEqual(Metric.of(select.labels, predictions.probabilities).accuracy, best)
    })
  )

  it.effect("one modality's turn leaves the other's head alone", () =>
    Effect.gen(function* () {
      const method = Baselines.alone(options(0), "audio")
      const both = Igm.paper(options(0))
      assert.deepStrictEqual(Object.keys((yield* train(method)).weights).toSorted(), [
        "audio.W1",
        "audio.W2",
        "audio.W3",
        "audio.b1",
        "audio.b2",
        "audio.b3"
      ])
      const at = both.start(job(1))
      assert.isTrue(Object.values(both.phase(job(1), at).state).every((name) => name.startsWith("audio.")))
    })
  )

  it.effect("a training that diverges says where, instead of writing NaN weights", () =>
    Effect.gen(function* () {
      const wild = { ...options(1e-10), optimizer: { ...Igm.sgd, rate: 1e30 } }
      const error = yield* Effect.flip(train(Baselines.lateFusion(wild)))
      assert.strictEqual(error._tag, "TrainingError")
      assert.match(error.message, /late fusion, turn 1: audio, epoch 1, step \d+: the loss is (NaN|Infinity)/)
    })
  )

  it.effect("the exported file says what the trained heads say", () =>
    Effect.gen(function* () {
      const trainer = yield* HeadTrainer
      const runtime = yield* OnnxRuntime
      for (const method of methods(1e-10)) {
        const { weights } = yield* train(method)
        const { select } = job(1)
        const features: Ops.Named<Tensor.Tensor> = select.modalities
        const file = Exported.encode(method.predict, weights, { audio: 8, image: 6 }, { run: "test" })
        const session = yield* runtime.open("heads.onnx", file)
        const predictions = yield* trainer.predict(method, weights, select.modalities)
        const read = new Set(session.inputs.map(({ name }) => name))
        const results = yield* session.run(
          Object.fromEntries(Object.entries(features).filter(([name]) => read.has(name)))
        )
        const error = Tensor.toFloat64(results["probabilities"]!).data.map((p, i) =>
          Math.abs(p - predictions.probabilities.data[i]!)
        )
        assert.isAtMost(Math.max(...error), 1e-6)
      }
    })
  )
})
