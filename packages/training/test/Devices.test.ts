/** What a person gets who names a device, and who has one chosen. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Devices, type Engine, EngineError, type Local, Reference } from "../src/index.ts"

/** Engines of which some are not to be had, and of which one is asked to say that it runs on `name`. */
const machine =
  (problems: { readonly [device: string]: string }, name = "a card", engine: Engine = Reference.engine) =>
  ({ device }: Local.Choice) => {
    const problem = problems[device]
    return problem === undefined
      ? Effect.succeed({ ...engine, info: { ...engine.info, name } })
      : Effect.fail(new EngineError({ engine: device, program: "opening", problem }))
  }

const auto = { engine: "auto", device: "auto" } as const

describe("Devices", () => {
  it("an engine left open is the first one that has the device", () => {
    const of = (device: Devices.Wanted["device"]) => Devices.meant({ engine: "auto", device })
    assert.deepStrictEqual(of("cpu"), [{ engine: "onnx", device: "cpu" }])
    assert.deepStrictEqual(of("webgpu"), [{ engine: "onnx", device: "webgpu" }])
    assert.deepStrictEqual(of("wasm"), [{ engine: "tfjs", device: "wasm" }])
    assert.deepStrictEqual(
      of("auto").map(({ engine, device }) => `${engine} ${device}`),
      ["onnx cuda", "onnx webgpu", "onnx cpu"]
    )
  })

  it.effect("every pair is taken as it is named, without a look at the machine", () =>
    Effect.forEach(Devices.pairs, (choice) =>
      Effect.gen(function* () {
        const chosen = yield* Devices.choose(choice, { open: () => Effect.die("opened") })
        assert.deepStrictEqual(chosen, { choice, refused: [] })
      })
    )
  )

  it.effect("a pair that does not exist is refused with those that do", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Devices.choose({ engine: "onnx", device: "wasm" }))
      assert.strictEqual(error._tag, "EngineError")
      assert.strictEqual(
        error.message,
        "onnx on wasm, choosing: there is no such pair of an engine and a device, but onnx on cuda, webgpu or cpu; " +
          "tfjs on node-gpu, webgpu, node, wasm or cpu; reference on cpu"
      )
    })
  )

  it.effect("auto takes the first device that can be had, and says why it took none before", () =>
    Effect.gen(function* () {
      const chosen = yield* Devices.choose(auto, { open: machine({ cuda: "no driver" }) })
      assert.deepStrictEqual(chosen, {
        choice: { engine: "onnx", device: "webgpu" },
        refused: [{ choice: "onnx program (cuda)", reason: "no driver" }]
      })
      assert.deepStrictEqual(Devices.account(chosen.refused, { ...chosen.choice, name: "a card" }), [
        "not onnx program (cuda): no driver",
        "taken: onnx program (webgpu) on a card"
      ])
    })
  )

  it.effect("auto takes neither graphics by software nor a device whose results are wrong", () =>
    Effect.gen(function* () {
      const soft = yield* Effect.flip(Devices.choose(auto, { open: machine({}, "SwiftShader driver 5.0.0") }))
      assert.include(soft.message, "onnx program (webgpu): its device SwiftShader driver 5.0.0 is software")
      const wrong: Engine = {
        ...Reference.engine,
        block: (program, input) =>
          Effect.map(Reference.engine.block(program, input), ({ state }) => ({
            state,
            trace: { total: Float64Array.of(4.5, 5.5, 8) }
          }))
      }
      const faulty = yield* Effect.flip(Devices.choose(auto, { open: machine({}, "a card", wrong) }))
      assert.include(faulty.message, 'its device is faulty: the result is {"w":[9.5,-1],"total":[4.5,5.5,8]}')
    })
  )

  it.live("auto on this machine ends in an engine that computes the known result", () =>
    Effect.gen(function* () {
      const { choice, refused } = yield* Devices.choose(auto)
      assert.strictEqual(choice.engine, "onnx")
      assert.strictEqual(
        refused.length,
        Devices.meant(auto).findIndex(({ device }) => device === choice.device)
      )
      refused.forEach(({ reason }) => assert.isNotEmpty(reason))
    })
  )
})
