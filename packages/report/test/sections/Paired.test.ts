import { assert, describe, it } from "@effect/vitest"
import { Metric } from "@igm/gradient"
import { type Block, Report, Statistics } from "../../src/index.ts"
import { scores } from "../fixture.ts"

const resamples = Statistics.Resamples.of(scores(), { count: 100 })

const tableOf = ({ view }: { readonly view: ReadonlyArray<Block.Block> }) => {
  const [table] = view
  return table?.kind === "table" ? table : undefined
}

describe("Paired", () => {
  it("every pair has its difference in every metric, the one compared first", () => {
    const table = tableOf(Report.differences(resamples, ["A", "B"], { by: "macroF1" }))!
    assert.strictEqual(table.header.length, 2 + Metric.names.length)
    assert.strictEqual(table.header[1], "macro-F1, points")
    assert.include(table.header, "NLL, nats")
    assert.deepStrictEqual(
      table.rows.map(([name]) => name),
      ["A − B", "A − chance", "B − chance"]
    )
    assert.match(table.rows[1]![2]!, /^\+50\.00 \[\+\d+\.\d\d, \+\d+\.\d\d\]$/)
  })

  it("without pairs nothing is drawn", () => {
    const alone = { ...resamples, methods: resamples.methods.slice(0, 1) }
    assert.deepStrictEqual(Report.differences(alone, ["A"]).view, [])
    assert.deepStrictEqual(Report.comparisons(Statistics.compare(alone, ["A"])).view, [])
  })

  it("intervals of methods go no further than a metric can", () => {
    const table = tableOf(Report.intervals(resamples))!
    assert.deepStrictEqual(
      table.rows.map(([name]) => name),
      ["A", "B", "chance"]
    )
    const bounds = table.rows
      .flatMap((row) => row.slice(1, 5))
      .flatMap((text) => text.match(/-?\d+\.\d+/g)!.map(Number))
    for (const x of bounds) assert.isTrue(x >= 0 && x <= 1)
  })
})
