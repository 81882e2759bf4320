import { assert, describe, it } from "@effect/vitest"
import { Tensor } from "@igm/tensor"
import { Schema } from "effect"
import { Metric } from "../src/index.ts"

describe("Metric", () => {
  // The expected numbers are scikit-learn's: accuracy_score, f1_score(average="macro"), average_precision_score by class.
  const labels = [0, 1, 2, 2, 1, 0, 2, 1]
  const scores = [
    [0.6, 0.3, 0.1],
    [0.2, 0.5, 0.3],
    [0.4, 0.3, 0.3],
    [0.1, 0.2, 0.7],
    [0.5, 0.4, 0.1],
    [0.3, 0.4, 0.3],
    [0.2, 0.2, 0.6],
    [0.1, 0.8, 0.1]
  ]
  const probabilities = Tensor.float64([8, 3], scores.flat())

  it("agrees with scikit-learn, ties included", () => {
    const found = Metric.of(labels, probabilities)
    assert.strictEqual(found.accuracy, 0.625)
    assert.closeTo(found.macroF1, 0.6222222222222222, 1e-12)
    assert.closeTo(found.meanAveragePrecision, 0.8444444444444444, 1e-12)
  })

  it("averages F1 over the classes that occur", () => {
    assert.strictEqual(Metric.macroF1([0, 0, 1], [0, 0, 1], 5), 1)
    assert.closeTo(Metric.macroF1([0, 0], [0, 2], 3), 1 / 3, 1e-12)
  })

  it("gives the first of equally probable classes, and 0 precision to a class without a positive", () => {
    assert.deepStrictEqual(Array.from(Metric.predictions(Tensor.float64([1, 3], [0.2, 0.4, 0.4]))), [1])
    assert.strictEqual(Metric.averagePrecision([false, false], [0.3, 0.2]), 0)
  })

  it("has no metric of nothing, of a label that is no class, or of NaN: the error says which sample", () => {
    const one = Tensor.float64([1, 2], [0.4, 0.6])
    assert.throws(() => Metric.of([], Tensor.float64([0, 2], [])), "there are no samples to score")
    assert.throws(() => Metric.of([0, 1], one), "2 labels for 1 rows")
    assert.throws(() => Metric.of([2], one), "sample 0 has label 2, but the classes are 0 to 1")
    assert.throws(() => Metric.of([1], Tensor.float64([1, 2], [Number.NaN, 1])), "sample 0 has no score for class 0")
  })

  it("a calibrated forecast has no calibration error, a confident wrong one has all of it", () => {
    const even = Tensor.float64([2, 2], [0.5, 0.5, 0.5, 0.5])
    assert.strictEqual(Metric.calibrationError([0, 1], even), 0)
    assert.strictEqual(Metric.calibrationError([1, 1], Tensor.float64([2, 2], [1, 0, 1, 0])), 1)
  })

  it.prop(
    "average precision depends only on the order of the scores, and is 1 when positives come first",
    { positive: Schema.Array(Schema.Boolean).check(Schema.isMinLength(1), Schema.isMaxLength(12)) },
    ({ positive }) => {
      const scores = positive.map((_, i) => Math.sin(i * 12.9898))
      const squeezed = scores.map((s) => Math.tanh(s) * 3 + 1)
      assert.closeTo(Metric.averagePrecision(positive, scores), Metric.averagePrecision(positive, squeezed), 1e-12)
      if (positive.includes(true)) {
        assert.strictEqual(Metric.averagePrecision(positive, positive.map(Number)), 1)
      }
    }
  )
})
