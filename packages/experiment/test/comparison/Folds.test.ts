import { assert, describe, it } from "@effect/vitest"
import { Keyed } from "@igm/tensor"
import { Result, Schema } from "effect"
import { Folds } from "../../src/index.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** More groups than folds, of 1 to 9 samples each. */
const Case = Schema.Struct({
  sizes: Schema.Array(between(1, 9)).check(Schema.isMinLength(8), Schema.isMaxLength(20)),
  folds: between(3, 7),
  seed: between(0, 1000)
})

const optionsOf = ({ sizes, folds, seed }: typeof Case.Type): Folds.Options => {
  const names = sizes.flatMap((size, g) => Array.from({ length: size }, () => `speaker ${g}`))
  const order = Keyed.permutation(Keyed.stream([seed, "order of samples"]), names.length)
  const groups = Array.from(order, (at) => names[at]!)
  return { labels: groups.map(() => 0), groups, classes: 1, folds, seed }
}

const folds = (options: Folds.Options) => Result.getOrThrow(Folds.make(options))

const problem = (options: Folds.Options) =>
  Result.match(Folds.make(options), {
    onFailure: ({ reason, message }) => `${reason}: ${message}`,
    onSuccess: () => assert.fail("there should be no folds")
  })

describe("Folds", () => {
  it.prop("hold each sample out once, and each fold selects once", { of: Case }, ({ of }) => {
    const options = optionsOf(of)
    const made = folds(options)
    const all = options.groups.map((_, i) => i)
    assert.strictEqual(made.length, of.folds)
    for (const part of ["held", "select"] as const) {
      assert.deepStrictEqual(
        made.flatMap((fold) => [...fold[part]]).toSorted((a, b) => a - b),
        all
      )
    }
    for (const { train, select, held } of made) {
      assert.deepStrictEqual(
        [...train, ...select, ...held].toSorted((a, b) => a - b),
        all
      )
      assert.isTrue([train, select, held].every(({ length }) => length > 0))
    }
  })

  it.prop("leave no group on two sides", { of: Case }, ({ of }) => {
    const options = optionsOf(of)
    for (const fold of folds(options)) {
      const sides = [fold.train, fold.select, fold.held].map(
        (rows) => new Set([...rows].map((i) => options.groups[i]!))
      )
      const together = new Set(sides.flatMap((side) => [...side]))
      assert.strictEqual(
        together.size,
        sides.reduce((n, side) => n + side.size, 0)
      )
    }
  })

  it.prop(
    "are the same from the same seed, and differ by no more samples than the largest group has",
    { of: Case },
    ({ of }) => {
      const options = optionsOf(of)
      const made = folds(options)
      assert.deepStrictEqual(folds(options), made)
      const sizes = made.map(({ held }) => held.length)
      assert.isAtMost(Math.max(...sizes) - Math.min(...sizes), Math.max(...of.sizes))
    }
  )

  it("are others from another seed", () => {
    const of = { sizes: Array.from({ length: 12 }, () => 3), folds: 4, seed: 1 }
    const options = optionsOf(of)
    assert.notDeepEqual(folds({ ...options, seed: 2 }), folds(options))
  })

  it.prop(
    "have every class in every training part where each class has three groups",
    { classes: between(1, 6), folds: between(3, 6), seed: between(0, 1000) },
    ({ classes, folds: count, seed }) => {
      // Groups of one class each, sizes by chance: the hardest case for a class to be everywhere.
      const stream = Keyed.stream([seed, "sizes"])
      const more = Math.max(0, count - 3 * classes)
      const classOf = [
        ...Array.from({ length: 3 * classes }, (_, g) => g % classes),
        ...Array.from({ length: more }, () => 0)
      ]
      const rows = classOf.flatMap((label, g) =>
        Array.from({ length: 1 + Keyed.below(stream, 5) }, () => ({ label, group: `g${g}` }))
      )
      const labels = rows.map(({ label }) => label)
      for (const { train } of folds({ labels, groups: rows.map(({ group }) => group), classes, folds: count, seed })) {
        assert.strictEqual(new Set([...train].map((i) => labels[i]!)).size, classes)
      }
    }
  )

  it("say what is wrong with groups that make none", () => {
    const labels = [0, 1, 0, 1, 0, 1, 0, 1]
    const groups = ["a", "a", "b", "b", "c", "c", "d", "d"]
    const options = { labels, groups, classes: 2, folds: 4, seed: 1 }
    assert.strictEqual(folds(options).length, 4)
    assert.strictEqual(
      problem({ ...options, folds: 5 }),
      "too few groups: 4 groups cannot be dealt into 5 folds: take fewer folds"
    )
    assert.match(problem({ ...options, folds: 2 }), /^too few folds: 2 folds: a cross-validation takes 3 at least/)
    assert.strictEqual(
      problem({ ...options, labels: [2, ...labels.slice(1)], classes: 3 }),
      "missing class: class 2 is in 1 of 4 groups, and no deal was found in which every training part has it: add groups"
    )
    assert.match(problem({ ...options, classes: 3 }), /^missing class: class 2 is in 0 of 4 groups/)
    assert.match(problem({ ...options, groups: ["a"] }), /^unequal lengths: 8 labels and 1 groups/)
  })
})
