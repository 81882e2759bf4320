import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Mutant from "../src/mutants/Mutant.ts"
import { all } from "../src/mutants/index.ts"

describe("Mutants", () => {
  for (const mutant of all) {
    it.effect(`a law kills this one: ${mutant.name}`, () =>
      Mutant.kill(mutant, 300).pipe(Effect.map((verdict) => assert.isNotNull(verdict)))
    )
  }
})
