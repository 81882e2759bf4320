import { assert, describe, it } from "@effect/vitest"
import { Report, Terminal } from "../../src/index.ts"
import { report, scores } from "../fixture.ts"

describe("Terminal", () => {
  it("has the results, the comparisons and, last of all, the rules, in at most 140 columns", () => {
    const text = Terminal.text(report())
    assert.strictEqual(
      text,
      `Test results (mean ± standard deviation over 3 seeds)

         accuracy        macro-F1        mAP             ECE
──────────────────────────────────────────────────────────────────────
A        0.841 ± 0.028   0.831 ± 0.028   0.851 ± 0.028   0.100 ± 0.000
B        0.896 ± 0.036   0.886 ± 0.036   0.906 ± 0.036   0.100 ± 0.000
chance   0.341 ± 0.097   0.331 ± 0.097   0.351 ± 0.097   0.100 ± 0.000

Paired comparisons:
  A and B: no difference that these data can show (−5.6 points, 95 % interval −13.3 to +2.2)
  A is more accurate than chance (+50.0 points, 95 % interval +36.7 to +64.1)
  B is more accurate than chance (+55.6 points, 95 % interval +42.6 to +68.9)

Protocol:
  Intervals: paired bootstrap over seeds and test samples; other data, and several comparisons at once, are not covered.
  Frozen features: not comparable with published end-to-end numbers.
  Selection on <valid>.`
    )
    assert.isAtMost(Math.max(...text.split("\n").map((line) => line.length)), 140)
  })

  it("has no heading where there is nothing to compare", () => {
    const alone = { ...scores(), methods: scores().methods.slice(0, 1) }
    const text = Terminal.text(Report.make("one method", [Report.leaderboard(alone), Report.paired(alone)]))
    assert.notInclude(text, "Paired")
    assert.isTrue(text.endsWith("0.100 ± 0.000"))
  })

  it("shows a table of one's own where it asks for it, and characters that would do something as their numbers", () => {
    const own = (terminal: boolean) =>
      Report.make("t", [Report.table("Norms\u001b[2J", ["modality", "norm"], [["au\u009bdio\n", 3.25]], { terminal })])
    assert.strictEqual(Terminal.text(own(false)), "")
    assert.strictEqual(
      Terminal.text(own(true)),
      ["Norms\\u{1b}[2J", "", "modality           norm", "───────────────────────", "au\\u{9b}dio\\n   3.25"]
        .join("\n")
        .replace("modality           norm", "modality        norm")
        .replace("───────────────────────", "────────────────────")
    )
  })
})
