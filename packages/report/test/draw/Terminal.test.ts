import { assert, describe, it } from "@effect/vitest"
import { Report, Terminal } from "../../src/index.ts"
import { report, scores } from "../fixture.ts"

describe("Terminal", () => {
  it("has the results, the comparisons and, last of all, the rules, in at most 140 columns", () => {
    const text = Terminal.text(report())
    assert.strictEqual(
      text,
      `Test results (mean ± standard deviation over 3 seeds)

         accuracy        macro-F1        mAP             ECE             confidence − accuracy   NLL
───────────────────────────────────────────────────────────────────────────────────────────────────────────────
A        0.841 ± 0.028   0.840 ± 0.028   0.762 ± 0.037   0.159 ± 0.028   0.159 ± 0.028           5.740 ± 1.008
B        0.896 ± 0.036   0.896 ± 0.036   0.840 ± 0.052   0.104 ± 0.036   0.104 ± 0.036           3.738 ± 1.287
chance   0.341 ± 0.097   0.339 ± 0.097   0.345 ± 0.032   0.659 ± 0.097   0.659 ± 0.097           23.762 ± 3.499

Paired comparisons:
  A and B: −5.56 points [−18.76, +7.65], no difference shown; one of 16.8 points would have been
  A is more accurate than chance: +50.00 points [+29.36, +70.64]
  B is more accurate than chance: +55.56 points [+36.52, +74.60]

Protocol:
  Intervals are simultaneous: in 95 % of experiments all of this list hold the true differences.
  They are for other seeds and other test samples (3 seeds, 90 test samples), not for other training data.
  Where no difference is shown: one of the size that is named would have been in four of five experiments.
  Some of these differences vary more with the seed than with the test samples, and 3 seeds are few.
  Frozen features: not comparable with published end-to-end numbers.
  Selection on <valid>.`
    )
    assert.isAtMost(Math.max(...text.split("\n").map((line) => line.length)), 140)
  })

  it("has no heading where there is nothing to compare", () => {
    const alone = { ...scores(), methods: scores().methods.slice(0, 1) }
    const text = Terminal.text(Report.make("one method", [Report.leaderboard(alone), Report.paired(alone)]))
    assert.notInclude(text, "Paired")
    assert.isTrue(text.endsWith("5.740 ± 1.008"))
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
