/** A reader of a tuning must be able to see what was chosen and what it cost, and that the choice may mean little. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Page, Terminal, Tuning, TuningWords } from "../../src/index.ts"
import { report, tuning } from "../fixture.ts"

const [a, b] = tuning as [Tuning.TunedMethod, Tuning.TunedMethod]

describe("Tuning", () => {
  it("has each method's choice, its score beside its default's on the same folds, and its cost", () => {
    assert.deepStrictEqual(Tuning.summary(tuning), [
      ["", "chosen", "mAP", "default", "difference", "trials", "epochs"],
      ["A", "τ = 0.1, ρ = 1e-4", "0.633 ± 0.033", "0.600 ± 0.058", "+0.033 ± 0.033", "3", "180"],
      ["B", "fusion = mean", "0.500 ± 0.000", "none", "", "2", "240"]
    ])
    const scope = TuningWords.scope(tuning).join(" ")
    assert.include(scope, "Heads train on 830 to 840 samples")
    assert.include(scope, "Every method had 3 trials on the same folds with the same seeds")
    assert.include(scope, "Tuning took 5 trials, 30 trainings and 420 epochs; 60 epochs more scored the defaults.")
    assert.include(scope, "promises nothing about the test split")
  })

  it("says how much the choice varies, and does not sell a difference that the folds do not show", () => {
    assert.deepStrictEqual(TuningWords.verdict(a), [
      "Tried τ of 0.1, 0.4; ρ of 1e-15, 0.0001.",
      "Means from 0.300 to 0.633, median 0.600.",
      "Ahead of τ = 0.1, ρ = 1e-15 by 1.0 standard errors of the paired difference: these folds cannot tell it from that, nor from 1 other trial.",
      "2 of 3 folds alone would have chosen it; the rest τ = 0.4, ρ = 1e-4.",
      "For being the best of 3, its mean is too high by an estimated 0.033."
    ])
    assert.deepStrictEqual(TuningWords.verdict(b), [
      'Tried fusion of "mean", "sum", all 2 points of it.',
      "1 trial diverged.",
      "It is the only setting.",
      "Each fold alone would have chosen it too."
    ])
    const say = (runnerUp: Tuning.TunedMethod["runnerUp"]) => TuningWords.verdict({ ...a, runnerUp }).join(" ")
    assert.include(
      say({ place: 0, difference: 0.05, error: 0.01 }),
      "by 5.0 standard errors of the paired difference, which is weak evidence"
    )
    assert.include(say({ place: 0, difference: 0, error: 0 }), "the first trial is taken")
    assert.include(say({ place: 0, difference: 0.05, error: 0 }), "by 0.0500 in every fold")
    assert.include(TuningWords.verdict({ ...a, byFold: [0, 0, 2] }).join(" "), "No fold alone would have chosen it")
  })

  it.effect("is in the page and in the terminal's table of a tuned experiment, and of no other", () =>
    Effect.gen(function* () {
      const tuned = report({ tuning })
      const text = Terminal.text(tuned)
      assert.include(text, "Tuning\n")
      assert.include(text, "A   τ = 0.1, ρ = 1e-4   0.633 ± 0.033   0.600 ± 0.058   +0.033 ± 0.033   3        180\n")
      assert.include(text, "  A: Tried τ of 0.1, 0.4")
      assert.include(text, "  The choice promises nothing about the test split.")
      assert.notInclude(text, "Trials of the tuning")
      assert.isAtMost(Math.max(...text.split("\n").map((line) => line.length)), 140)
      const page = yield* Page.html(tuned)
      assert.include(page, "<h2>Tuning</h2>")
      assert.include(page, "Trials of the tuning")
      assert.include(page, "chosen, best of fold 1, best of fold 3")
      assert.include(page, "diverged")
      assert.notInclude(Terminal.text(report()), "Tuning")
      assert.notInclude(yield* Page.html(report()), "<h2>Tuning")
    })
  )
})
