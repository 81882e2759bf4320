import { assert, describe, it } from "@effect/vitest"
import { Baselines, Head, Igm, JointTraining, Ring, Selection } from "@igm/gradient"
import * as Factors from "../../src/comparison/Factors.ts"
import * as Ingredients from "../../src/comparison/Ingredients.ts"

const head = Head.make(6, 4, 3)
const options = {
  heads: { audio: head, image: head },
  ring: Ring.make(["audio", "image"], { rounds: 1, epochs: { audio: 1, image: 1 } }),
  selection: Selection.best("accuracy"),
  batch: 4,
  rho: 1e-10,
  fusion: "mean"
} as const

const mixup = { audio: 1, image: 1 }
const plain = { ...Igm.paper({ ...options, tau: 0 }), name: "plain" }

const namesOf = (a: Parameters<typeof Factors.of>[0], b: Parameters<typeof Factors.of>[0]) =>
  Factors.between(Factors.of(a), Factors.of(b)).map(({ factor }) => factor)

describe("Factors", () => {
  it("a switch that is turned is the one factor that differs", () => {
    const late = Baselines.lateFusion(options)
    assert.deepStrictEqual(namesOf(Igm.paper(options), plain), ["modification"])
    assert.deepStrictEqual(namesOf(plain, late), ["sharpness"])
    assert.deepStrictEqual(namesOf(Baselines.lateFusion(options, { mixup }), late), ["mixup"])
    assert.deepStrictEqual(namesOf(late, Baselines.lateFusion({ ...options, fusion: "sum" })), ["fusion"])
    const faster = { ...options, optimizer: { ...Igm.sgd, rate: 0.003 } }
    assert.deepStrictEqual(namesOf(late, Baselines.lateFusion(faster)), ["optimizer"])
  })

  it("what does nothing is not there: τ = 0, ρ = 0, no mixup, the fusion of one head", () => {
    const off = Igm.paper({ ...options, tau: 0, rho: 0 })
    assert.deepStrictEqual(namesOf(off, Baselines.lateFusion(options)), [])
    const alone = Baselines.alone(options, "audio")
    assert.deepStrictEqual(namesOf(alone, Baselines.alone({ ...options, fusion: "sum" }, "audio")), [])
    assert.isUndefined(Factors.fusionOf(alone))
  })

  it("rows of one table whose fusions differ say theirs in their names", () => {
    const { fusion: _, ...own } = options
    const methods = [Igm.paper(own), Baselines.lateFusion(own), JointTraining.plain(own), Baselines.alone(own, "audio")]
    assert.deepStrictEqual(
      Factors.named(methods).map(({ name }) => name),
      ["IGM (paper), entropy weights", "late fusion, mean of softmaxes", "sum of logits", "audio alone"]
    )
    const same = [Igm.paper(options), Baselines.lateFusion(options), JointTraining.plain(options)]
    assert.strictEqual(Factors.named(same), same)
  })
})

describe("Ingredients", () => {
  const methods = [Igm.paper(options), plain, Baselines.lateFusion(options), Baselines.lateFusion(options, { mixup })]

  it("are the pairs that differ in one factor, with it minus without it, whatever the order of the rows", () => {
    const expected: ReadonlyArray<readonly [string, { readonly [method: string]: number }]> = [
      ["gradient modification, τ = 0.4 (IGM (paper) − plain)", { "IGM (paper)": 1, plain: -1 }],
      ["mixup, α = 1 (late fusion, mixup − late fusion)", { "late fusion, mixup": 1, "late fusion": -1 }],
      ["sharpness, ρ = 1e-10 (plain − late fusion)", { plain: 1, "late fusion": -1 }]
    ]
    for (const all of [methods, methods.toReversed()]) {
      const found = Ingredients.controls(all).map(({ name, weights }) => [name, weights] as const)
      assert.deepStrictEqual(
        found.toSorted(([a], [b]) => (a < b ? -1 : 1)),
        expected
      )
    }
  })

  it("of pairs that differ in several things, none is given the credit", () => {
    assert.deepStrictEqual(Ingredients.remarks(methods, ["IGM (paper)"]), [
      "IGM (paper) against late fusion: they differ in gradient modification and sharpness, so that no difference is due to one of these alone.",
      "IGM (paper) against late fusion, mixup: they differ in gradient modification, mixup and sharpness, so that no difference is due to one of these alone."
    ])
  })
})
