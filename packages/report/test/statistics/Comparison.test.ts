import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Statistics } from "../../src/index.ts"
import { made, method, random, resampled } from "./made.ts"

const Bits = Schema.Array(Schema.Tuple([Schema.Boolean, Schema.Boolean])).check(
  Schema.isMinLength(1),
  Schema.isMaxLength(40)
)

/** Two methods, right where the bits say so. */
const pair = (bits: typeof Bits.Type) =>
  resampled(
    made([method("a", [[1, bits.map(([a]) => Number(a))]]), method("b", [[1, bits.map(([, b]) => Number(b))]])])
  )

describe("Comparison", () => {
  it.prop("comparing a with b is the mirror of comparing b with a", { bits: Bits }, ({ bits }) => {
    const [ab, none] = Statistics.compare(pair(bits), ["a", "b"]).pairs
    const [ba] = Statistics.compare(pair(bits), ["b"]).pairs
    assert.isUndefined(none)
    for (const [x, y] of [
      [ab!.difference, -ba!.difference],
      [ab!.error, ba!.error],
      [ab!.plain.low, -ba!.plain.high],
      [ab!.simultaneous.high, -ba!.simultaneous.low],
      [ab!.bound, ba!.bound],
      [ab!.detectable, ba!.detectable],
      [ab!.probability, 1 - ba!.probability]
    ] as const) {
      assert.closeTo(x, y, 1e-9)
    }
    assert.isAtMost(ab!.plain.low, ab!.plain.high)
    assert.strictEqual(Statistics.Words.isDifferent(ab!), Statistics.Words.isDifferent(ba!))
  })

  it("a method does not differ from itself", () => {
    const { design, pairs } = Statistics.compare(pair([true, false, true, true].map((right) => [right, right])), ["a"])
    const { difference, plain, simultaneous } = pairs[0]!
    assert.deepStrictEqual([difference, plain, simultaneous], [0, { low: 0, high: 0 }, { low: 0, high: 0 }])
    assert.strictEqual(Statistics.Words.verdict(pairs[0]!, design), "a and b: the same on every sample")
  })

  it("each pair is compared once, and methods without a seed in common are not", () => {
    const methods = [
      method("a", [
        [1, [1, 1]],
        [2, [0, 0]]
      ]),
      method("b", [
        [2, [0, 0]],
        [1, [1, 1]]
      ]),
      method("ensemble", [[1, [1, 0]]]),
      method("other", [[7, [1, 1]]])
    ]
    const { design, pairs } = Statistics.compare(resampled(made(methods)), ["a", "b"])
    assert.deepStrictEqual(
      pairs.map(({ method, against, difference }) => [method, against, difference]),
      [
        ["a", "b", 0],
        ["a", "ensemble", 0.5],
        ["b", "ensemble", 0.5]
      ]
    )
    assert.deepStrictEqual([design.seeds, design.samples, design.groups, design.margin], [[1, 2], 2, null, null])
  })

  it("the metric is the one that selects unless another is asked for", () => {
    const scores = random(["metric"], { a: 1, b: 0 })
    const methods = scores.methods.map((one) => ({ ...one, selectedBy: "macroF1" as const }))
    const resamples = Statistics.Resamples.of({ ...scores, methods }, { count: 50 })
    assert.strictEqual(Statistics.compare(resamples, ["a"]).design.metric, "macroF1")
    assert.strictEqual(Statistics.compare(resamples, ["a"], { by: "accuracy" }).design.metric, "accuracy")
  })

  it("the name of no method, a metric that was not resampled, and a margin of nothing are errors", () => {
    assert.throws(() => Statistics.compare(pair([[true, true]]), ["c"]), /no method "c": there are "a", "b"/)
    assert.throws(
      () => Statistics.compare(pair([[true, true]]), ["a"], { by: "macroF1" }),
      /macro-F1 was not resampled/
    )
    for (const margin of [0, -1, Number.NaN]) {
      assert.throws(() => Statistics.compare(pair([[true, true]]), ["a"], { margin }), /give a positive one/)
    }
  })

  it("equivalence is said within the margin alone, and what differs may be equivalent as well", () => {
    const scores = random(["equal"], { a: 1, b: 1 }, { samples: 400 })
    const of = (margin: number) => Statistics.compare(resampled(scores), ["a"], { margin })
    const { bound, difference, error } = of(1).pairs[0]!
    assert.isAbove(bound, Math.abs(difference) + error)
    for (const [margin, equal] of [
      [bound * 1.01, true],
      [bound * 0.99, false]
    ] as const) {
      const { design, pairs } = of(margin)
      assert.strictEqual(Statistics.Words.isEquivalent(pairs[0]!, design), equal)
      const said = Statistics.Words.verdict(pairs[0]!, design)
      assert.strictEqual(/equivalent/.test(said), equal, said)
    }
  })
})
