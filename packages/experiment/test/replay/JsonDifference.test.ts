import { assert, describe, it } from "@effect/vitest"
import { Digest } from "@igm/tensor"
import { Schema } from "effect"
import { JsonDifference } from "../../src/index.ts"

/** Any JSON value. */
const Any = Schema.Json

/** Values that are alike in most places: few names, short lists, few numbers. */
const Leaf = Schema.Union([Schema.Literals([0, 1, "x"]), Schema.Null])
const Branch = Schema.Union([
  Leaf,
  Schema.Array(Leaf).check(Schema.isMaxLength(3)),
  Schema.Struct({ p: Schema.optionalKey(Leaf), q: Schema.optionalKey(Schema.Array(Leaf).check(Schema.isMaxLength(2))) })
])
const Alike = Schema.Struct({
  a: Branch,
  b: Schema.Array(Branch).check(Schema.isMaxLength(3)),
  c: Schema.optionalKey(Branch)
})

const text = (value: Digest.Json | undefined) => (value === undefined ? "nothing" : Digest.canonicalJson(value))

const holds = (a: Digest.Json, b: Digest.Json) => {
  const found = JsonDifference.between(a, b)
  assert.strictEqual(found.length === 0, text(a) === text(b))
  assert.strictEqual(text(JsonDifference.apply(a, found)), text(b))
  assert.deepStrictEqual(
    JsonDifference.between(b, a),
    found.map(({ path, a, b }) => ({ path, a: b, b: a }))
  )
}

describe("JsonDifference", () => {
  it.prop("no path means equal, and the paths lead from the one value to the other", { a: Any, b: Any }, ({ a, b }) => {
    holds(a, b)
    assert.deepStrictEqual(JsonDifference.between(a, a), [])
  })

  it.prop("so do those of values that differ in a few places", { a: Alike, b: Alike }, ({ a, b }) => holds(a, b))

  it("names the innermost places, and what only one side has", () => {
    const settings = (tau: number, more: object) => ({ methods: [{ name: "IGM", settings: { tau } }], ...more })
    const found = JsonDifference.between(settings(0.4, { speech: "a" }), settings(0.5, { "two words": [] }))
    assert.deepStrictEqual(
      found.map(({ path, a, b }) => [JsonDifference.pathText(path), a, b]),
      [
        ["methods[0].settings.tau", 0.4, 0.5],
        ["speech", "a", undefined],
        ['["two words"]', undefined, []]
      ]
    )
  })

  it("takes names that objects have of themselves for names", () => {
    const a = JSON.parse('{"__proto__": 1, "constructor": {"x": 1}}') as Digest.Json
    holds(a, {})
    holds({}, a)
    assert.strictEqual(JsonDifference.between(a, {}).length, 2)
  })
})
