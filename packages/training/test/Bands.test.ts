/** What holds of small heads has to hold of those whose first weight is carried in bands. */
import { assert, describe, it } from "@effect/vitest"
import { Head, Igm, Ops, Ring } from "@igm/gradient"
import { OnnxRuntime } from "@igm/onnx"
import { Effect, Layer, Stream } from "effect"
import * as Bands from "../src/onnx/Bands.ts"
import { Draws, HeadTrainer, Interpreter, JobState, OnnxProgram } from "../src/index.ts"
import { CLASSES, job, options } from "./fixtures.ts"

const interpreter = OnnxProgram.layer.pipe(Layer.provide(OnnxRuntime.layerCpu))
const onnx = HeadTrainer.layerInterpreter.pipe(Layer.provide(interpreter))

const method = (tau: number) =>
  Igm.code({
    ...options(1e-2),
    heads: { audio: Head.make(8, 4200, CLASSES), image: Head.make(6, 4200, CLASSES) },
    ring: Ring.make(["audio", "image"], { rounds: 1, epochs: { audio: 1, image: 1 } }),
    tau
  })

const train = HeadTrainer.use((trainer) => Stream.runCollect(trainer.train(method(0.4), job(1)))).pipe(
  Effect.map((events) => events.flatMap((event) => (event.kind === "trained" ? [event.weights] : []))[0]!)
)

describe("Bands", () => {
  it("are as high for any number of heads, and never low", () => {
    for (const shape of [
      [4200, 8],
      [256, 512],
      [17, 100_000],
      [1, 64],
      [64, 256]
    ] as const) {
      for (const heads of [[], [2], [7]]) {
        const found = Bands.heights([...heads, ...shape])
        assert.strictEqual(
          found.reduce((a, b) => a + b),
          shape[0]
        )
        assert.isTrue(found.length === 1 || Math.min(...found) >= 16)
        if (heads.length > 0) assert.deepStrictEqual(found, Bands.heights([2, ...shape]))
      }
    }
    assert.deepStrictEqual(Bands.heights([256, 512]), [64, 64, 64, 64])
    assert.deepStrictEqual(Bands.heights([64, 256]), [64])
  })

  it.effect("a large head trains as in float64", () =>
    Effect.gen(function* () {
      const found = yield* train.pipe(Effect.provide(onnx))
      const expected = yield* train.pipe(Effect.provide(HeadTrainer.layerReference))
      for (const [name, { data }] of Object.entries(expected)) {
        const far = Math.max(...data.map((x, i) => Math.abs(x - Ops.get(found, name).data[i]!)))
        assert.isBelow(far / Math.max(...data.map(Math.abs)), 1e-4, name)
      }
    })
  )

  it.effect("a large head gives the same bits for any partition into blocks", () =>
    Effect.gen(function* () {
      const it = yield* Interpreter.Interpreter
      const task = JobState.widen({ method: method(0.4), job: job(1) })
      const jobState = yield* JobState.enter(it, task, yield* JobState.start(task), yield* it.lane)
      const input = yield* JobState.block(jobState)
      const { step } = jobState.phase
      const whole = yield* it.block(step, input)
      const first = yield* it.block(step, { ...input, draws: Draws.part(input.draws, 0, 3) })
      const second = yield* it.block(step, { ...input, state: first.state, draws: Draws.part(input.draws, 3) })
      assert.deepStrictEqual(second.state, whole.state)
    }).pipe(Effect.scoped, Effect.provide(interpreter))
  )

  it.effect("a large head gives the same bits beside one head and beside two", () =>
    Effect.gen(function* () {
      const tasks = [0.1, 0.4, 1].map((tau) => JobState.widen({ method: method(tau), job: job(1) }))
      const digests = (count: number) =>
        HeadTrainer.use((trainer) => Stream.runCollect(trainer.trainMany(tasks.slice(0, count), { together: 3 }))).pipe(
          Effect.map((events) =>
            events.flatMap(([at, event]) => (at === 0 && event.kind === "epoch" ? [event.weights] : []))
          )
        )
      const [two, three] = [yield* digests(2), yield* digests(3)]
      assert.strictEqual(two.length, 2)
      assert.deepStrictEqual(two, three)
    }).pipe(Effect.provide(onnx))
  )
})
