import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { type MethodScores, Statistics } from "../../src/index.ts"

const Bits = Schema.Array(Schema.Tuple([Schema.Boolean, Schema.Boolean])).check(
  Schema.isMinLength(1),
  Schema.isMaxLength(60)
)

const metrics = { accuracy: 0, macroF1: 0, meanAveragePrecision: 0, calibrationError: 0 }

const method = (name: string, trainings: ReadonlyArray<readonly [number, ReadonlyArray<number>]>): MethodScores => ({
  name,
  description: "",
  selectedBy: "accuracy",
  trainings: trainings.map(([seed, predicted]) => ({ seed, ...metrics, predicted }))
})

/** Two methods, right where the bits say so. */
const pair = (bits: typeof Bits.Type) => ({
  labels: bits.map(() => 1),
  methods: [method("a", [[1, bits.map(([a]) => Number(a))]]), method("b", [[1, bits.map(([, b]) => Number(b))]])]
})

describe("Comparison", () => {
  it.prop("comparing a with b is the mirror of comparing b with a", { bits: Bits }, ({ bits }) => {
    const [ab] = Statistics.compare(pair(bits), ["a", "b"])
    const [ba] = Statistics.compare(pair(bits), ["b"])
    assert.closeTo(ab!.difference, -ba!.difference, 1e-12)
    assert.isAtMost(Math.abs(ab!.low + ba!.high), 2 / bits.length)
    assert.isAtMost(ab!.low, ab!.high)
  })

  it("a method does not differ from itself", () => {
    const same = pair([true, false, true, true].map((right) => [right, right] as const))
    const [comparison] = Statistics.compare(same, ["a", "b"])
    assert.deepStrictEqual([comparison!.difference, comparison!.low, comparison!.high], [0, 0, 0])
    assert.strictEqual(
      Statistics.verdict(comparison!),
      "a and b: no difference that these data can show (0.0 points, 95 % interval 0.0 to 0.0)"
    )
  })

  it("a clear difference is called one, in the right direction", () => {
    const clear = pair(Array.from({ length: 50 }, (_, i) => [i % 10 > 0, i % 10 > 5] as const))
    const [ab, none] = Statistics.compare(clear, ["a", "b"])
    assert.isUndefined(none)
    const [ba] = Statistics.compare(clear, ["b"])
    assert.match(Statistics.verdict(ab!), /^a is more accurate than b \(\+50\.0 points/)
    assert.match(Statistics.verdict(ba!), /^b is less accurate than a \(−50\.0 points/)
  })

  it("the bootstrap's spread is that of the binomial distribution", () => {
    const n = 400
    const [ab] = Statistics.compare(pair(Array.from({ length: n }, (_, i) => [i % 4 === 0, false] as const)), ["a"])
    const deviation = Math.sqrt((0.25 * 0.75) / n)
    assert.closeTo(ab!.low, 0.25 - 1.96 * deviation, 0.006)
    assert.closeTo(ab!.high, 0.25 + 1.96 * deviation, 0.006)
  })

  it("a difference that the seeds disagree on is none", () => {
    const labels = Array.from({ length: 200 }, () => 1)
    const right = (share: number) => labels.map((label, i) => (i < 200 * share ? label : 0))
    const of = (name: string, shares: ReadonlyArray<number>) =>
      method(
        name,
        shares.map((share, t) => [t + 1, right(share)] as const)
      )
    const methods = [of("steady", [0.8, 0.8, 0.8]), of("unsteady", [0.5, 0.85, 0.85])]
    const [comparison] = Statistics.compare({ labels, methods }, ["steady"])
    assert.closeTo(comparison!.difference, 0.2 / 3, 1e-12)
    assert.isFalse(Statistics.isDifferent(comparison!))
  })

  it("pairs trainings by their seeds, whatever their order, and compares nothing without a seed in common", () => {
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
    const found = Statistics.compare({ labels: [1, 1], methods }, ["a"])
    assert.deepStrictEqual(
      found.map(({ against, difference }) => [against, difference]),
      [
        ["b", 0],
        ["ensemble", 0.5]
      ]
    )
  })

  it("the name of no method is an error that says which there are", () => {
    assert.throws(() => Statistics.compare(pair([[true, true]]), ["c"]), /no method "c": there are "a", "b"/)
  })
})

describe("Summary", () => {
  it("means and standard deviations are with n − 1, and one number has none", () => {
    assert.deepStrictEqual(Statistics.summary([1, 2, 3]), { mean: 2, deviation: 1 })
    assert.deepStrictEqual(Statistics.summary([0.5]), { mean: 0.5, deviation: null })
    assert.strictEqual(Statistics.meanAndDeviation([1, 2, 3]), "2.000 ± 1.000")
  })
})
