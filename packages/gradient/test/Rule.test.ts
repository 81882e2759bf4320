/** A rule is known by what it does: a stored training of one must not be taken for another's. */
import { assert, describe, it } from "@effect/vitest"
import { Baselines, Head, Ops, Ring, Rule, Selection } from "../src/index.ts"

const scaled = (by: number): Rule.Rule => ({
  name: "scaled",
  description: "scales the gradient",
  identity: false,
  apply: (ops, gradients) =>
    Object.fromEntries(Object.entries(gradients).map(([name, g]) => [name, ops.multiply(ops.scalar(by), g)]))
})

const settingsOf = (rule: Rule.Rule) =>
  JSON.stringify(
    Baselines.withRule(
      {
        heads: { audio: Head.make(8, 4, 3), image: Head.make(6, 4, 3) },
        ring: Ring.make(["audio", "image"], { rounds: 1, epochs: { audio: 1, image: 1 } }),
        selection: Selection.best("accuracy"),
        batch: 4,
        rho: 0
      },
      rule
    ).settings
  )

describe("Rule", () => {
  it("two rules of one name that compute something else are two in a method's settings", () => {
    assert.strictEqual(settingsOf(scaled(2)), settingsOf(scaled(2)))
    assert.notStrictEqual(settingsOf(scaled(2)), settingsOf(scaled(3)))
  })

  it("a rule's definition knows what it reads besides the gradient", () => {
    const head = Head.make(8, 4, 3)
    const decayed = (from: "gradients" | "parameters"): Rule.Rule => ({
      ...scaled(1),
      apply: <T>(ops: Ops.Ops<T>, gradients: Ops.Named<T>, { parameters }: Rule.RuleContext<T>) =>
        Object.fromEntries(
          Object.entries(gradients).map(([name, g]) => [
            name,
            ops.add(g, from === "gradients" ? g : Ops.get(parameters, name))
          ])
        )
    })
    assert.notStrictEqual(Rule.definition(decayed("gradients"), head), Rule.definition(decayed("parameters"), head))
  })
})
