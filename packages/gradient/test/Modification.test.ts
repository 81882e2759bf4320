import { assert, describe, it } from "@effect/vitest"
import { Tensor } from "@igm/tensor"
import { Schema } from "effect"
import { EigenvalueDecomposition, Matrix } from "ml-matrix"
import { Float64, Head, Modification, Moment } from "../src/index.ts"
import { Case, build, distance, matrix } from "./cases.ts"

const { ops } = Float64

const Moments = Schema.Struct({
  seed: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 })),
  d: Schema.Int.check(Schema.isBetween({ minimum: 2, maximum: 8 })),
  batches: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 12 })),
  tau: Schema.Finite.check(Schema.isBetween({ minimum: 0.01, maximum: 5 }))
})

const momentOf = ({ seed, d, batches }: typeof Moments.Type) => {
  const z = matrix(batches, d, seed, "means")
  return ops.gemm(z, z, { transA: true })
}

const eigen = (a: Float64.Matrix) => {
  const [d] = Float64.dims(a)
  const rows = Array.from({ length: d }, (_, i) => Array.from(a.data.subarray(i * d, (i + 1) * d)))
  return new EigenvalueDecomposition(new Matrix(rows), { assumeSymmetric: true }).realEigenvalues
}

describe("Modification", () => {
  it.prop("P is symmetric with eigenvalues from e^−τ to 1, and both ends are reached", { of: Moments }, ({ of }) => {
    const { matrix: p } = Modification.ofMoment(momentOf(of), of.tau)
    const d = of.d
    for (let i = 0; i < d; i++) {
      for (let j = 0; j < i; j++) assert.closeTo(p.data[i * d + j]!, p.data[j * d + i]!, 1e-12)
    }
    const values = eigen(p)
    assert.closeTo(Math.min(...values), Math.exp(-of.tau), 1e-9)
    assert.closeTo(Math.max(...values), 1, 1e-9)
  })

  it.prop("P is the matrix exponential of −τ (Y − λmin I)/(λmax − λmin)", { of: Moments }, ({ of }) => {
    const y = momentOf(of)
    const values = eigen(y)
    const [min, max] = [Math.min(...values), Math.max(...values)]
    const shifted = ops.subtract(y, ops.multiply(ops.scalar(min), Modification.identity(of.d)))
    const exponent = ops.multiply(shifted, ops.scalar(-of.tau / (max - min)))
    let [term, series] = [Modification.identity(of.d), Modification.identity(of.d)]
    for (let n = 1; n <= 60; n++) {
      term = ops.multiply(ops.gemm(term, exponent), ops.scalar(1 / n))
      series = ops.add(series, term)
    }
    assert.isBelow(distance(Modification.ofMoment(y, of.tau).matrix.data, series.data), 1e-8)
  })

  it("a flat spectrum, λmax = λmin, gives the identity and says so", () => {
    for (const moment of [Tensor.zeros([3, 3]), ops.multiply(Modification.identity(3), ops.scalar(7))]) {
      const { matrix: p, flat, effectiveRank } = Modification.ofMoment(moment, 0.4)
      assert.isTrue(flat)
      assert.strictEqual(effectiveRank, 0)
      assert.deepStrictEqual(p, Modification.identity(3))
    }
  })

  it("one strong direction is shrunk by e^−τ and its effective rank is 1", () => {
    const v = Tensor.float64([1, 4], [1, 2, 0, 0])
    const { matrix: p, effectiveRank } = Modification.ofMoment(ops.gemm(v, v, { transA: true }), 0.4)
    assert.isBelow(
      distance(
        ops.gemm(v, p).data,
        v.data.map((x) => x * Math.exp(-0.4))
      ),
      1e-12
    )
    assert.closeTo(effectiveRank, 1, 1e-9)
    const other = Tensor.float64([1, 4], [0, 0, 3, 1])
    assert.isBelow(distance(ops.gemm(other, p).data, other.data), 1e-12)
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

describe("Moment", () => {
  it.prop("is the sum of z̄ z̄ᵀ over whole batches of each layer's input", { of: Case }, ({ of }) => {
    const { head, depth, parameters } = build(of)
    const batches = 3
    const x = matrix(of.batch * batches + of.batch - 1, of.features, of.seed, "all")
    const order = Array.from({ length: x.shape[0]! }, (_, i) => i).toReversed()
    const found = Moment.ofHead(head, parameters, x, order, of.batch)
    const layers = Head.layers(ops, depth, parameters)
    for (let l = 0; l < depth; l++) {
      let expected = Tensor.zeros([head.widths[l]!, head.widths[l]!])
      for (let b = 0; b < batches; b++) {
        const rows = Tensor.takeRows(x, order.slice(b * of.batch, (b + 1) * of.batch))
        const mean = ops.multiply(
          ops.sum(Head.forward(ops, layers, rows).activations[l]!, "rows"),
          ops.scalar(1 / of.batch)
        )
        expected = ops.add(expected, ops.gemm(mean, mean, { transA: true }))
      }
      assert.isBelow(distance(found[l]!.data, expected.data), 1e-9)
    }
  })
})
