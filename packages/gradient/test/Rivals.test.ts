/** The rivals beside their released codes, held by golden values that `tools/reference/rivals.py` makes. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Distance } from "@igm/testing"
import { Effect } from "effect"
import { Float64, Fusion, Ops } from "../src/index.ts"
import { cases, distance, weightsDistance } from "./rivals/cases.ts"
import { golden } from "./rivals/golden.ts"

const { ops } = Float64

describe("Rivals", () => {
  it.effect("with the switches set so train as their released codes do, over 20 steps or more", () =>
    Effect.gen(function* () {
      const inputs = yield* golden
      for (const one of cases.filter(({ isReleased }) => isReleased)) {
        const found = one.train(inputs)
        assert.isAtLeast(found.losses.length, 20)
        assert.isBelow(distance(one, found, inputs), 1e-12, `${one.golden}: ${one.name}`)
      }
      assert.isBelow(weightsDistance(inputs), 1e-12)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("ReconBoost predicts by the boost rate that it trained", () =>
    Effect.gen(function* () {
      const inputs = yield* golden
      const { method, train } = cases.find(({ golden: of, isReleased }) => of === "recon-boost" && isReleased)!
      const { state } = train(inputs).cursor
      const made = method(inputs)
      const names = { audio: "x/audio", visual: "x/visual" }
      const features = Ops.mapNamed(names, (name) => Ops.get(inputs, name))
      const { logits } = made.predict(ops, state, features)
      const rate = Ops.get(state, "all/heads.boost")
      assert.isAbove(Math.abs(rate.data[0]! - 1), 1e-3)
      const expected = Fusion.fuse(ops, "sum", [ops.multiply(rate, Object.values(logits).reduce(ops.add))])
      const found = made.predict(ops, made.weights(state), features).probabilities
      assert.isBelow(Distance.relative(found.data, expected.data), 1e-12)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("train otherwise with any of the switches turned", () =>
    Effect.gen(function* () {
      const inputs = yield* golden
      for (const one of cases.filter(({ isReleased }) => !isReleased)) {
        assert.isAbove(distance(one, one.train(inputs), inputs), 1e-8, `${one.golden}: ${one.name}`)
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
