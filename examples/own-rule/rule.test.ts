/** The rule's laws: that it makes no gradient longer and keeps to its side is a claim of its own, and tested too. */
import { describe, it } from "@effect/vitest"
import { Law, RuleLaws } from "@igm/testing"
import { centralize } from "./rule.ts"

describe("Centralization", () => {
  for (const law of RuleLaws.laws(centralize, { contracts: true, descends: true })) {
    it.effect(law.name, () => Law.holds(law))
  }
})
