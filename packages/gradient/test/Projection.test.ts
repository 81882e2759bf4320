import { assert, describe, it } from "@effect/vitest"
import { Keyed, Tensor } from "@igm/tensor"
import { Float64, Modification, Moment, Projection } from "../src/index.ts"

/** Batch means as encoders' features have them: not negative, close to their mean by so much. */
const meansOf = (batches: number, d: number, spread: number): Float64.Matrix => {
  const stream = Keyed.stream(["projection", batches, d])
  const mean = Float64Array.from({ length: d }, () => Math.abs(Keyed.normal(stream)) + 0.2)
  return Tensor.float64(
    [batches, d],
    Float64Array.from({ length: batches * d }, (_, i) =>
      Math.max(0, mean[i % d]! * (1 + spread * Keyed.normal(stream)))
    )
  )
}

const farthest = (a: Float64.Matrix, b: Float64.Matrix): number =>
  Math.max(...a.data.map((x, i) => Math.abs(x - b.data[i]!)))

const cases = [
  { name: "fewer batches than dimensions", means: meansOf(5, 12, 0.1) },
  { name: "more batches, and a strong first direction", means: meansOf(40, 12, 0.02) },
  { name: "more batches, and a spread spectrum", means: meansOf(40, 12, 1) },
  { name: "nothing but zeros", means: Tensor.zeros([5, 12]) }
]

describe("Projection", () => {
  for (const { name, means } of cases) {
    it(`${name}: at τ = 0 rows pass as they are, to the bit, and nothing is said to be shrunk`, () => {
      const known = means.shape[0]! < 12 ? undefined : Moment.ofMeans(means)
      for (const tau of [0, -0]) {
        const found = Projection.ofMeans(means, { tau, strictNaN: false }, known)
        const rows = meansOf(3, 12, 0.5)
        assert.deepStrictEqual(
          Array.from(found.times(Float64.ops, found.inputs as never, rows).data),
          Array.from(rows.data)
        )
        assert.deepStrictEqual(found.effect, Modification.noEffect)
      }
      // A τ whose square is nothing is nearly that.
      const { effect } = Projection.ofMeans(means, { tau: 1e-300, strictNaN: false }, known)
      assert.isTrue(Object.values(effect).every(Number.isFinite), JSON.stringify(effect))
    })
  }

  for (const { name, means } of cases) {
    it(`${name}: P, rows times P, and what P does are those of the eigen-decomposition`, () => {
      const tau = 0.4
      const exact = Modification.ofMeans(means, tau)
      const known = means.shape[0]! < 12 ? undefined : Moment.ofMeans(means)
      const found = Projection.ofMeans(means, { tau, strictNaN: false }, known)
      assert.isBelow(farthest(found.matrix(Float64.ops, found.inputs as never), exact.matrix), 1e-12)
      const rows = meansOf(3, 12, 0.5)
      const projected = found.times(Float64.ops, found.inputs as never, rows)
      assert.isBelow(farthest(projected, Float64.ops.gemm(rows, exact.matrix)), 1e-12)
      const effect = exact.flat ? Modification.noEffect : Modification.effect(exact)
      assert.closeTo(found.effect.effectiveRank, effect.effectiveRank, 1e-4 * Math.max(1, effect.effectiveRank))
      assert.closeTo(found.effect.secondEigenvalue, effect.secondEigenvalue, 1e-12)
      assert.closeTo(found.effect.meanEigenvalue, effect.meanEigenvalue, 1e-6)
    })
  }

  it("of a moment in single precision is right to single precision, by however few products", () => {
    for (const spread of [0.005, 0.02, 0.05, 0.1, 0.3]) {
      const moment = Moment.ofMeans(meansOf(40, 12, spread))
      const rounded = Tensor.float64([12, 12], moment.data.map(Math.fround))
      const exact = Modification.ofMoment(rounded, 0.4).matrix
      const found = Projection.ofMeans(meansOf(40, 12, spread), { tau: 0.4, strictNaN: false }, rounded)
      assert.isBelow(farthest(found.matrix(Float64.ops, found.inputs as never), exact), 2 ** -24)
    }
  })

  it("of several one after another is their product", () => {
    const all = cases.slice(0, 2).map(({ means }) => Projection.ofMeans(means, { tau: 1, strictNaN: false }))
    const chain = Projection.chain(all, "x")
    const expected = cases
      .slice(0, 2)
      .map(({ means }) => Modification.ofMeans(means, 1).matrix)
      .reduce((a, b) => Float64.ops.gemm(a, b))
    assert.isBelow(farthest(chain.matrix(Float64.ops, chain.inputs as never), expected), 1e-12)
  })

  it("of a flat spectrum is 0/0 where the released code is to be followed", () => {
    const found = Projection.ofMeans(Tensor.zeros([5, 12]), { tau: 0.4, strictNaN: true })
    assert.isTrue(found.flat)
    assert.isTrue(found.matrix(Float64.ops, found.inputs as never).data.some(Number.isNaN))
  })
})
