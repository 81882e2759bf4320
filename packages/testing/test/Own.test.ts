import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Law, Own } from "../src/index.ts"

describe("The laws of this project's mathematics", () => {
  for (const law of Own.laws()) {
    it.effect(law.name, () =>
      law.check({ runs: 100 }).pipe(
        Effect.map((verdict) => {
          assert.strictEqual(verdict.counterExample, null, Law.line(verdict))
          assert.strictEqual(verdict.cases, 100)
        })
      )
    )
  }

  it("have names of their own", () => {
    const names = Own.laws().map(({ name }) => name)
    assert.strictEqual(new Set(names).size, names.length)
  })
})
