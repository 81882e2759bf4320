import { assert, describe, it } from "@effect/vitest"
import { Metric } from "@igm/gradient"
import { Keyed, Tensor } from "@igm/tensor"
import { Statistics } from "../../src/index.ts"
import { golden, probabilities } from "./made.ts"

const { Estimate, Resamples } = Statistics

const { labels, counts, expected } = golden().bootstrap

/** One method with two trainings: the case of the golden values, and it the other way round. */
const two = {
  split: "test",
  labels,
  methods: [
    {
      name: "a",
      selectedBy: "accuracy" as const,
      trainings: [
        { seed: 1, probabilities: probabilities(counts) },
        { seed: 2, probabilities: probabilities(counts.toReversed()) }
      ]
    }
  ]
}

describe("Resamples", () => {
  it("metrics are scikit-learn's, the sign of the calibration error and the likelihood as well", () => {
    for (const one of golden().metrics) {
      const found = Metric.of(one.labels, probabilities(one.counts))
      for (const name of Metric.names) assert.closeTo(found[name], one.expected[name]!, 1e-12, name)
    }
  })

  it("a metric of a resample is the metric of the samples that it draws, as often as it draws them", () => {
    const found = Resamples.of(two, { count: 3 })
    const drawn = Resamples.draws(labels.length, 3)
    for (const [t, { probabilities }] of two.methods[0]!.trainings.entries()) {
      drawn.forEach((times, r) => {
        const rows = labels.flatMap((_, i) => Array.from({ length: times[i]! }, () => i))
        const own = Metric.of(
          rows.map((i) => labels[i]!),
          Tensor.takeRows(probabilities, rows)
        )
        for (const metric of Metric.names) {
          const measured = found.methods[0]!.trainings[t]![metric]!
          assert.closeTo(measured.resampled[r]!, own[metric], 1e-12, metric)
        }
      })
    }
  })

  it("standard errors and percentiles of every metric are those of scipy.stats.bootstrap", () => {
    const count = 2000
    const found = Resamples.of(two, { count })
    for (const metric of Metric.names) {
      const { error, low, high } = expected[metric]!
      const { resampled } = found.methods[0]!.trainings[0]![metric]!
      // Standard deviations of 4,000 and 2,000 resamples have a standard error of 1 and 2 %.
      assert.closeTo(Math.sqrt(Estimate.variance(resampled)) / error, 1, 0.08, metric)
      const sorted = resampled.toSorted()
      assert.closeTo(sorted[Math.round(0.025 * count)]!, low, 0.3 * error, metric)
      assert.closeTo(sorted[Math.round(0.975 * count)]!, high, 0.3 * error, metric)
    }
  })

  it("groups of one sample each are samples, and the names of groups and their order do not matter", () => {
    const plain = Resamples.of(two, { count: 20 })
    assert.deepStrictEqual(Resamples.of({ ...two, groups: labels.map((_, i) => `g${i}`) }, { count: 20 }), plain)
    assert.deepStrictEqual([plain.units, plain.samples, plain.grouped], [labels.length, labels.length, false])
    const grouped = (name: (g: number) => string) =>
      Resamples.of({ ...two, groups: labels.map((_, i) => name(i % 10)) }, { count: 20 })
    assert.deepStrictEqual(
      grouped((g) => `speaker ${g}`),
      grouped((g) => String(100 - g))
    )
    assert.deepStrictEqual([grouped(String).units, grouped(String).grouped], [10, true])
  })

  it("samples that are alike in their groups vary as much as the groups do", () => {
    const groups = Array.from({ length: 400 }, (_, i) => `g${i % 20}`)
    const right = Array.from({ length: 20 }, (_, g) => Number(g < 15))
    const of = (more: { readonly groups?: ReadonlyArray<string> }) =>
      Resamples.of(
        {
          ...more,
          split: "test",
          labels: groups.map((_, i) => right[i % 20]!),
          methods: [
            {
              name: "always 1",
              selectedBy: "accuracy",
              trainings: [
                {
                  seed: 1,
                  probabilities: Tensor.float64(
                    [400, 2],
                    groups.flatMap(() => [0, 1])
                  )
                }
              ]
            }
          ]
        },
        { count: 1000, metrics: ["accuracy"] }
      )
    const deviation = (more: { readonly groups?: ReadonlyArray<string> }) =>
      Math.sqrt(Estimate.variance(of(more).methods[0]!.trainings[0]!.accuracy!.resampled))
    assert.closeTo(deviation({}), Math.sqrt((0.75 * 0.25) / 400), 0.002)
    assert.closeTo(deviation({ groups }), Math.sqrt((0.75 * 0.25) / 20), 0.009)
  })

  it("the same numbers come of the same draws, whoever made them, and others of other predictions alone", () => {
    const draws = Resamples.draws(labels.length, 20)
    assert.deepStrictEqual(Resamples.of(two, { count: 20, draws }), Resamples.of(two, { count: 20 }))
    const stream = Keyed.stream(["any"])
    const times = Resamples.redraw(stream, 50)
    assert.strictEqual(
      times.reduce((a, b) => a + b, 0),
      50
    )
  })
})
