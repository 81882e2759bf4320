import { assert, describe, it } from "@effect/vitest"
import { Report, Statistics, Terminal } from "../../src/index.ts"
import { scores } from "../fixture.ts"

const given = scores()
const resamples = Statistics.Resamples.of(given, { count: 200, metrics: ["accuracy"] })

const headline = (of: typeof given, comparisons?: Statistics.Comparisons) =>
  Terminal.text(Report.make("t", [{ ...Report.headline(of, comparisons), terminal: "t" }]))
    .split("\n")[1]!
    .trim()

describe("Headline", () => {
  it("says what is shown of the first method, and what is not", () => {
    assert.strictEqual(
      headline(given, Statistics.compare(resamples, ["A"])),
      "A: test accuracy 0.841 ± 0.028 over 3 seeds; above chance; no difference that these data can show from B."
    )
    assert.strictEqual(
      headline(given, Statistics.compare(resamples, ["A"], { margin: 0.5 })),
      "A: test accuracy 0.841 ± 0.028 over 3 seeds; above chance; equivalent to B."
    )
  })

  it("without others is about the score alone, and one of no method is an error", () => {
    assert.strictEqual(headline(given), "A: test accuracy 0.841 ± 0.028 over 3 seeds.")
    const [first] = given.methods
    const one = { ...given, methods: [{ ...first!, trainings: first!.trainings.slice(0, 1) }] }
    assert.match(headline(one), /^A: test accuracy 0\.\d{3} with one seed\.$/)
    assert.throws(() => Report.headline({ ...given, methods: [] }), /there are no methods/)
  })
})
