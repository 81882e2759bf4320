import { assert, describe, it } from "@effect/vitest"
import { Keyed } from "@igm/tensor"
import { Statistics } from "../../src/index.ts"
import { golden, made, method, random, resampled } from "./made.ts"

const { Family } = Statistics

const skills = { a: 1.2, b: 1, c: 0.9, d: 0.5 }
const table = resampled(random(["family"], skills), 400)

const pairs = ["b", "c", "d"].map((other): Statistics.Family.Weights => ({ a: 1, [other]: -1 }))

const numbersOf = ({ value, error, plain, simultaneous }: Statistics.Family.Found) => [
  value,
  error,
  plain.low,
  plain.high,
  simultaneous.low,
  simultaneous.high
]

const assertClose = (a: ReadonlyArray<number>, b: ReadonlyArray<number>, by = 1e-12) =>
  a.forEach((x, i) => assert.closeTo(x, b[i]!, by))

describe("Family", () => {
  it("simultaneous intervals contain the plain ones, and are the plain ones of a family of one", () => {
    const { level, found } = Family.of(table, pairs, "accuracy")
    assert.isAtMost(level, Family.ALPHA)
    assert.isAtLeast(level, Family.ALPHA / 3)
    for (const one of found) {
      assert.isAtMost(one!.simultaneous.low, one!.plain.low)
      assert.isAtLeast(one!.simultaneous.high, one!.plain.high)
    }
    const alone = Family.of(table, pairs.slice(0, 1), "accuracy")
    assert.strictEqual(alone.level, Family.ALPHA)
    assert.deepStrictEqual(alone.found[0]!.simultaneous, alone.found[0]!.plain)
    assert.deepStrictEqual(alone.found[0]!.plain, found[0]!.plain)
  })

  it("the level for all pairs of independent means is that of Tukey's studentized range", () => {
    const count = 20_000
    for (const { means, level, tukeyhsd, range } of golden().family) {
      if (means > 6) continue
      const stream = Keyed.stream(["tukey", means])
      const drawn = Array.from({ length: means }, () => Keyed.normals(stream, count))
      const all = drawn.flatMap((x, a) => drawn.slice(a + 1).map((y) => x.map((z, r) => (z - y[r]!) / Math.SQRT2)))
      // The share of 20,000 that exceeds the 95 % quantile has a standard error of 0.15 points, 3 % of 5.
      assert.closeTo(Family.levelOf(all) / level, 1, 0.12, `${means} means`)
      assert.closeTo(tukeyhsd / level, 1, 0.05)
      assert.closeTo(Statistics.Distributions.rangeQuantile(0.95, means), range, 1e-7)
    }
  })

  it("contrasts that say the same need no more than one of them", () => {
    const twice = Family.of(table, [pairs[0]!, { b: 1, a: -1 }, pairs[0]!], "accuracy")
    assert.closeTo(twice.level, Family.ALPHA, 0.025)
    assert.isAbove(twice.level, Family.of(table, pairs, "accuracy").level)
  })

  it("a contrast and its mirror, and a contrast of other weights, are measured alike", () => {
    const [one] = Family.of(table, [{ a: 1, c: -1 }], "accuracy").found
    const [mirror] = Family.of(table, [{ c: 1, a: -1 }], "accuracy").found
    const [half] = Family.of(table, [{ a: 0.5, c: -0.5 }], "accuracy").found
    assertClose(
      [-mirror!.value, -mirror!.plain.high, -mirror!.plain.low, 1 - mirror!.probability],
      [one!.value, one!.plain.low, one!.plain.high, one!.probability]
    )
    assertClose(
      numbersOf(half!).map((x) => 2 * x),
      numbersOf(one!)
    )
    assert.closeTo(half!.freedom, one!.freedom, 1e-6)
  })

  it("nothing depends on the order of methods or seeds, or on methods that have other seeds", () => {
    const scores = random(["family"], skills)
    const other = {
      ...scores,
      methods: [
        ...scores.methods.map((one) => ({ ...one, trainings: one.trainings.toReversed() })).toReversed(),
        { ...scores.methods[0]!, name: "e", trainings: [{ ...scores.methods[0]!.trainings[0]!, seed: 99 }] }
      ]
    }
    const [before, after] = [Family.of(table, pairs, "accuracy"), Family.of(resampled(other, 400), pairs, "accuracy")]
    assert.strictEqual(after.level, before.level)
    before.found.forEach((one, i) => assertClose(numbersOf(after.found[i]!), numbersOf(one!)))
  })

  it("the order of the samples matters as little as other resamples do", () => {
    const scores = random(["family"], skills)
    const [n, classes] = scores.methods[0]!.trainings[0]!.probabilities.shape as [number, number]
    const reversed = {
      ...scores,
      methods: scores.methods.map((one) => ({
        ...one,
        trainings: one.trainings.map(({ seed, probabilities }) => ({
          seed,
          probabilities: {
            ...probabilities,
            data: Float64Array.from({ length: n * classes }, (_, at) =>
              Number(probabilities.data[(n - 1 - Math.floor(at / classes)) * classes + (at % classes)])
            )
          }
        }))
      }))
    }
    const [before, after] = [table, resampled(reversed, 400)].map((of) => Family.of(of, pairs, "accuracy").found)
    before!.forEach((one, i) => {
      assert.closeTo(after![i]!.value, one!.value, 1e-12)
      assert.closeTo(after![i]!.error / one!.error, 1, 0.25)
    })
  })

  it("a difference that only some seeds show is none, and its degrees of freedom are few", () => {
    const right = (share: number) => Array.from({ length: 200 }, (_, i) => Number(i < 200 * share))
    const of = (name: string, shares: ReadonlyArray<number>) =>
      method(
        name,
        shares.map((share, t) => [t + 1, right(share)] as const)
      )
    const scores = made([of("steady", [0.8, 0.8, 0.8]), of("unsteady", [0.5, 0.85, 0.85])])
    const [found] = Family.of(resampled(scores), [{ steady: 1, unsteady: -1 }], "accuracy").found
    assert.closeTo(found!.value, 0.2 / 3, 1e-12)
    assert.isBelow(found!.plain.low, 0)
    assert.isBelow(found!.freedom, 4)
  })

  it("a difference as large as is detectable is found four times of five", () => {
    const [found] = Family.of(table, [{ a: 1, b: -1 }], "accuracy").found
    const { error, freedom, detectable } = found!
    const quantile = (p: number) => Statistics.Distributions.studentQuantile(p, freedom)
    assert.closeTo(detectable / error, quantile(0.975) + quantile(0.8), 1e-9)
  })

  it("the probability of more counts ties half", () => {
    const scores = made([method("a", [[1, [1, 1]]]), method("b", [[1, [1, 1]]]), method("c", [[1, [0, 0]]])])
    const { found } = Family.of(
      resampled(scores),
      [
        { a: 1, b: -1 },
        { a: 1, c: -1 },
        { c: 1, a: -1 }
      ],
      "accuracy"
    )
    assert.deepStrictEqual(
      found.map((one) => one!.probability),
      [0.5, 1, 0]
    )
  })
})
