import { assert, describe, it } from "@effect/vitest"
import { Tensor } from "@igm/tensor"
import { Schema } from "effect"
import { Weights } from "../src/index.ts"

const Numbers = Schema.Array(Schema.Finite).check(Schema.isMinLength(1))

describe("Weights", () => {
  it.prop(
    "are stored as the very numbers that they are, in float32 if that can be",
    { numbers: Numbers },
    ({ numbers }) => {
      const isSingle = numbers.every((x) => Math.fround(x) === x)
      const singles = numbers.map((x) => Math.fround(x)).map((x) => (Number.isFinite(x) ? x : 0))
      for (const [values, dtype] of [
        [numbers, isSingle ? "float32" : "float64"],
        [singles, "float32"]
      ] as const) {
        const { w } = Weights.stored({ w: Tensor.float64([values.length], values) })
        assert.strictEqual(w!.dtype, dtype)
        assert.deepStrictEqual(Array.from(w!.data, Number), values.map(Number))
      }
    }
  )
})
