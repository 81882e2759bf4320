/** What a replay relies on: tracing changes nothing, misses nothing, and names the step and the tensor. */
import { assert, describe, it, layer } from "@effect/vitest"
import { Baselines, Igm, JointTraining, type Method, Ops } from "@igm/gradient"
import { OnnxRuntime } from "@igm/onnx"
import { Digest, Tensor } from "@igm/tensor"
import { Effect, Layer, Schema, Stream } from "effect"
import type { BlockOutput } from "../src/engine/Engine.ts"
import {
  type Engine,
  HeadTrainer,
  Interpreter,
  OnnxProgram,
  Reference,
  StepFingerprints,
  type TrainingEvent
} from "../src/index.ts"
import { job, options } from "./fixtures.ts"

type AnyMethod = Method.Method<{ audio: 8; image: 6 }>
type Epoch = Extract<TrainingEvent, { readonly kind: "epoch" }>
type Settings = Parameters<HeadTrainer["Service"]["train"]>[2]

const train = (method: AnyMethod, settings?: Settings) =>
  HeadTrainer.use((trainer) => Stream.runCollect(trainer.train(method, job(1), settings)))

const epochsIn = (events: ReadonlyArray<TrainingEvent>): ReadonlyArray<Epoch> =>
  events.flatMap((event) => (event.kind === "epoch" ? [event] : []))

const cursorsIn = (events: ReadonlyArray<TrainingEvent>): ReadonlyArray<Method.Cursor> =>
  events.flatMap((event) => (event.kind === "checkpoint" ? [event.cursor] : []))

const between = (least: number, most: number) => Schema.Int.check(Schema.isBetween({ minimum: least, maximum: most }))

const code: AnyMethod = Igm.code({ ...options(1e-3), switches: { moment: "accumulated" } })
const methods: ReadonlyArray<AnyMethod> = [code, JointTraining.mmPareto(options(0))]

const engines: Record<string, Layer.Layer<Interpreter.Interpreter, unknown>> = {
  "onnx (cpu)": OnnxProgram.layer.pipe(Layer.provide(OnnxRuntime.layerCpu)),
  reference: Reference.layer
}

/** The next number of a precision, away from zero. */
const next = (x: number, precision: "float32" | "float64"): number => {
  if (precision === "float64") {
    const bits = new BigInt64Array(Float64Array.of(x).buffer)
    bits[0]! += 1n
    return new Float64Array(bits.buffer)[0]!
  }
  const bits = new Int32Array(Float32Array.of(x).buffer)
  bits[0]! += 1
  return new Float32Array(bits.buffer)[0]!
}

/** Trains by an engine that adds one ulp to a weight after one of its traced steps, counted from 1. */
const planted = (it: Interpreter.Interpreter["Service"], at: number, tensor: string, index: number) => {
  const { precision } = it.info
  let steps = 0
  const change = ({ state, trace }: BlockOutput): BlockOutput => {
    steps++
    if (steps !== at) return { state, trace }
    const { shape, data } = Ops.get(state, tensor)
    const changed = Tensor.float64(shape, data.with(index, next(data[index]!, precision)))
    return { state: { ...state, [tensor]: changed }, trace }
  }
  const own = precision === "float32" ? Tensor.toFloat32 : (same: Tensor.Tensor) => same
  const traced = StepFingerprints.block((...call) => Effect.map(it.run(...call), change), own)
  const run: Engine["block"] = (program, input, lane) =>
    input.traced === true ? traced(program, input, lane) : it.run(program, input, lane)
  const other = Interpreter.Interpreter.of({
    ...it,
    run,
    block: (step, input, lane) => run(it.program(step, input), input, lane)
  })
  return HeadTrainer.layerInterpreter.pipe(Layer.provide(Layer.succeed(Interpreter.Interpreter, other)))
}

describe("A fingerprint", () => {
  it.prop(
    "changes with any bit, and is the beginning of SHA-256",
    { numbers: Schema.NonEmptyArray(Schema.Finite), at: Schema.Natural, bit: between(0, 7) },
    ({ numbers, at, bit }) => {
      const one = Tensor.float64([numbers.length], numbers)
      const other = Tensor.float64([numbers.length], numbers)
      Tensor.bytes(other)[at % (8 * numbers.length)]! ^= 1 << bit
      const [a, b] = [one, other].map((tensor) => StepFingerprints.fingerprints({ tensor }, "float64")["tensor"]!)
      assert.strictEqual(a, Number.parseInt(Digest.ofBytes(Tensor.bytes(one)).slice(0, 12), 16))
      assert.notStrictEqual(a, b)
    }
  )
})

for (const [name, engine] of Object.entries(engines)) {
  layer(HeadTrainer.layerInterpreter.pipe(Layer.provideMerge(engine)))(
    `Traced training by the ${name} engine`,
    (it) => {
      it.effect("has the bits of an untraced one, and fingerprints of every step", () =>
        Effect.gen(function* () {
          for (const method of methods) {
            const [plain, traced] = [yield* train(method), yield* train(method, { trace: "step" })]
            const bare = (events: ReadonlyArray<TrainingEvent>) =>
              events.map((event) =>
                event.kind === "epoch" ? { ...event, steps: Array.from(event.steps.losses) } : event
              )
            assert.deepStrictEqual(bare(traced), bare(plain), method.name)
            for (const [i, { steps }] of epochsIn(traced).entries()) {
              assert.deepStrictEqual(epochsIn(plain)[i]!.steps.fingerprints, {})
              assert.strictEqual(steps.losses.length, 10)
              for (const prints of Object.values(steps.fingerprints)) assert.strictEqual(prints.length, 10)
            }
          }
        })
      )

      it.effect("goes on from any checkpoint with the fingerprints of the whole training", () =>
        Effect.gen(function* () {
          const whole = yield* train(code, { trace: "step" })
          for (const [i, from] of cursorsIn(whole).entries()) {
            const rest = yield* train(code, { from, trace: "step" })
            assert.deepStrictEqual(epochsIn(rest), epochsIn(whole).slice(i + 1))
          }
        })
      )

      it.effect("can be run again to any step of an epoch, and has a fingerprint of all that a step changes", () =>
        Effect.gen(function* () {
          const { info, steps } = yield* HeadTrainer
          const whole = yield* train(code, { trace: "step" })
          const starts = [code.start(job(1)), ...cursorsIn(whole)]
          for (const [i, { steps: recorded }] of epochsIn(whole).entries()) {
            const start = starts[i]!
            const before = yield* steps(code, job(1), start, 0)
            assert.sameMembers(Object.keys(before), Object.keys(start.state))
            if (start.entered) assert.deepStrictEqual(before, start.state)
            for (const n of [1, 2 + i, 10]) {
              const state = yield* steps(code, job(1), start, n)
              assert.sameMembers(Object.keys(state), Object.keys(start.state))
              const moved = Object.keys(state).filter((tensor) => state[tensor] !== before[tensor])
              assert.sameMembers(moved, Object.keys(recorded.fingerprints))
              const found = StepFingerprints.fingerprints(state, info.precision)
              for (const [tensor, prints] of Object.entries(recorded.fingerprints)) {
                assert.strictEqual(found[tensor], prints[n - 1], `${tensor} after step ${n} of epoch ${i + 1}`)
              }
            }
          }
          for (const n of [-1, 1.5, 11]) {
            const error = yield* Effect.flip(steps(code, job(1), starts[0]!, n))
            assert.strictEqual(
              error.message,
              `IGM (code), turn 1: audio, epoch 1, step 0: no state after ${n} steps: ` +
                "this epoch has 10, give a whole number from 0 to 10"
            )
          }
        })
      )

      it.effect(
        "shows one ulp in one weight at its step in its tensor, before which, and beside which, nothing differs",
        () =>
          Effect.gen(function* () {
            const it = yield* Interpreter.Interpreter
            const method = Baselines.lateFusion(options(0))
            // The two epochs of the first head's turn, by tensor.
            const turn = (layer: Layer.Layer<HeadTrainer>) =>
              HeadTrainer.use((trainer) =>
                trainer.train(method, job(1), { trace: "step" }).pipe(
                  Stream.filter((event) => event.kind === "epoch"),
                  Stream.take(2),
                  Stream.runCollect
                )
              ).pipe(
                Effect.map((epochs) => ({
                  losses: epochs.flatMap(({ steps }) => Array.from(steps.losses)),
                  prints: Ops.mapNamed(epochs[0]!.steps.fingerprints, (_, tensor) =>
                    epochs.flatMap(({ steps }) => Array.from(Ops.get(steps.fingerprints, tensor)))
                  )
                })),
                Effect.provide(layer)
              )
            const clean = yield* turn(
              HeadTrainer.layerInterpreter.pipe(Layer.provide(Layer.succeed(Interpreter.Interpreter, it)))
            )
            for (const [at, local, index] of [
              [1, "W1", 3],
              [7, "W2", 0],
              [10, "b3", 1],
              [11, "velocity.W3", 5],
              [20, "W1", 79]
            ] as const) {
              const found = yield* turn(planted(it, at, local, index))
              for (const [tensor, prints] of Object.entries(clean.prints)) {
                const first = prints.findIndex((print, step) => print !== Ops.get(found.prints, tensor)[step]) + 1
                // Later on rounding may undo a difference, so that it is the first one that counts.
                if (tensor === `audio.${local}`) assert.strictEqual(first, at, tensor)
                else
                  assert.isTrue(first === 0 || first > at, `${tensor} differs from step ${first} on, not after ${at}`)
              }
              assert.deepStrictEqual(found.losses.slice(0, at), clean.losses.slice(0, at))
            }
          })
      )
    }
  )
}

describe("Traced training in threads", () => {
  it.live("has the fingerprints that it has in this thread", () =>
    Effect.gen(function* () {
      const here = yield* train(code, { trace: "step" }).pipe(
        Effect.provide(HeadTrainer.layerOnnx.pipe(Layer.provide(OnnxRuntime.layerCpu)))
      )
      const threads = HeadTrainer.layer({ engine: "onnx", device: "cpu" }, { threads: 1 })
      const there = yield* train(code, { trace: "step" }).pipe(Effect.provide(threads))
      assert.deepStrictEqual(epochsIn(there), epochsIn(here))
    })
  )
})
