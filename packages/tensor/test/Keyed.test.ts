import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Keyed } from "../src/index.ts"

const words = (fill: number) => {
  const out = new Uint32Array(4)
  Keyed.philox(out, new Uint32Array(4).fill(fill), new Uint32Array(2).fill(fill))
  return Array.from(out, (word) => word.toString(16))
}

const Size = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 200 }))

describe("Keyed", () => {
  it("is Philox4x32-10: the known answers of Random123", () => {
    assert.deepStrictEqual(words(0), ["6627e8d5", "e169c58d", "bc57ac4c", "9b00dbd8"])
    assert.deepStrictEqual(words(0xffffffff), ["408f276d", "41c83b0e", "a20bc7c6", "6d5451fd"])
  })

  it("gives the same numbers for the same path, and others for another", () => {
    const first = (...path: Keyed.Path) => Array.from({ length: 5 }, Keyed.stream(path).uint32)
    assert.deepStrictEqual(first(1, "order", 2), first(1, "order", 2))
    assert.notDeepEqual(first(1, "order", 2), first(1, "order", 3))
    assert.notDeepEqual(first("1", 2), first(1, 2))
  })

  it.prop("a permutation holds every index once", { n: Size, seed: Schema.Int }, ({ n, seed }) => {
    const sorted = Keyed.permutation(Keyed.stream([seed]), n).toSorted()
    assert.deepStrictEqual(
      Array.from(sorted),
      Array.from({ length: n }, (_, i) => i)
    )
  })

  it.prop("integers below n are below n", { n: Size, seed: Schema.Int }, ({ n, seed }) => {
    const stream = Keyed.stream([seed])
    for (let i = 0; i < 20; i++) assert.isBelow(Keyed.below(stream, n), n)
  })

  it("has the moments of its distributions", () => {
    const mean = (draw: (stream: Keyed.Stream) => number, power = 1) => {
      const stream = Keyed.stream(["moments"])
      return Array.from({ length: 20_000 }, () => draw(stream) ** power).reduce((a, b) => a + b, 0) / 20_000
    }
    assert.closeTo(
      mean((stream) => stream.uniform()),
      0.5,
      0.01
    )
    assert.closeTo(mean(Keyed.normal), 0, 0.03)
    assert.closeTo(mean(Keyed.normal, 2), 1, 0.05)
    assert.closeTo(
      mean((stream) => Keyed.gamma(stream, 2.5)),
      2.5,
      0.05
    )
    assert.closeTo(
      mean((stream) => Keyed.beta(stream, 0.5, 1.5)),
      0.25,
      0.01
    )
    const many = Keyed.normals(Keyed.stream(["many"]), 20_001)
    assert.closeTo(many.reduce((a, b) => a + b * b, 0) / many.length, 1, 0.05)
  })
})
