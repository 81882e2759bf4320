/** The definitions of other libraries, held by golden values that `tools/reference/definitions.py` makes. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Distance } from "@igm/testing"
import { Safetensors, Tensor } from "@igm/tensor"
import { Effect, FileSystem } from "effect"
import { fileURLToPath } from "node:url"
import { Float64, Igm, Metric, Ops, Optimizer, Schedule } from "../src/index.ts"

const { ops } = Float64

const golden = Effect.fnUntraced(function* (name: string) {
  const fs = yield* FileSystem.FileSystem
  const file = fileURLToPath(new URL(`golden/${name}.safetensors`, import.meta.url))
  return Ops.mapNamed(Safetensors.decode(yield* fs.readFile(file)).tensors, Tensor.toFloat64)
}, Effect.provide(NodeServices.layer))

describe("Definitions", () => {
  it.effect("metrics are scikit-learn's on 200 cases with ties, absent classes and single classes", () =>
    Effect.gen(function* () {
      const tensors = yield* golden("metrics")
      let [ties, single] = [0, 0]
      for (let i = 0; i < 200; i++) {
        const [labels, scores] = [Ops.get(tensors, `${i}/labels`).data, Ops.get(tensors, `${i}/scores`)]
        const [accuracy, macroF1, meanAveragePrecision, calibrationError, ...precisions] = Ops.get(
          tensors,
          `${i}/expected`
        ).data
        const expected = { accuracy, macroF1, meanAveragePrecision, calibrationError }
        const found: Ops.Named<number> = { ...Metric.of(labels, scores) }
        for (const [name, value] of Object.entries(expected))
          assert.closeTo(found[name]!, value!, 1e-12, `${i} ${name}`)
        precisions.forEach((precision, c) => {
          const positive = Array.from(labels, (label) => label === c)
          const column = Array.from(labels, (_, row) => scores.data[row * precisions.length + c]!)
          assert.closeTo(Metric.averagePrecision(positive, column), precision, 1e-12)
        })
        if (new Set(scores.data).size < scores.data.length) ties++
        if (new Set(labels).size === 1) single++
      }
      assert.isAbove(ties, 100)
      assert.isAbove(single, 10)
    })
  )

  it.effect("optimizers are torch.optim's over 200 steps", () =>
    Effect.gen(function* () {
      const tensors = yield* golden("optimizers")
      const start = Ops.get(tensors, "start")
      const rows = (name: string, step: number) =>
        Tensor.takeRows(
          Ops.get(tensors, name),
          [0, 1, 2, 3].map((row) => step * 4 + row)
        )
      for (const optimizer of [Igm.sgd, { ...Optimizer.adamAsReleased, rate: 1e-2 }]) {
        const settings = Ops.mapNamed({ rate: optimizer.rate, ...Optimizer.inputs(optimizer) }, ops.scalar)
        let state: Ops.Named<Float64.Matrix> = { W1: start, ...Optimizer.start(optimizer, { W1: [4, 5] }) }
        for (let step = 0; step < 200; step++) {
          const gradient = (_: string, addend: Float64.Matrix) => ops.add(rows("gradients", step), addend)
          const { W1 } = state
          state = Optimizer.update(ops, optimizer.kind, settings, { W1: W1! }, state, gradient)
          assert.isBelow(Distance.relative(state["W1"]!.data, rows(optimizer.kind, step).data), 1e-9)
        }
      }
    })
  )

  it.effect("schedules are torch.optim.lr_scheduler's", () =>
    Effect.gen(function* () {
      const tensors = yield* golden("optimizers")
      const losses = Array.from(Ops.get(tensors, "losses").data)
      const schedules: Ops.Named<Schedule.Schedule> = {
        step: { kind: "step", size: 40, factor: 0.1, early: false },
        "warm-up": { kind: "warm-up", epochs: 10, from: 1 / 3, early: false },
        plateau: { kind: "plateau", factor: 0.5, patience: 4, threshold: 1e-3 }
      }
      for (const [name, schedule] of Object.entries(schedules)) {
        const factors: Array<number> = []
        losses.reduce((memory, loss) => {
          factors.push(memory.factor)
          return Schedule.next(schedule, memory, loss)
        }, Schedule.start(schedule))
        assert.isBelow(Distance.relative(factors, Ops.get(tensors, name).data), 1e-12, name)
        assert.isAbove(new Set(factors).size, 2)
      }
    })
  )
})
