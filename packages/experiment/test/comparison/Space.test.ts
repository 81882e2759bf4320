/** A space says what a method may be given: its points have its names, its types and its bounds, and no others. */
import { assert, describe, it } from "@effect/vitest"
import { Setting } from "@igm/tensor"
import { Schema } from "effect"
import * as Dimension from "../../src/comparison/Dimension.ts"
import { Space } from "../../src/index.ts"

const space = {
  tau: Space.values([0, 0.4, 1.3]),
  fusion: Space.values(["mean", "sum"]),
  restored: Space.values([true, false]),
  rate: Space.log(1e-3, 3e-2),
  momentum: Space.linear(0.5, 0.95),
  rounds: Space.integer(1, 4)
}

const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1e6 }))
const Count = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 }))
const Number = Schema.Finite

const told = (make: () => unknown): string => {
  try {
    make()
    return ""
  } catch (error) {
    assert.instanceOf(error, Setting.SettingError)
    return (error as Error).message
  }
}

describe("Space", () => {
  it("a point has exactly its names and types", () => {
    const point: Space.Point<typeof space> = {
      tau: 0.4,
      fusion: "sum",
      restored: true,
      rate: 0.01,
      momentum: 0.9,
      rounds: 2
    }
    const fusion: "mean" | "sum" = point.fusion
    const rate: number = point.rate
    assert.deepStrictEqual([fusion, rate, Space.outside(space, point)], ["sum", 0.01, undefined])
    // @ts-expect-error 0.5 is none of its values
    void ({ ...point, tau: 0.5 } satisfies Space.Point<typeof space>)
    // @ts-expect-error a text is no number
    void ({ ...point, rate: "0.01" } satisfies Space.Point<typeof space>)
    // @ts-expect-error it has no rho
    void ({ ...point, rho: 1 } satisfies Space.Point<typeof space>)
    // @ts-expect-error a list without values
    const none = () => Space.values([])
    assert.include(told(none), "values is a list: give one value or more")
    for (const wrong of [
      { tau: 0.5 },
      { fusion: "max" },
      { rate: 0.1 },
      { rounds: 1.5 },
      { rate: "0.01" },
      { rho: 1 }
    ]) {
      assert.strictEqual(Space.outside(space, { ...point, ...wrong }), Object.keys(wrong)[0])
    }
    const { rate: _, ...rest } = point
    assert.strictEqual(Space.outside(space, rest), "rate")
  })

  it.prop(
    "draws distinct points that lie in it, the same for the same key, and the first of them for fewer",
    { seed: Seed, count: Count },
    ({ seed, count }) => {
      const points = Space.points(space, count, [seed, "a method"])
      assert.strictEqual(points.length, count)
      for (const point of points) assert.isUndefined(Space.outside(space, point), Space.pointWords(point))
      assert.strictEqual(new Set(points.map(Space.pointWords)).size, count)
      assert.deepStrictEqual(Space.points(space, count, [seed, "a method"]), points)
      assert.deepStrictEqual(Space.points(space, 5, [seed, "a method"]).slice(0, count), points.slice(0, 5))
      assert.notDeepEqual(Space.points(space, count, [seed, "another"]), points)
    }
  )

  it.prop("tries the start first, and no point twice", { seed: Seed }, ({ seed }) => {
    const small = { tau: Space.values([0, 0.4, 1.3]), mixup: Space.values([true, false]) }
    const start = { tau: 0.4, mixup: false } as const
    for (const count of [1, 4, 6, 9]) {
      const points = Space.points(small, count, [seed], start)
      assert.deepStrictEqual(points[0], start)
      assert.strictEqual(new Set(points.map(Space.pointWords)).size, Math.min(6, count))
      assert.strictEqual(points.length, Math.min(6, count))
    }
  })

  it("tries a small space as a whole, the last setting fastest", () => {
    const small = { tau: Space.values([0.1, 1.3]), rounds: Space.integer(1, 2) }
    assert.strictEqual(Space.size(small), 4)
    assert.deepStrictEqual(Space.points(small, 4, [1]), [
      { tau: 0.1, rounds: 1 },
      { tau: 0.1, rounds: 2 },
      { tau: 1.3, rounds: 1 },
      { tau: 1.3, rounds: 2 }
    ])
    assert.strictEqual(Space.size(space), Infinity)
  })

  it("spreads a rate evenly over decades, and rounds it to what one would type", () => {
    const points = Space.points({ rate: Space.log(1e-4, 1) }, 16, [3])
    for (let decade = -4; decade < 0; decade++) {
      const within = points.filter(({ rate }) => rate >= 10 ** decade && rate < 10 ** (decade + 1))
      assert.isAtLeast(within.length, 3)
    }
    for (const { rate } of points) assert.isAtMost(rate.toExponential().replace(/e.*/, "").length, 4)
  })

  it.prop(
    "a range of any two numbers keeps its points between them, and tells them apart",
    { a: Number, b: Number },
    ({ a, b }) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)]
      if (from === to)
        return assert.include(
          told(() => Space.linear(from, to)),
          "give a number below to"
        )
      const points = Space.points({ x: Space.linear(from, to) }, 4, [1])
      for (const { x } of points) assert.isTrue(x >= from && x <= to, `${x} of ${from} to ${to}`)
      const [low, high] = Space.corners({ x: Space.linear(from, to) })
      assert.isTrue(low.x >= from && low.x < high.x && high.x <= to)
    }
  )

  it("refuses what is no range, by name", () => {
    assert.strictEqual(
      told(() => Space.log(0, 1)),
      "a setting in a logarithmic range: from is 0: give a finite number above 0"
    )
    assert.include(
      told(() => Space.log(2, 1)),
      "from is 2: give a number below to, which is 1"
    )
    assert.include(
      told(() => Space.integer(0, 1.5)),
      "to is 1.5: give a whole number of at least 0"
    )
    assert.include(
      told(() => Space.values([1, 1])),
      "give one value or more, none of them twice"
    )
    const wrong: unknown = { rate: [0.1, 0.2] }
    assert.include(
      told(() => Space.check("a method", wrong as Space.Space)),
      "a method: space.rate is"
    )
    assert.include(
      told(() => Space.check("a method", {})),
      "a method: space is empty"
    )
    const made: unknown = { rate: { kind: "log", from: 1, to: 0.1 } }
    assert.include(
      told(() => Space.check("a method", made as Space.Space)),
      "rate, a setting in a logarithmic range"
    )
  })

  it("is written in words", () => {
    const words = Object.values(space).map(Dimension.inWords)
    assert.deepStrictEqual(words, [
      "0, 0.4, 1.3",
      '"mean", "sum"',
      "true, false",
      "0.001 to 0.03 (log)",
      "0.5 to 0.95",
      "1 to 4 (whole)"
    ])
  })
})
