import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Report } from "../src/index.ts"
import * as Digits from "../src/Digits.ts"

const written = (numbers: ReadonlyArray<number>, digits?: number) => numbers.map(Digits.writer(numbers, digits))

const cellsOf = ({ view }: ReturnType<typeof Report.table>) => (view[0]?.kind === "table" ? view[0].rows : [])

describe("The digits of a column", () => {
  it("are those that its numbers need, four significant ones at most", () => {
    for (const [numbers, texts] of [
      [
        [1, 20, 300],
        ["1", "20", "300"]
      ],
      [
        [1, 0.5],
        ["1.0", "0.5"]
      ],
      [
        [0.4840007810426238, 0.2420003905213119],
        ["0.4840", "0.2420"]
      ],
      [
        [15.123456, -2.5],
        ["15.12", "-2.50"]
      ],
      [
        [123456.789, 0.25],
        ["123456.8", "0.3"]
      ],
      // Nothing that is there looks like zero.
      [
        [0.5, 1.25e-9, 0],
        ["0.5000", "1.250e-9", "0.0000"]
      ],
      [
        [1.5e-10, 0],
        ["1.500e-10", "0"]
      ],
      [
        [12345678.5, 1],
        ["1.235e+7", "1.000e+0"]
      ]
    ] as const) {
      assert.deepStrictEqual(written(numbers), [...texts])
    }
    assert.deepStrictEqual(written([1, 0.123456], 2), ["1.00", "0.12"])
  })

  it.prop("are the same in a column, and lose no more than its fourth one", [Schema.Array(Schema.Finite)], ([all]) => {
    const numbers = all.filter((x) => Math.abs(x) < 1e6)
    const largest = numbers.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
    written(numbers).forEach((text, i) => {
      const x = numbers[i]!
      assert.isAtMost(Math.abs(Number(text) - x), 1e-3 * largest)
      assert.strictEqual(Number(text) === 0, x === 0)
    })
  })

  it("are asked for by the column's header, and a column that is none is an error", () => {
    const rows = [["audio", 3.25678, 2.47815] as const]
    const header = ["modality", "norm", "scale"]
    assert.deepStrictEqual(cellsOf(Report.table("Norms", header, rows, { digits: { norm: 1 } })), [
      ["audio", "3.3", "2.478"]
    ])
    assert.deepStrictEqual(Report.table("Norms", header, rows).data, { header, rows: rows.map((row) => [...row]) })
    assert.throws(() => Report.table("Norms", header, rows, { digits: { nrm: 1 } }), /nrm/)
    assert.throws(() => Report.table("Norms", header, rows, { digits: { norm: -1 } }), /norm/)
  })
})
