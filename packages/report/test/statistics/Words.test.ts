import { assert, describe, it } from "@effect/vitest"
import { Metric } from "@igm/gradient"
import { Schema } from "effect"
import { Statistics } from "../../src/index.ts"

const { Words } = Statistics

const design: Statistics.Design = {
  metric: "accuracy",
  level: 0.01,
  margin: null,
  seeds: [3, 3],
  freedom: 20,
  samples: 1000,
  groups: null
}

const comparison = (difference: number, reach: number): Statistics.Comparison => {
  const interval = { low: difference - reach, high: difference + reach }
  return {
    method: "A",
    against: "B",
    difference,
    error: reach / 3,
    freedom: 20,
    plain: interval,
    simultaneous: interval,
    detectable: 1.3 * reach,
    bound: Math.abs(difference) + 0.8 * reach,
    probability: 0.9
  }
}

const Share = Schema.Finite.check(Schema.isBetween({ minimum: -1, maximum: 1 }))

/** The numbers of a sentence, as it writes them. */
const written = (text: string): ReadonlyArray<string> => text.match(/[+−]?\d+\.\d+/g) ?? []

describe("Words", () => {
  it("says what is shown, what is equivalent, and how large a difference would have been shown", () => {
    assert.strictEqual(
      Words.verdict(comparison(0.0086, 0.0082), design),
      "A is more accurate than B: +0.86 points [+0.04, +1.68]"
    )
    assert.strictEqual(
      Words.verdict(comparison(-0.016, 0.015999), design),
      "A is less accurate than B: −1.6000 points [−3.1999, −0.0001]"
    )
    assert.strictEqual(
      Words.verdict(comparison(0.001, 0.012), design),
      "A and B: +0.10 points [−1.10, +1.30], no difference shown; one of 1.6 points would have been"
    )
    assert.strictEqual(
      Words.verdict(comparison(0.001, 0.002), { ...design, margin: 0.01 }),
      "A and B: +0.10 points [−0.10, +0.30], equivalent within 1 point (below 0.26)"
    )
    assert.strictEqual(
      Words.verdict(comparison(0.003, 0.002), { ...design, margin: 0.01 }),
      "A is more accurate than B: +0.30 points [+0.10, +0.50], within the margin of 1 point"
    )
    assert.strictEqual(
      Words.verdict(comparison(-0.03, 0.02), { ...design, metric: "negativeLogLikelihood" }),
      "A is lower in NLL than B: −0.030 nats [−0.050, −0.010]"
    )
  })

  it.prop(
    "digits follow the verdict: an interval that shows a difference never ends in 0, and one that does not holds it",
    { difference: Share, reach: Share, metric: Schema.Literals(Metric.names) },
    ({ difference, reach, metric }) => {
      const one = comparison(difference, Math.abs(reach))
      const said = Words.verdict(one, { ...design, metric })
      const numbers = written(said).map((text) => Number(text.replace("−", "-")))
      assert.notMatch(said, /[-−]0\.0*\b(?!\d)/)
      if (Words.isDifferent(one)) {
        assert.match(said, difference > 0 ? /more|higher/ : /less|lower/)
        for (const x of numbers.slice(0, 3)) assert.isTrue(difference > 0 ? x > 0 : x < 0, said)
      } else {
        assert.notMatch(said, / is (more|less|higher|lower)/)
      }
    }
  )

  it.prop(
    "a margin is named by the digits that it has, and only what lies within it is equivalent",
    { difference: Share, reach: Share, margin: Schema.Finite.check(Schema.isBetween({ minimum: 1e-6, maximum: 1 })) },
    ({ difference, reach, margin }) => {
      const one = comparison(difference, Math.abs(reach))
      const said = Words.conclusion(one, { ...design, margin })
      if (one.bound >= margin) assert.notInclude(said, "equivalent")
      else if (difference !== 0) assert.include(said, "equivalent")
      for (const text of written(said)) assert.isAbove(Number(text), 0)
    }
  )

  it("says what the intervals are for, and that one seed, two seeds and few groups are too few", () => {
    const scope = (more: Partial<Statistics.Design>) => Words.scope({ ...design, ...more }).join("\n")
    assert.include(scope({}), "(3 seeds, 1000 test samples), not for other training data")
    assert.notInclude(scope({}), "too few")
    assert.include(scope({ seeds: [1, 1] }), "They are for other test samples (1 seed, ")
    assert.include(scope({ seeds: [1, 1] }), "With one seed the intervals say nothing")
    assert.notInclude(scope({}), "few")
    assert.include(scope({ freedom: 4 }), "vary more with the seed than with the test samples, and 3 seeds are few")
    assert.notInclude(scope({ freedom: 4, seeds: [10, 10] }), "few")
    assert.include(scope({ seeds: [2, 2] }), "Two seeds are too few")
    assert.include(scope({ groups: 40 }), "(3 seeds, 40 groups of 1000 test samples)")
    assert.include(scope({ groups: 3 }), "There are only 3 groups of 1000 test samples")
    assert.include(scope({ margin: 0.01 }), "two one-sided tests show a difference of less than 1 point")
    for (const line of scope({ seeds: [2, 10], groups: 4, margin: 0.01 }).split("\n")) assert.isAtMost(line.length, 138)
  })
})
