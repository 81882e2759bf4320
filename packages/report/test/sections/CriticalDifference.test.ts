import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Chart, Report, ReportError, type Statistics, Terminal } from "../../src/index.ts"

/** Four methods on so many data sets: one is best on all, two are alike, and one is worst. */
const table = (dataSets: number): Statistics.Friedman.Table => ({
  metric: "accuracy",
  methods: ["IGM", "late fusion", "MLA", "one <modality>"],
  dataSets: Array.from({ length: dataSets }, (_, d) => ({
    name: `set ${d}`,
    values: [0.9, 0.8 + 0.01 * (d % 2), 0.8 + 0.01 * ((d + 1) % 2), 0.6]
  }))
})

const textOf = (of: Statistics.Friedman.Table) =>
  Terminal.text(Report.make("t", [Report.criticalDifference("Over data sets", of, { terminal: true })]))

describe("CriticalDifference", () => {
  it("says what the figure shows", () => {
    assert.strictEqual(
      textOf(table(10)),
      `Over data sets
  Mean ranks of 4 methods in accuracy over 10 data sets. They differ beyond chance: F(3, 27) = 81.00, p < 0.001, by Friedman's test as Iman and Davenport have it.
  Nemenyi's test, for which mean ranks have to be 1.48 apart, shows these differences:
  IGM ranks above late fusion, MLA, one <modality>
  late fusion ranks above one <modality>
  MLA ranks above one <modality>`
    )
  })

  it("says so where there are too few data sets for any difference to be shown", () => {
    const text = textOf(table(2))
    assert.include(text, "No two methods differ by Nemenyi's test, for which mean ranks have to be 3.32 apart.")
    assert.include(text, "With 2 data sets none could have been shown, since mean ranks are at most 3 apart")
    assert.notInclude(textOf(table(10)), "could have been shown")
  })

  it.effect("draws each method with its rank, and bars for those that do not differ", () =>
    Effect.gen(function* () {
      const spec = Report.charts(Report.make("t", [Report.criticalDifference("Over data sets", table(10))]))
      const svg = yield* Chart.svg({ name: "critical-difference", spec: spec["critical-difference"]! })
      for (const text of ["IGM: 1.00", "late fusion: 2.50", "one &lt;modality&gt;: 4.00", "critical difference 1.48"]) {
        assert.include(svg, text)
      }
      assert.notInclude(svg, "NaN")
      assert.strictEqual(svg.match(/stroke-width="5"/g)?.length, 1)
    })
  )

  it("one data set, one method or a missing value is an error", () => {
    for (const bad of [
      table(1),
      { ...table(3), methods: ["IGM"] },
      { ...table(3), dataSets: [...table(2).dataSets, { name: "z", values: [1, 2] }] }
    ]) {
      assert.throws(() => Report.criticalDifference("Over data sets", bad), ReportError)
    }
  })
})
