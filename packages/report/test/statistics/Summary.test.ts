import { assert, describe, it } from "@effect/vitest"
import { Statistics } from "../../src/index.ts"

describe("Summary", () => {
  it("means and standard deviations are with n − 1, and one number has none", () => {
    assert.deepStrictEqual(Statistics.summary([1, 2, 3]), { mean: 2, deviation: 1 })
    assert.deepStrictEqual(Statistics.summary([0.5]), { mean: 0.5, deviation: null })
    assert.strictEqual(Statistics.meanAndDeviation([1, 2, 3]), "2.000 ± 1.000")
  })
})
