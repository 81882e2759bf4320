/** `Spectrum` is held to ml-matrix's eigen-decomposition, and to spectra that are known because they were made. */
import { assert, describe, it } from "@effect/vitest"
import { Tensor } from "@igm/tensor"
import { Cases, Distance, Law } from "@igm/testing"
import { Schema } from "effect"
import { EigenvalueDecomposition, Matrix } from "ml-matrix"
import { Float64, Modification, Moment } from "../src/index.ts"
import * as Spectrum from "../src/step/Spectrum.ts"

const { ops } = Float64

const diagonal = (values: ReadonlyArray<number>): Float64.Matrix =>
  ops.multiply(Modification.identity(values.length), Tensor.float64([1, values.length], values))

/** The eigenvalues, the largest first, and exp(−τ (Y − λmin I)/(λmax − λmin)) by the eigenvectors. */
const oracle = (y: Float64.Matrix) => {
  const [d] = Float64.dims(y)
  const rows = Array.from({ length: d }, (_, i) => Array.from(y.data.subarray(i * d, (i + 1) * d)))
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(new Matrix(rows), {
    assumeSymmetric: true
  })
  const vectors = Tensor.float64([d, d], eigenvectorMatrix.to1DArray())
  const values = realEigenvalues.toSorted((a, b) => b - a)
  const [max, min] = [values[0]!, values.at(-1)!]
  const kept = (tau: number) => realEigenvalues.map((value) => Math.exp((-tau * (value - min)) / (max - min)))
  return {
    values,
    p: (tau: number) => ops.gemm(ops.multiply(vectors, Tensor.float64([1, d], kept(tau))), vectors, { transB: true }),
    effect: (tau: number) => {
      const shrunk = values.map((value) => -Math.expm1((-tau * (value - min)) / (max - min)))
      return Modification.effect({ shrunk })
    }
  }
}

/** How far ends are from a spectrum, relative to its largest value. */
const ofEnds = (y: Float64.Matrix, values: ReadonlyArray<number>): number => {
  const { min, second, max, vector } = Spectrum.ends(y)
  const v = Tensor.float64([vector.length, 1], vector)
  return Distance.worst([
    Math.abs(max / values[0]! - 1),
    Math.abs(second - (values[1] ?? 0)) / values[0]!,
    Math.abs(min - values.at(-1)!) / values[0]!,
    Distance.relative(ops.gemm(y, v).data, ops.multiply(v, ops.scalar(max)).data, max),
    Math.abs(Math.hypot(...vector) - 1)
  ])
}

const ofEffect = (found: Modification.Effect, expected: Modification.Effect): number =>
  Distance.relative(Object.values(found), Object.values(expected), 1)

/** A number so small that it is 10^−`exponent`; from it the spectra that are hard. */
const spectra = {
  "a pair above": (i: number, d: number, small: number) => (i < 2 ? 1 - i * small : (0.9 * (d - i)) / d),
  "a pair above equals": (i: number, _: number, small: number) => (i < 2 ? 1 - i * small : 0.5),
  "all in pairs": (i: number, d: number) => 1 - Math.floor(i / 2) / (d + 1),
  "one above": (i: number, _: number, small: number) => (i === 0 ? 1 : small / i),
  "one below": (i: number, d: number, small: number) => (i === d - 1 ? small : 1 - i / (2 * d)),
  "a third, and zeros": (i: number, d: number) => (3 * i < d ? 1 / (i + 1) : 0),
  "falling fast": (i: number) => 10 ** (-i / 2)
}

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))
const Tau = Schema.Literals([0, 1e-3, 0.4, 1.3, 20, 100])

const Made = Schema.Struct({
  seed: Cases.Seed,
  width: between(1, 24),
  spectrum: Schema.Literals(Object.keys(spectra) as ReadonlyArray<keyof typeof spectra>),
  exponent: between(0, 17),
  scale: Schema.Literals([1e-9, 1, 3e4]),
  rotated: Schema.Boolean,
  tau: Tau
})

/** A symmetric matrix with eigenvalues that are known, the largest first. */
const made = ({ seed, width, spectrum, exponent, scale, rotated }: typeof Made.Type) => {
  const values = Array.from({ length: width }, (_, i) => scale * spectra[spectrum](i, width, 10 ** -exponent))
  const r = Cases.rotation(width, seed)
  const turned = ops.gemm(ops.gemm(r, diagonal(values), { transA: true }), r)
  const y = rotated
    ? ops.multiply(ops.add(turned, ops.gemm(turned, diagonal(values.map(() => 1)), { transA: true })), ops.scalar(0.5))
    : diagonal(values)
  return { y, values: values.toSorted((a, b) => b - a) }
}

/** Batch means, of features or normal: fewer than dimensions, as many, and more. */
const Means = Schema.Struct({
  seed: Cases.Seed,
  width: between(1, 30),
  batches: between(1, 40),
  realistic: Schema.Boolean,
  tau: Tau
})

/** Where the eigenvalues are as close as rounding errors, P is not determined. */
const blurred = (values: ReadonlyArray<number>): boolean => !(values[0]! - values.at(-1)! > 1e-2 * values[0]!)

const laws = [
  Law.make({
    name: "the ends of a spectrum are found, whatever is equal or nearly so",
    cases: Made,
    tolerance: 1e-13,
    deviation: (of) => {
      const { y, values } = made(of)
      return ofEnds(y, values)
    }
  }),
  Law.make({
    name: "P is what the eigenvectors give, for any spectrum",
    cases: Made,
    tolerance: 1e-12,
    deviation: (of) => {
      const { y, values } = made(of)
      if (blurred(values)) return 0
      return Distance.relative(Spectrum.exponential(y, of.tau, Spectrum.ends(y)).data, oracle(y).p(of.tau).data)
    }
  }),
  Law.make({
    name: "the moment of batch means, its ends, P and what P does are those of the eigen-decomposition",
    cases: Means,
    tolerance: 1e-12,
    deviation: (of) => {
      const z = Cases.meansOf(of)
      const y = Spectrum.moment(z)
      const expected = oracle(y)
      if (blurred(expected.values)) return 0
      const ends = Spectrum.ends(y)
      const p = Spectrum.exponential(y, of.tau, ends)
      return Distance.worst([
        Distance.relative(y.data, Moment.ofMeans(z).data),
        ofEnds(y, expected.values),
        Distance.relative(p.data, expected.p(of.tau).data),
        // Of τ = 1e-3, the entries of I − P are known to 1e-13 of themselves.
        1e-3 * ofEffect(Spectrum.effect(p, of.tau, ends), expected.effect(of.tau))
      ])
    }
  }),
  Law.make({
    name: "in thin form, I + Zᵀ K Z, P and what it does are those of the eigen-decomposition",
    cases: Means,
    tolerance: 1e-12,
    deviation: (of) => {
      const z = Cases.meansOf({ ...of, batches: Math.min(of.batches, of.width) })
      const { kernel, flat, effect } = Spectrum.thin(z, of.tau)
      const expected = oracle(Moment.ofMeans(z))
      if (of.batches >= of.width || blurred(expected.values)) return 0
      const p = ops.add(Modification.identity(of.width), ops.gemm(z, ops.gemm(kernel, z), { transA: true }))
      return Distance.worst([
        Number(flat),
        Distance.relative(p.data, expected.p(of.tau).data),
        1e-3 * ofEffect(effect, expected.effect(of.tau))
      ])
    }
  })
]

describe("Spectrum", () => {
  for (const law of laws) it.effect(law.name, () => Law.holds(law, { runs: 300 }))

  it("is exact for more dimensions than fit a block, and for a number that is no multiple of one", () => {
    for (const [batches, width] of [
      [170, 129],
      [90, 98]
    ] as const) {
      const z = Cases.features(batches, width, "large")
      const y = Spectrum.moment(z)
      const expected = oracle(y)
      assert.isBelow(ofEnds(y, expected.values), 1e-13)
      assert.isBelow(
        Distance.relative(Spectrum.exponential(y, 0.4, Spectrum.ends(y)).data, expected.p(0.4).data),
        1e-13
      )
    }
  })

  it("calls c I flat, and 0, and what is not a number: nothing is shrunk", () => {
    const moments = [1, 3, 50].flatMap((d) =>
      [0, 7, 0.1, Number.NaN].map((c) => diagonal(Array.from({ length: d }, () => c)))
    )
    for (const y of moments) {
      const [d] = Float64.dims(y)
      const ends = Spectrum.ends(y)
      assert.isTrue(Spectrum.isFlat(ends, d))
      const p = Spectrum.exponential(y, 0.4, ends)
      assert.deepStrictEqual(p, Modification.identity(d))
      assert.deepStrictEqual(Spectrum.effect(p, 0.4, ends), Modification.noEffect)
    }
    const { kernel, flat, effect } = Spectrum.thin(Tensor.zeros([2, 3]), 0.4)
    assert.isTrue(flat)
    assert.deepStrictEqual(kernel, Tensor.zeros([2, 2]))
    assert.deepStrictEqual(effect, Modification.noEffect)
  })

  it("shrinks one batch's direction by e^−τ and no other", () => {
    const z = Tensor.float64([1, 3], [1, 2, 2])
    const { kernel, effect } = Spectrum.thin(z, 0.4)
    assert.closeTo(kernel.data[0]!, Math.expm1(-0.4) / 9, 1e-15)
    assert.closeTo(effect.effectiveRank, 1, 1e-14)
    assert.strictEqual(effect.secondEigenvalue, 0)
    assert.closeTo(effect.meanEigenvalue, (2 + Math.exp(-0.4)) / 3, 1e-15)
  })
})
