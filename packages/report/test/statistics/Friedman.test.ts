import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { ReportError, Statistics } from "../../src/index.ts"
import { golden } from "./made.ts"

const { Friedman } = Statistics

const tableOf = (
  rows: ReadonlyArray<ReadonlyArray<number>>,
  metric: Statistics.Friedman.Table["metric"] = "accuracy"
): Statistics.Friedman.Table => ({
  metric,
  methods: (rows[0] ?? []).map((_, m) => `m${m}`),
  dataSets: rows.map((values, d) => ({ name: `d${d}`, values }))
})

const byName = ({ methods }: Statistics.Friedman.Ranks) =>
  methods.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(({ rank }) => rank)

const Tied = Schema.Array(Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 })))).check(
  Schema.isMinLength(2),
  Schema.isMaxLength(6)
)

describe("Friedman", () => {
  it("ranks, χ², F and their p-values are those of scipy and statsmodels, ties included", () => {
    for (const { table, ranks, chiSquare, chiSquareP, f, fP } of golden().friedman) {
      const found = Friedman.of(tableOf(table))
      byName(found).forEach((rank, m) => assert.closeTo(rank, ranks[m]!, 1e-12))
      if (chiSquare !== null) assert.closeTo(found.chiSquare, chiSquare, 1e-9)
      if (chiSquareP !== null) assert.closeTo(found.chiSquareP, chiSquareP, 1e-7)
      // Where all data sets agree F has no error but that of rounding.
      if (f > 1e9) assert.strictEqual(found.f, Infinity)
      else assert.closeTo(found.f, f, 1e-8)
      assert.closeTo(found.fP, fP, 1e-7)
    }
  })

  it("Nemenyi's critical differences are those of Demšar's table of q", () => {
    const published = [1.96, 2.343, 2.569, 2.728, 2.85, 2.949, 3.031, 3.102, 3.164]
    published.forEach((q, i) => {
      const k = i + 2
      // The table cuts or rounds its third decimal.
      assert.closeTo(Friedman.criticalDifference(k, 14) / Math.sqrt((k * (k + 1)) / (6 * 14)), q, 0.001)
    })
    // His example: four classifiers, 14 data sets.
    assert.closeTo(Friedman.criticalDifference(4, 14), 1.25, 0.005)
  })

  it("methods that do not differ are joined in the largest sets, none inside of another", () => {
    const { criticalDifference, methods, alike } = Friedman.of(
      tableOf(Array.from({ length: 20 }, (_, d) => [5, 4, 3, 2, 1].map((x) => x + (d % 3 === 0 ? x % 2 : 0))))
    )
    assert.isAbove(alike.length, 1)
    for (const [i, [first, last]] of alike.entries()) {
      assert.isBelow(methods[last]!.rank - methods[first]!.rank, criticalDifference)
      const next = alike[i + 1]
      if (next !== undefined) assert.isTrue(next[0] > first && next[1] > last)
    }
  })

  it.prop(
    "mean ranks add up to k(k + 1)/2, whatever is equal, and do not depend on the order of data sets or methods",
    { rows: Tied },
    ({ rows }) => {
      const own = rows.map((row) => [...row, 1, 2, 3].slice(0, 3))
      const found = Friedman.of(tableOf(own))
      const ranks = byName(found)
      assert.closeTo(
        ranks.reduce((a, b) => a + b, 0),
        6,
        1e-9
      )
      assert.isTrue(found.chiSquareP >= 0 && found.chiSquareP <= 1 && found.fP >= 0 && found.fP <= 1)
      const turned = byName(Friedman.of(tableOf(own.toReversed().map((row) => row.toReversed())))).toReversed()
      ranks.forEach((rank, m) => assert.closeTo(rank, turned[m]!, 1e-9))
    }
  )

  it("the best rank is that of the most accurate, and of the least error", () => {
    const rows = [
      [0.9, 0.2],
      [0.8, 0.3],
      [0.7, 0.1]
    ]
    const best = (metric: Statistics.Friedman.Table["metric"]) => Friedman.of(tableOf(rows, metric)).methods[0]!.name
    assert.deepStrictEqual(
      (["accuracy", "calibrationError", "negativeLogLikelihood", "overconfidence"] as const).map(best),
      ["m0", "m1", "m1", "m1"]
    )
    const all = Friedman.of(tableOf(rows))
    assert.deepStrictEqual([all.f, all.fP], [Infinity, 0])
  })

  it("nothing is said of data sets on which all methods are equal", () => {
    const { chiSquareP, fP, alike } = Friedman.of(
      tableOf([
        [1, 1, 1],
        [2, 2, 2]
      ])
    )
    assert.deepStrictEqual([chiSquareP, fP, alike], [1, 1, [[0, 2]]])
  })

  it("fewer than two data sets or methods, and a missing value, are errors that say which", () => {
    const fails = (table: Statistics.Friedman.Table, says: RegExp) => {
      assert.throws(() => Friedman.of(table), says)
      assert.throws(() => Friedman.of(table), ReportError)
    }
    fails(tableOf([[1, 2]]), /two data sets or more: there are 1/)
    fails(tableOf([[1], [2]]), /two methods or more: there are 1/)
    fails(tableOf([[1, 2], [1]]), /the data set "d1" has no value of the method "m1"/)
    fails(
      tableOf([
        [1, 2],
        [1, Number.NaN]
      ]),
      /the data set "d1" has no value of the method "m1"/
    )
    fails(
      tableOf([
        [1, 2],
        [1, 2, 3]
      ]),
      /the data set "d1" has 3 values, and there are 2 methods/
    )
    fails(
      {
        ...tableOf([
          [1, 2],
          [1, 2]
        ]),
        methods: ["a", "a"]
      },
      /two methods "a"/
    )
  })

  it("the table is made of the means over seeds, and a data set without a method is an error", () => {
    const training = (accuracy: number) => ({
      accuracy,
      macroF1: 0,
      meanAveragePrecision: 0,
      calibrationError: 0,
      overconfidence: 0,
      negativeLogLikelihood: 0
    })
    const scores = (all: { readonly [name: string]: ReadonlyArray<number> }) => ({
      methods: Object.entries(all).map(([name, values]) => ({ name, trainings: values.map(training) }))
    })
    assert.deepStrictEqual(
      Friedman.tableOf("accuracy", { x: scores({ a: [0.5, 0.75], b: [1] }), y: scores({ b: [0.5], a: [0.25] }) }),
      {
        metric: "accuracy",
        methods: ["a", "b"],
        dataSets: [
          { name: "x", values: [0.625, 1] },
          { name: "y", values: [0.25, 0.5] }
        ]
      }
    )
    assert.throws(
      () => Friedman.tableOf("accuracy", { x: scores({ a: [1], b: [1] }), y: scores({ a: [1] }) }),
      /the data set "y" has no value of the method "b"/
    )
  })
})
