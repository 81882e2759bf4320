import { assert, describe, it } from "@effect/vitest"
import { Keyed, Tensor } from "@igm/tensor"
import { Schema } from "effect"
import { Calibration, Metric } from "../src/index.ts"

const Case = Schema.Struct({
  seed: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1e6 })),
  sharpness: Schema.Literals([0.3, 1, 4])
})

/** Forecasts whose labels are drawn from them, and then sharpened: the temperature that undoes it is their sharpness. */
const drawn = ({ seed, sharpness }: typeof Case.Type, n: number) => {
  const stream = Keyed.stream(["calibration", seed])
  const honest = Calibration.at(
    1,
    Tensor.float64(
      [n, 3],
      Array.from({ length: 3 * n }, () => 0.02 + stream.uniform())
    )
  )
  const labels = Array.from({ length: n }, (_, i) => {
    const u = stream.uniform()
    const [a, b] = [honest.data[3 * i]!, honest.data[3 * i + 1]!]
    return u < a ? 0 : u < a + b ? 1 : 2
  })
  return { labels, probabilities: Calibration.at(1 / sharpness, honest) }
}

describe("Calibration", () => {
  it.prop("no temperature has a lower likelihood than the fitted one", { of: Case }, ({ of }) => {
    const { labels, probabilities } = drawn(of, 40)
    const lossAt = (t: number) => Metric.of(labels, Calibration.at(t, probabilities)).negativeLogLikelihood
    const best = Calibration.temperature(labels, probabilities)
    for (const factor of [0.5, 0.9, 0.999, 1.001, 1.1, 2]) {
      const other = Math.min(Math.max(best * factor, Calibration.RANGE[0]), Calibration.RANGE[1])
      assert.isAtMost(lossAt(best), lossAt(other) + 1e-9)
    }
  })

  it.prop("changes no prediction, and at 1 no probability", { of: Case }, ({ of }) => {
    const { probabilities } = drawn(of, 40)
    assert.deepStrictEqual(Metric.predictions(Calibration.at(3, probabilities)), Metric.predictions(probabilities))
    Calibration.at(1, probabilities).data.forEach((p, i) => assert.closeTo(p, probabilities.data[i]!, 1e-12))
  })

  it("finds the temperature by which forecasts were sharpened, and mends the calibration", () => {
    for (const sharpness of [0.3, 4] as const) {
      const { labels, probabilities } = drawn({ seed: 7, sharpness }, 20_000)
      const fitted = Calibration.temperature(labels, probabilities)
      assert.closeTo(fitted / sharpness, 1, 0.1)
      const [before, after] = [probabilities, Calibration.at(fitted, probabilities)].map((p) => Metric.of(labels, p))
      assert.isBelow(after!.calibrationError, before!.calibrationError / 3)
      assert.strictEqual(Math.sign(before!.overconfidence), sharpness > 1 ? 1 : -1)
    }
  })

  it("the bins of the reliability diagram are those of the calibration error", () => {
    const { labels, probabilities } = drawn({ seed: 1, sharpness: 4 }, 300)
    const bins = Calibration.bins(labels, probabilities)
    const { calibrationError, overconfidence } = Metric.of(labels, probabilities)
    const sum = (f: (gap: number) => number) =>
      bins.reduce((total, { share, confidence, accuracy }) => total + share * f(confidence - accuracy), 0)
    assert.closeTo(sum(Math.abs), calibrationError, 1e-12)
    assert.closeTo(
      sum((gap) => gap),
      overconfidence,
      1e-12
    )
  })
})
