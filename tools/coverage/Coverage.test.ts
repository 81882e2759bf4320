/** Few simulated tables; `npm run coverage` makes many. */
import { assert, describe, it } from "@effect/vitest"
import { Statistics } from "@igm/report"
import { Keyed } from "@igm/tensor"
import { type Design, designs } from "./Design.ts"
import * as Table from "./Table.ts"
import * as Tally from "./Tally.ts"

const normals = Table.normals()

const design = (more: Partial<Design>): Design => ({
  seeds: 3,
  samples: 300,
  deviation: 1,
  clustered: false,
  ...more
})

/** The accuracies of all trainings of some tables, by method. */
const accuracies = (of: Design, tables: number) =>
  Array.from({ length: tables }, (_, t) => {
    const methods = Table.methodsOf(of, Keyed.stream(["test", t]), normals)
    const scored = Statistics.Resamples.of({ ...Table.samplesOf(of), methods }, { count: 1, metrics: ["accuracy"] })
    return scored.methods.map(({ trainings }) => trainings.map(({ accuracy }) => accuracy!.observed))
  })

describe("coverage", () => {
  it("the intervals of a few tables cover the true differences, in a thread's part as in all of them", () => {
    for (const of of [design({ clustered: true }), design({ seeds: 10, deviation: 0 })]) {
      const [even, odd] = [0, 1].map((first) => Tally.of(of, { first, step: 2, tables: 24, normals }))
      const outcome = Tally.outcome(of, Tally.sum(even!, odd!))
      assert.strictEqual(outcome.tables, 24)
      assert.isTrue(Tally.holds(outcome), JSON.stringify(outcome))
      assert.isAbove(outcome.width, outcome.plainWidth)
    }
  })

  it("simulated methods have the accuracy and the deviation between seeds that they are said to have", () => {
    const of = design({ seeds: 4, deviation: 2, samples: 1000, clustered: true })
    const tables = accuracies(of, 30)
    const means = Table.accuracies.map((_, m) => Statistics.mean(tables.map((methods) => Statistics.mean(methods[m]!))))
    // A mean of 120 trainings, between which samples and seeds vary by some two points each.
    means.forEach((mean, m) => assert.closeTo(mean, Table.accuracies[m]!, 0.012))
    const within = Statistics.mean(
      tables.flatMap((methods) => methods.slice(0, -1).map((own) => Statistics.Estimate.variance(own)))
    )
    const noise = accuracies({ ...of, deviation: 0 }, 30)
    const still = Statistics.mean(
      noise.flatMap((methods) => methods.slice(0, -1).map((own) => Statistics.Estimate.variance(own)))
    )
    assert.closeTo(Math.sqrt(within - still), 0.02, 0.003)
  })

  it("a bar that is missed by more than the Monte-Carlo error is told, and one within it is not", () => {
    const tally = { ...Tally.empty, tables: 1000, covered: 950, coveredSquared: 905, false: 50, equivalent: 50 }
    const of = (more: Partial<Tally.Tally>) => Tally.holds(Tally.outcome(designs[0]!, { ...tally, ...more }))
    assert.isTrue(of({}))
    assert.isTrue(of({ false: 70 }))
    assert.isFalse(of({ false: 90 }))
    assert.isFalse(of({ equivalent: 90 }))
    assert.isFalse(of({ covered: 900, coveredSquared: 812 }))
    assert.isFalse(of({ covered: 995, coveredSquared: 991 }))
  })

  it("there are 32 designs", () => assert.strictEqual(new Set(designs.map((one) => JSON.stringify(one))).size, 32))
})
