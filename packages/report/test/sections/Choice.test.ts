/** A reader of a cross-validation's table must be able to see what was chosen, and that the choice may mean little. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Choice, Page, Terminal } from "../../src/index.ts"
import { choice, report } from "../fixture.ts"

describe("Choice", () => {
  it("marks the chosen setting, with its mean, its standard error and each fold", () => {
    assert.strictEqual(Choice.title(choice), "Selection of τ and ρ")
    assert.deepStrictEqual(Choice.rows(choice), [
      ["τ", "ρ", "mAP", "by fold", ""],
      ["0.1", "1e-15", "0.600 ± 0.058", "0.500 0.600 0.700", ""],
      ["0.1", "1e-4", "0.633 ± 0.033", "0.600 0.600 0.700", "← chosen"]
    ])
  })

  it("does not sell a difference that the folds do not show", () => {
    const say = (runnerUp: Choice.Choice["runnerUp"]) => Choice.verdict({ ...choice, runnerUp }).join(" ")
    assert.strictEqual(
      say(choice.runnerUp),
      "Chosen: τ = 0.1, ρ = 1e-4. These folds cannot tell it from τ = 0.1, ρ = 1e-15: within one standard error (paired difference 0.0333, standard error 0.0333)."
    )
    assert.include(say({ place: 0, difference: 0.05, error: 0.01, beyond: true }), "weak evidence")
    assert.include(say({ place: 0, difference: 0, error: 0, beyond: false }), "the first in the table is taken")
    assert.include(say(null), "the only setting")
    assert.include(Choice.scope(choice).join(" "), "Heads train on 830 to 840 samples")
    assert.include(Choice.scope(choice).join(" "), "promises nothing about the test split")
  })

  it.effect("is in the page and in the terminal's table of a tuned experiment, and of no other", () =>
    Effect.gen(function* () {
      const tuned = report({ choice })
      const text = Terminal.text(tuned)
      assert.include(text, "Selection of τ and ρ")
      assert.include(text, "0.633 ± 0.033   0.600 0.600 0.700   ← chosen\n\n  Chosen: τ = 0.1, ρ = 1e-4.")
      assert.include(text, "  The choice promises nothing about the test split.")
      assert.isAtMost(Math.max(...text.split("\n").map((line) => line.length)), 140)
      const page = yield* Page.html(tuned)
      assert.include(page, "<h2>Selection of τ and ρ</h2>")
      assert.strictEqual(page.match(/<tr class="chosen"><td>0\.1<\/td><td class="number">1e-4/g)?.length, 1)
      assert.notInclude(Terminal.text(report()), "Selection of")
      assert.notInclude(yield* Page.html(report()), "Selection of")
    })
  )
})
