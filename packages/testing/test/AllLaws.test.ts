import { assert, describe, it } from "@effect/vitest"
import { OnnxRuntime } from "@igm/onnx"
import { OnnxProgram, Reference } from "@igm/training"
import { Effect, Layer } from "effect"
import { AllLaws, InterpreterLaws, Law } from "../src/index.ts"

const onnx = OnnxProgram.layer.pipe(Layer.provide(OnnxRuntime.layerCpu))

const holds = (verdict: Law.Verdict) => assert.strictEqual(verdict.counterExample, null, Law.line(verdict))

describe("The laws of this project's mathematics", () => {
  for (const law of AllLaws.laws()) {
    it.effect(law.name, () =>
      law.check({ runs: 100 }).pipe(
        Effect.map((verdict) => {
          holds(verdict)
          assert.strictEqual(verdict.cases, 100)
        })
      )
    )
  }

  it.effect("hold of the float32 ONNX program and of the float64 reference", () =>
    Effect.gen(function* () {
      const single = [
        InterpreterLaws.agrees("ONNX", 1e-4),
        InterpreterLaws.partitions("ONNX"),
        InterpreterLaws.stacks("ONNX", 1e-5)
      ]
      for (const law of single) holds(yield* law.check({ runs: 30 }).pipe(Effect.provide(onnx)))
      const exact = [InterpreterLaws.partitions("float64"), InterpreterLaws.stacks("float64", 0)]
      for (const law of exact) holds(yield* law.check({ runs: 30 }).pipe(Effect.provide(Reference.layer)))
    })
  )

  it("have names of their own", () => {
    const names = AllLaws.laws().map(({ name }) => name)
    assert.strictEqual(new Set(names).size, names.length)
  })
})
