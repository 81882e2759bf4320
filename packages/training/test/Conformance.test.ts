/** The command that holds every interpreter to float64, in small: that it passes what is right, and nothing else. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as Conformance from "../../../tools/conformance/Conformance.ts"
import { HeadTrainer, Interpreter, type Local, WorkerEngine } from "../src/index.ts"
import { job } from "./fixtures.ts"

const { train, select } = job(1)
const data: Conformance.Data = { name: "fixture", train, select }

const courses = (choice: Local.Choice) =>
  Effect.gen(function* () {
    const it = Interpreter.Interpreter.ofEngine(yield* WorkerEngine.engine(choice, { threads: 1 }))
    const layer = HeadTrainer.layerInterpreter.pipe(Layer.provide(Layer.succeed(Interpreter.Interpreter, it)))
    return yield* Effect.forEach(Conformance.methodsOf(data), (method) =>
      HeadTrainer.use((trainer) => Conformance.course(trainer, it, method, data)).pipe(
        Effect.map((course) => ({ method: method.name, course }))
      )
    ).pipe(Effect.provide(layer))
  }).pipe(Effect.scoped)

describe("Conformance", () => {
  it.live(
    "the ONNX program on the processor holds its bars for every method, and numbers that are off do not",
    () =>
      Effect.gen(function* () {
        const exact = yield* courses({ engine: "reference", device: "cpu" })
        const found = yield* courses({ engine: "onnx", device: "cpu" })
        assert.sameMembers(
          found.map(({ method }) => method),
          [
            "IGM (paper)",
            "IGM (code)",
            "late fusion",
            "sum of logits",
            "OGM-GE",
            "MMPareto",
            "G-Blending",
            "ReconBoost"
          ]
        )
        found.forEach(({ method, course }, i) => {
          const deviation = Conformance.deviation(course, exact[i]!.course)
          assert.isAbove(deviation.weights, 0, method)
          assert.isTrue(Conformance.holds(deviation), `${method}: ${JSON.stringify(deviation)}`)
        })
        const [course, reference] = [found[0]!.course, exact[0]!.course]
        const holds = (change: Partial<Conformance.Course>) =>
          Conformance.holds(Conformance.deviation({ ...course, ...change }, reference))
        assert.isFalse(holds({ losses: course.losses.map((loss, i) => (i === 3 ? 1.001 * loss : loss)) }))
        assert.isFalse(holds({ losses: course.losses.map(() => Number.NaN) }))
        assert.isFalse(holds({ weights: exact[1]!.course.weights }))
        assert.isTrue(holds({ last: exact[1]!.course.last }))
        assert.isTrue(holds({ predicted: course.predicted.map((label, i) => (i < 1 ? label + 1 : label)) }))
        assert.isFalse(holds({ predicted: course.predicted.map((label, i) => (i < 2 ? label + 1 : label)) }))
      }),
    60_000
  )
})
