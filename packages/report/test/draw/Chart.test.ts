import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Chart, Page, Report, ReportError } from "../../src/index.ts"
import { report, scores } from "../fixture.ts"

const dots = (more: object = {}) => ({
  data: { values: [{ a: 1, b: 2, url: "https://example.org/own-column" }] },
  mark: "point",
  encoding: { x: { field: "a", type: "quantitative" }, y: { field: "b", type: "quantitative" } },
  ...more
})

describe("Chart", () => {
  it.effect("classes that are called like what objects have, or like HTML, are shown by their names", () =>
    Effect.gen(function* () {
      const own = { ...scores(), classes: ["constructor", "__proto__", "<script>x"] }
      const charts = Report.charts(report({ scores: own }))
      const svg = yield* Chart.svg({ name: "confusion", spec: charts["confusion"]! })
      for (const name of ["constructor", "__proto__", "&lt;script&gt;x"]) {
        assert.strictEqual(svg.split(`>${name}</text>`).length, 3, name)
      }
      assert.notInclude(yield* Page.html(report({ scores: own })), "<script")
    })
  )

  it.effect("the same specification always gives the same SVG, whatever was drawn before", () =>
    Effect.gen(function* () {
      const clipped = Report.make("t", [Report.chart("clipped", dots({ mark: { type: "point", clip: true } }))])
      const all = { ...Report.charts(report()), ...Report.charts(clipped) }
      assert.deepStrictEqual(Object.keys(all), ["results", "curves", "ledger", "confusion", "clipped"])
      for (const [name, spec] of Object.entries(all)) {
        const [a, b] = yield* Effect.all([Chart.svg({ name, spec }), Chart.svg({ name, spec })])
        assert.strictEqual(a, b)
        assert.include(a, "<svg")
        assert.notInclude(a, "NaN")
        for (const [, id] of a.matchAll(/url\(#([^)]*)\)/g)) assert.include(a, ` id="${id}"`)
      }
    })
  )

  it("learning curves name the metric that selected, method by method", () => {
    const text = JSON.stringify(Report.charts(report())["curves"])
    assert.include(text, "validation macro-F1 (fused)")
    assert.include(text, "validation accuracy (fused)")
  })

  it("a specification that would load something is refused, and a column called url is not", () => {
    Report.chart("fine", dots())
    for (const spec of [
      dots({ data: { url: "https://example.org/data.json" } }),
      dots({ data: { url: "data.csv" } }),
      dots({ transform: [{ lookup: "a", from: { data: { url: "//example.org/x" }, key: "a", fields: ["b"] } }] }),
      { layer: [dots({ mark: { type: "image", url: "https://example.org/x.png" } })] },
      dots({ encoding: { url: { field: "url" } }, mark: "image" }),
      dots({ encoding: { href: { field: "url" } } }),
      dots({ config: { mark: { href: "javascript:alert(1)" } } })
    ]) {
      assert.throws(() => Report.chart("loads", spec), /holds its data, and loads nothing from/)
    }
  })

  it.effect("drawing asks nobody for anything, and says what it was asked for or what it cannot draw", () =>
    Effect.gen(function* () {
      const says = (spec: object) =>
        Chart.svg({ name: "own", spec: JSON.parse(JSON.stringify(spec)) as Record<string, string> }).pipe(Effect.flip)
      for (const spec of [
        dots({ data: { url: "https://example.org/data.json" } }),
        dots({ mark: { type: "image", url: "https://example.org/x.png" } })
      ]) {
        const error = yield* says(spec)
        assert.instanceOf(error, ReportError)
        assert.include(error.message, "https://example.org")
      }
      assert.include(
        (yield* says({ data: { values: [] }, mark: "no such mark" })).message,
        'the chart "own": it cannot be drawn'
      )
    })
  )
})
