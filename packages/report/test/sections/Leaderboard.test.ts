import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Page, Report, Terminal } from "../../src/index.ts"
import { scores } from "../fixture.ts"

const selecting = (...by: ReadonlyArray<"accuracy" | "macroF1" | "meanAveragePrecision">) => ({
  ...scores(),
  methods: scores().methods.map((method, m) => ({ ...method, selectedBy: by[m % by.length]! }))
})

describe("Leaderboard", () => {
  it.effect("shows the metric that the program selects by first, marked, and in the figure and the headline", () =>
    Effect.gen(function* () {
      const report = Report.make("t", [Report.headline(selecting("macroF1")), Report.leaderboard(selecting("macroF1"))])
      const page = yield* Page.html(report)
      assert.include(page, '<th></th><th class="chosen">macro-F1</th><th>accuracy</th><th>mAP</th><th>ECE</th>')
      assert.include(page, "A: test macro-F1 0.840 ± 0.028 over 3 seeds.")
      assert.include(page, "Epochs are selected by macro-F1; the first column is macro-F1.")
      assert.include(JSON.stringify(Report.charts(report)["results"]), '"title":"test macro-F1"')
      assert.match(Terminal.text(report), /^ +macro-F1 +accuracy +mAP +ECE +confidence − accuracy +NLL$/m)
    })
  )

  it("says so where methods are selected by different metrics", () => {
    const text = Terminal.text(Report.make("t", [Report.leaderboard(selecting("meanAveragePrecision", "accuracy"))]))
    assert.match(text, /^ +mAP +accuracy +macro-F1 +ECE +confidence − accuracy +NLL$/m)
    assert.include(text, "Epochs are selected by mAP (A, chance) or accuracy (B); the first column is mAP.")
  })

  it("draws what a seed came to as a bar from zero with its number, and of several seeds each one and their mean", () => {
    const chart = (report: ReturnType<typeof Report.make>) => Report.charts(report)["results"]!
    const many = scores()
    const one = { ...many, methods: many.methods.map((m) => ({ ...m, trainings: m.trainings.slice(0, 1) })) }
    const marks = (made: typeof many) =>
      JSON.stringify(chart(Report.make("t", [Report.leaderboard(made)]))).match(/"type":"(bar|tick|point|text)"/g)
    assert.deepStrictEqual(marks(many), ['"type":"tick"', '"type":"point"'])
    assert.deepStrictEqual(marks(one), ['"type":"bar"', '"type":"text"'])
    assert.include(JSON.stringify(chart(Report.make("t", [Report.leaderboard(one)]))), '"domain":[0,1]')
  })

  it("a method without trainings is refused", () => {
    const none = { ...scores(), methods: [{ ...scores().methods[0]!, trainings: [] }] }
    assert.throws(() => Report.leaderboard(none), /the section "Results on the test split"/)
  })
})
