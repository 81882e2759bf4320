import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock, TestConsole } from "effect/testing"
import { Progress } from "../src/index.ts"

describe("Progress as a log", () => {
  it.effect("a line for each part that is finished; of those that follow each other fast, a count", () =>
    Effect.gen(function* () {
      const lines = Effect.map(TestConsole.errorLines, (lines) => lines.map(String))
      yield* Effect.gen(function* () {
        const add = yield* (yield* Progress).parts
        yield* add({ kind: "voices", name: "voice 1", milliseconds: 130 })
        for (let n = 2; n <= 30; n++) yield* add({ kind: "voices", name: `voice ${n}`, milliseconds: 130 })
        yield* add({ kind: "whiten", name: "whiten train", milliseconds: 1200 })
        assert.deepStrictEqual(yield* lines, ["igm: made voice 1 in 0.1 s", "igm: made whiten train in 1.2 s"])
        yield* TestClock.adjust("3 seconds")
        yield* add({ kind: "training", name: "train IGM, seed 1", milliseconds: 3000 })
        assert.deepStrictEqual((yield* lines).slice(2), [
          "igm: made 29 more of voices",
          "igm: made train IGM, seed 1 in 3.0 s"
        ])
        yield* add({ kind: "training", name: "train IGM, seed 2", milliseconds: 3000 })
        yield* TestClock.adjust("3 seconds")
        yield* add({ kind: "training", name: "train IGM, seed 3", milliseconds: 3000 })
        yield* add({ kind: "training", name: "train IGM, seed 4", milliseconds: 3000 })
      }).pipe(Effect.scoped, Effect.provide(Progress.layerLog))
      assert.deepStrictEqual((yield* lines).slice(4), [
        "igm: made train IGM, seed 3 in 3.0 s, and 1 more of training",
        "igm: made 1 more of training"
      ])
      assert.deepStrictEqual(yield* TestConsole.logLines, [])
    })
  )

  it.effect("long work says now and then how far it is, also where a stage has stopped the clock", () =>
    Effect.gen(function* () {
      yield* Effect.gen(function* () {
        const still = { ...(yield* Clock.Clock), currentTimeMillisUnsafe: () => 0 }
        const advance = yield* (yield* Progress).bar("encode train audio", 90)
        const work = Effect.provideService(advance(1), Clock.Clock, still)
        for (let n = 0; n < 30; n++) yield* Effect.andThen(work, TestClock.adjust("1 seconds"))
      }).pipe(Effect.scoped, Effect.provide(Progress.layerLog))
      assert.deepStrictEqual(yield* TestConsole.errorLines, [
        "igm: encode train audio: 11 of 90",
        "igm: encode train audio: 21 of 90"
      ])
    })
  )
})
