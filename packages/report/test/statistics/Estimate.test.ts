import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Statistics } from "../../src/index.ts"
import { golden, random, resampled } from "./made.ts"

const { Estimate, Family } = Statistics

const fixed = (observed: number) => ({ observed, resampled: new Float64Array(10).fill(observed) })

/** What three seeds measure, with resamples. */
const measured = Family.measure(resampled(random(["estimate"], { a: 1 })), { a: 1 }, "accuracy").bySeed

describe("Estimate", () => {
  it("of two methods without chance of the samples is the paired t-test over seeds of scipy, and TOST that of statsmodels", () => {
    for (const { a, b, low, high, statistic, bound } of golden().paired) {
      const found = Estimate.of(
        a.map((x, s) => fixed(x - b[s]!)),
        1000
      )
      assert.closeTo(found.value / found.error, statistic, 1e-9)
      assert.closeTo(found.freedom, a.length - 1, 1e-9)
      const described = Family.describe(found, Family.ALPHA)
      assert.closeTo(described.plain.low, low, 1e-7)
      assert.closeTo(described.plain.high, high, 1e-7)
      assert.closeTo(described.bound, bound, 1e-7)
    }
  })

  it("of a single sample says nothing", () => {
    assert.deepStrictEqual(Estimate.of([fixed(1), fixed(1)], 1), { value: 1, error: 1, freedom: 1 })
  })

  it.prop(
    "has no fewer degrees of freedom than seeds and samples leave together, and no less variance than the seeds have",
    { values: Schema.Array(Schema.Array(Schema.Int).check(Schema.isMinLength(6), Schema.isMaxLength(6))) },
    ({ values }) => {
      const bySeed = values.map((all) => ({
        observed: all[0]! % 100,
        resampled: Float64Array.from(all.slice(1), (x) => x % 100)
      }))
      if (bySeed.length < 2) return
      const { error, freedom } = Estimate.of(bySeed, 9)
      assert.isAtLeast(freedom, 1 / (1 / 8 + 1 / (bySeed.length - 1)) - 1e-9)
      assert.isAtLeast(error ** 2, Estimate.between(bySeed) / bySeed.length - 1e-9)
    }
  )

  it.prop("scales with what is measured", { factor: Schema.Finite }, ({ factor }) => {
    const scale = Math.max(-1e3, Math.min(1e3, factor))
    const of = (k: number) =>
      Estimate.of(
        measured.map(({ observed, resampled }) => ({ observed: k * observed, resampled: resampled.map((x) => k * x) })),
        120
      )
    const [one, scaled] = [of(1), of(scale)]
    assert.closeTo(scaled.value, scale * one.value, 1e-9)
    assert.closeTo(scaled.error, Math.abs(scale) * one.error, 1e-9)
    if (Math.abs(scale) > 1e-3) assert.closeTo(scaled.freedom, one.freedom, 1e-6 * one.freedom)
  })

  it("with one seed is about the samples alone, and equal seeds say no more than one", () => {
    const [one] = measured
    const alone = Estimate.of([one!], 120)
    assert.closeTo(alone.error, Math.sqrt((120 / 119) * Estimate.variance(one!.resampled)), 1e-12)
    assert.strictEqual(alone.freedom, 119)
    const same = Estimate.of([one!, one!, one!], 120)
    assert.closeTo(same.error, alone.error, 1e-12)
    assert.closeTo(same.value, alone.value, 1e-12)
  })

  it("does not depend on the order of the seeds, and is never surer than the samples let it be", () => {
    const [found, reversed] = [Estimate.of(measured, 120), Estimate.of(measured.toReversed(), 120)]
    assert.closeTo(found.error, reversed.error, 1e-12)
    assert.closeTo(found.freedom, reversed.freedom, 1e-9)
    const averaged = measured[0]!.resampled.map((_, r) =>
      Statistics.mean(measured.map(({ resampled }) => resampled[r]!))
    )
    assert.isAtLeast(found.error, Math.sqrt((120 / 119) * Estimate.variance(averaged)) - 1e-12)
  })

  it("leans on the seeds of other methods, by two degrees of freedom at most", () => {
    const seeds = [0.7, 0.8, 0.9].map(fixed)
    const alone = Estimate.of(seeds, 1000)
    const many = Estimate.of(seeds, 1000, { variance: 0, freedom: 100 })
    assert.closeTo(many.error ** 2, alone.error ** 2 / 2, 1e-12)
    assert.closeTo(many.freedom, 4, 1e-9)
    const own = Estimate.of(seeds, 1000, { variance: Estimate.between(seeds), freedom: 1 })
    assert.closeTo(own.error, alone.error, 1e-12)
    assert.closeTo(own.freedom, 3, 1e-9)
  })
})
