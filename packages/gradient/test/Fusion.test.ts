import { assert, describe, it } from "@effect/vitest"
import { Tensor } from "@igm/tensor"
import { Float64, Fusion } from "../src/index.ts"

const { ops } = Float64

describe("Fusion", () => {
  it("a sure head outweighs an unsure one under entropy, and counts the same under the mean", () => {
    const [sure, unsure] = [Tensor.float64([1, 2], [20, 0]), Tensor.float64([1, 2], [0, 0.1])]
    const first = (fusion: Fusion.Fusion) => Fusion.fuse(ops, fusion, [sure, unsure]).data[0]!
    assert.isAbove(first("entropy"), first("mean"))
    assert.closeTo(first("mean"), (1 + 1 / (1 + Math.exp(0.1))) / 2, 1e-6)
  })
})
