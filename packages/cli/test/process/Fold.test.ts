import { assert, describe, it } from "@effect/vitest"
import { Terminal } from "@igm/report"
import { Schema } from "effect"
import { fold } from "../../src/Fold.ts"

const Word = Schema.Literals([
  "a",
  "IGM",
  "(paper)",
  "0.904",
  "±",
  "finished",
  "\u001b[32m--seed\u001b[0m",
  "x".repeat(30)
])
const Space = Schema.Literals(["", " ", "   ", "       ", "\n", "\n    "])
const Text = Schema.Array(Schema.Tuple([Space, Word]))
const Columns = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 }))

const wordsOf = (text: string) => text.split(/\s+/).filter((word) => word !== "")

// eslint-disable-next-line no-control-regex
const widthOf = (text: string) => text.replaceAll(/\u001b\[\d+m/g, "").length

describe("Fold", () => {
  it.prop(
    "lines are as wide as the terminal at most, but for words that are wider; no word is lost or broken",
    { pieces: Text, columns: Columns },
    ({ pieces, columns }) => {
      const text = pieces.flat().join("")
      const folded = fold(text, columns)
      assert.deepStrictEqual(wordsOf(folded), wordsOf(text))
      for (const line of folded.split("\n")) {
        const [only, ...others] = wordsOf(line)
        if (widthOf(line) > columns) assert.deepStrictEqual([line, others], [only, []])
      }
    }
  )

  it.prop("what fits is left as it is", { pieces: Text }, ({ pieces }) => {
    const text = pieces.flat().join("")
    const widest = Math.max(1, ...text.split("\n").map(widthOf))
    assert.strictEqual(fold(text, widest), text)
  })

  it("a table is broken between its columns, a sentence between words, a list of choices between them", () => {
    const cells = [
      ["", "accuracy", "macro-F1", "mAP"],
      ["IGM (paper)", "0.904 ± 0.005", "0.904 ± 0.005", "0.960 ± 0.001"]
    ]
    assert.strictEqual(
      fold([...Terminal.aligned(cells), "Frozen features: not comparable at all."].join("\n"), 32),
      [
        "              accuracy",
        "  macro-F1        mAP",
        "─".repeat(32),
        "IGM (paper)   0.904 ± 0.005",
        "  0.904 ± 0.005   0.960 ± 0.001",
        "Frozen features: not comparable",
        "  at all."
      ].join("\n")
    )
    assert.strictEqual(fold("--level <all|trace|debug|info>", 16), "--level <all|\n  trace|debug|\n  info>")
  })
})
