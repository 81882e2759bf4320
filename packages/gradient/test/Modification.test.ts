import { assert, describe, it } from "@effect/vitest"
import { Tensor } from "@igm/tensor"
import { Distance } from "@igm/testing"
import { Float64, Modification } from "../src/index.ts"

const { ops } = Float64

describe("Modification", () => {
  it("a flat spectrum, λmax = λmin, gives the identity and says so", () => {
    for (const moment of [Tensor.zeros([3, 3]), ops.multiply(Modification.identity(3), ops.scalar(7))]) {
      const found = Modification.ofMoment(moment, 0.4)
      const p = found.matrix
      assert.isTrue(found.flat)
      assert.strictEqual(Modification.effectiveRank(found), 0)
      assert.isTrue(Modification.strictNaN(found).matrix.data.every(Number.isNaN))
      assert.deepStrictEqual(p, Modification.identity(3))
    }
  })

  it("one strong direction is shrunk by e^−τ and its effective rank is 1", () => {
    const v = Tensor.float64([1, 4], [1, 2, 0, 0])
    const found = Modification.ofMoment(ops.gemm(v, v, { transA: true }), 0.4)
    const p = found.matrix
    assert.isBelow(
      Distance.relative(
        ops.gemm(v, p).data,
        v.data.map((x) => x * Math.exp(-0.4))
      ),
      1e-12
    )
    assert.closeTo(Modification.effectiveRank(found), 1, 1e-9)
    const other = Tensor.float64([1, 4], [0, 0, 3, 1])
    assert.isBelow(Distance.relative(ops.gemm(other, p).data, other.data), 1e-12)
  })

  it("partners are matched by position from the output (paper), or by every equal shape (code)", () => {
    const { partners } = Modification
    assert.deepStrictEqual(
      [1, 2, 3].map((l) => partners("position", [512, 256, 64, 6], [512, 256, 64, 6], l)),
      [[1], [2], [3]]
    )
    assert.deepStrictEqual(
      [1, 2, 3].map((l) => partners("position", [768, 256, 64, 6], [512, 256, 64, 6], l)),
      [[], [2], [3]]
    )
    assert.deepStrictEqual(
      [1, 2].map((l) => partners("position", [256, 64, 6], [512, 256, 64, 6], l)),
      [[2], [3]]
    )
    assert.deepStrictEqual(
      [1, 2, 3].map((l) => partners("shape", [1000, 256, 64, 3], [768, 256, 64, 3], l)),
      [[], [2], [3]]
    )
    assert.deepStrictEqual(
      [1, 2, 3].map((l) => partners("shape", [8, 8, 8, 2], [8, 8, 8, 2], l)),
      [[1, 2], [1, 2], [3]]
    )
  })
})
