import { assert, describe, it } from "@effect/vitest"
import { Tensor } from "@igm/tensor"
import { Schema } from "effect"
import { Float64, Fusion } from "../src/index.ts"
import { distance, matrix } from "./cases.ts"

const { ops } = Float64
const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 }))

describe("Fusion", () => {
  it.prop("gives distributions, whatever the logits", { seed: Seed }, ({ seed }) => {
    const logits = [matrix(4, 3, seed, 1), ops.multiply(matrix(4, 3, seed, 2), ops.scalar(50))]
    for (const fusion of ["mean", "entropy"] as const) {
      const p = Fusion.fuse(ops, fusion, logits)
      assert.isTrue(p.data.every((x) => x >= 0))
      for (const total of ops.sum(p, "columns").data) assert.closeTo(total, 1, 1e-12)
    }
  })

  it.prop("entropy weights do not depend on what else is in the batch", { seed: Seed }, ({ seed }) => {
    const logits = [matrix(5, 3, seed, 1), matrix(5, 3, seed, 2)]
    const whole = Fusion.fuse(ops, "entropy", logits)
    const alone = Fusion.fuse(
      ops,
      "entropy",
      logits.map((z) => Tensor.takeRows(z, [3]))
    )
    assert.isBelow(distance(alone.data, whole.data.subarray(9, 12)), 1e-12)
  })

  it("a sure head outweighs an unsure one under entropy, and counts the same under the mean", () => {
    const [sure, unsure] = [Tensor.float64([1, 2], [20, 0]), Tensor.float64([1, 2], [0, 0.1])]
    const first = (fusion: Fusion.Fusion) => Fusion.fuse(ops, fusion, [sure, unsure]).data[0]!
    assert.isAbove(first("entropy"), first("mean"))
    assert.closeTo(first("mean"), (1 + 1 / (1 + Math.exp(0.1))) / 2, 1e-6)
  })

  it("one head's fusion is its softmax", () => {
    const z = matrix(3, 4, "one")
    assert.isBelow(distance(Fusion.fuse(ops, "entropy", [z]).data, ops.exp(ops.logSoftmax(z)).data), 1e-12)
  })
})
