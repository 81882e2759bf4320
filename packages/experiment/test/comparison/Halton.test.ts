/** Few points have to cover a space: what the search of a setting finds depends on it. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Halton from "../../src/comparison/Halton.ts"

const Count = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 200 }))

describe("Halton", () => {
  it("mirrors the digits of the position", () => {
    const inverses = (base: number) => [0, 1, 2, 3, 4, 5].map((n) => Halton.radicalInverse(n, base))
    assert.deepStrictEqual(inverses(2), [0, 1 / 2, 1 / 4, 3 / 4, 1 / 8, 5 / 8])
    const thirds = [0, 1 / 3, 2 / 3, 1 / 9, 4 / 9, 7 / 9]
    inverses(3).forEach((x, i) => assert.closeTo(x, thirds[i]!, 1e-15))
  })

  it.prop(
    "leaves no gap in a setting that is twice as wide as even points would, wherever the key shifts them",
    { key: Schema.Int, count: Count },
    ({ key, count }) => {
      const at = Halton.sequence([key], ["rate"])
      const points = Array.from({ length: count }, (_, n) => at(n)[0]!).toSorted((a, b) => a - b)
      const gaps = points.map((x, i) => (points[i + 1] ?? points[0]! + 1) - x)
      assert.isBelow(Math.max(...gaps), 2 / count + 1e-12)
    }
  )

  it("is a function of its key, and has a shift for each name", () => {
    const take = (key: number, names: ReadonlyArray<string>) => [0, 1, 2].map(Halton.sequence(["tuning", key], names))
    assert.deepStrictEqual(take(1, ["a", "b"]), take(1, ["a", "b"]))
    assert.notDeepEqual(take(1, ["a", "b"]), take(2, ["a", "b"]))
    // Another setting beside it moves no point.
    assert.deepStrictEqual(
      take(1, ["a"]),
      take(1, ["a", "b"]).map(([a]) => [a!])
    )
  })

  it("covers the squares of a board: in two dimensions, 36 points fall into each of 6 x 6 tiles at most thrice", () => {
    for (const key of [1, 2, 3, 4, 5]) {
      const at = Halton.sequence([key], ["a", "b"])
      const tiles = Array.from({ length: 36 }, (_, n) =>
        at(n)
          .map((x) => Math.floor(x * 6))
          .join()
      )
      const most = Math.max(...[...Map.groupBy(tiles, (tile) => tile).values()].map(({ length }) => length))
      assert.isAtMost(most, 3)
    }
  })
})
