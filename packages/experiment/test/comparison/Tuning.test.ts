/** What a user of tuning relies on: every method has the same number of trials, of its own settings, and the table says what came of it. */
import { assert, describe, it } from "@effect/vitest"
import { Baselines, Igm } from "@igm/gradient"
import { Effect } from "effect"
import { CrossValidation, Space, Tuned, Tuning } from "../../src/index.ts"
import { data, environment, options, stored } from "./fixture.ts"

const rate = Space.log(1e-3, 1e-1)

const igm = Tuned.make({
  space: { tau: Space.values([0, 0.4, 1.3]), rate },
  start: { tau: 0.4, rate: 0.01 },
  method: ({ tau, rate }) => Igm.paper({ ...options, tau, optimizer: { ...Igm.sgd, rate } })
})

const late = Tuned.make({
  space: { rate },
  method: ({ rate }) => Baselines.lateFusion({ ...options, optimizer: { ...Igm.sgd, rate } })
})

const mixed = Tuned.make({
  space: { mixup: Space.values([true, false]) },
  method: ({ mixup }) => Igm.code({ ...options, switches: { mixup: mixup ? { audio: 1, image: 1 } : {} } })
})

const methods = [igm, late, mixed, Igm.paper(options), Baselines.jointHead(options)]

const tuning = { trials: 4, folds: 3, by: "accuracy", seeds: [4] } as const

describe("Tuned", () => {
  it("has the names and types of its space, and a row's name", () => {
    const space = { rate, fusion: Space.values(["mean", "sum"]) }
    const made = Tuned.make({
      space,
      method: ({ rate, fusion }) => Igm.paper({ ...options, optimizer: { ...Igm.sgd, rate }, switches: { fusion } })
    })
    assert.deepStrictEqual([made.name, made.of], ["IGM (paper), tuned", "IGM (paper)"])
    const settled = Tuned.settled(late, { rate: 0.02 })
    assert.deepStrictEqual(
      [settled.name, settled.settings],
      ["late fusion, tuned", late.method({ rate: 0.02 }).settings]
    )
    assert.include(settled.description, "; tuned: rate = 0.02")
    // @ts-expect-error the space has no tau
    void (() => Tuned.make({ space, method: ({ tau }) => Igm.paper({ ...options, tau }) }))
    const shifted = { fusion: Space.values(["mean", "max"]) }
    // @ts-expect-error no fusion is called max
    void (() => Tuned.make({ space: shifted, method: ({ fusion }) => Igm.paper({ ...options, switches: { fusion } }) }))
    // @ts-expect-error the start has no fusion
    void (() => Tuned.make({ space, start: { rate: 0.01 }, method: () => Igm.paper(options) }))
    const start = { rate: 0.01, fusion: "mean", tau: 1 } as const
    // @ts-expect-error the space has no tau to start from
    void (() => Tuned.make({ space, start: { ...start, tau: 1 }, method: () => Igm.paper(options) }))
    void start
  })

  it("tells what is wrong with it, by the method's name and the setting's", () => {
    const of = (changed: object) => () => Tuned.make({ space: { rate }, method: () => Igm.paper(options), ...changed })
    assert.throws(of({ start: { rate: 1 } }), "IGM (paper), tuned: start.rate is 1: give 0.001 to 0.1 (log)")
    assert.throws(of({ start: { rho: 1 } }), "IGM (paper), tuned: start.rate is undefined: give 0.001 to 0.1 (log)")
    assert.throws(of({ start: { rate: 0.01, rho: 1 } }), "start.rho is 1: there is no such setting")
    assert.throws(of({ space: {} }), "a tuned method: space is empty")
    assert.throws(of({ method: 3 }), "a tuned method: its method is none")
    const space = { tau: Space.values([-1, 0.4]) }
    const below = ({ tau }: { readonly tau: number }) => Igm.paper({ ...options, tau })
    assert.throws(of({ space, method: below }), "IGM (paper): tau is -1: give a finite number of at least 0")
    const named = ({ tau }: { readonly tau: number }) => ({ ...Igm.paper(options), name: `IGM ${tau}` })
    assert.throws(of({ space, method: named }), 'it is called "IGM -1" and "IGM 0.4"')
  })
})

describe("Tuning", () => {
  it.effect("gives every method the same number of trials, and each the best of its own space", () =>
    Effect.gen(function* () {
      const { found, artifact } = yield* stored(Tuning.run({ methods, tuning, on: data }))
      const { results } = found
      assert.deepStrictEqual(
        results.map(({ name, trials, budget }) => [name, trials.length, budget]),
        [
          ["IGM (paper), tuned", 4, 4],
          ["late fusion, tuned", 4, 4],
          // A space of two points is tried as a whole.
          ["IGM (code), tuned", 2, 4]
        ]
      )
      assert.deepStrictEqual(results[0]!.trials[0]!.setting, { tau: 0.4, rate: 0.01 })
      assert.deepStrictEqual(results[0]!.space, { tau: "0, 0.4, 1.3", rate: "0.001 to 0.1 (log)" })
      assert.deepStrictEqual(
        found.methods.map(({ name }) => name),
        ["IGM (paper), tuned", "late fusion, tuned", "IGM (code), tuned", "IGM (paper)", "joint head"]
      )
      const { trials, chosen } = results[1]!
      const method = Baselines.lateFusion({
        ...options,
        optimizer: { ...Igm.sgd, rate: Number(trials[chosen]!.setting["rate"]) }
      })
      assert.deepStrictEqual(found.methods[1]!.settings, method.settings)
      const { scores, folds } = yield* CrossValidation.run({ methods: [method], folds: 3, seeds: [4], on: data })
      assert.deepStrictEqual(
        trials[chosen]!.scored!.scores,
        scores[0]!.map(([metrics]) => metrics!.accuracy)
      )
      assert.deepStrictEqual(
        results.map((result) => result.folds),
        [folds, folds, folds]
      )
      // The row as it is, which is the first trial here, is scored on the same folds; the others have no such row.
      assert.deepStrictEqual(results[0]!.default!.scored, results[0]!.trials[0]!.scored)
      assert.deepStrictEqual([results[1]!.default, results[2]!.default], [null, null])
      assert.isFalse(artifact.reused)
      const again = yield* stored(Tuning.run({ methods, tuning, on: data }))
      assert.isTrue(again.artifact.reused)
      assert.deepStrictEqual(again.found.results, results)
    }).pipe(Effect.provide(environment))
  )

  it("draws the trials of a method by its name and the seed, whatever is tuned beside it", () => {
    const points = (seed: number) => Tuning.pointsOf(late, { ...tuning, seeds: [seed] })
    assert.deepStrictEqual(points(4), Tuning.pointsOf({ ...late, name: "another row" }, tuning))
    assert.notDeepEqual(points(5), points(4))
    assert.notDeepEqual(Tuning.pointsOf({ ...late, of: "joint head" }, tuning), points(4))
  })

  it.effect("leaves out settings that diverge, and fails by the row's name where all do", () =>
    Effect.gen(function* () {
      const of = (...rates: readonly [number, ...ReadonlyArray<number>]) =>
        Tuned.make({
          space: { rate: Space.values(rates) },
          method: ({ rate }) => Baselines.lateFusion({ ...options, batch: 2, optimizer: { ...Igm.sgd, rate } })
        })
      const run = (tuned: Tuned.Tuned<typeof data.train.widths>) => Tuning.run({ methods: [tuned], tuning, on: data })
      const { results } = yield* run(of(1e4, 0.01))
      assert.deepStrictEqual([results[0]!.chosen, results[0]!.trials[0]!.scored], [1, null])
      const error = yield* Effect.flip(run(of(1e4, 1e5)))
      assert.strictEqual(
        error.message,
        "late fusion, tuned: training diverges at all 2 points of its space: give it a smaller one"
      )
    }).pipe(Effect.provide(environment))
  )

  it.effect("names the row and the setting of a batch that no fold fills, before anything trains", () =>
    Effect.gen(function* () {
      const batches = Tuned.make({
        space: { batch: Space.integer(8, 64) },
        method: ({ batch }) => Baselines.lateFusion({ ...options, batch })
      })
      const error = yield* Effect.flip(Tuning.run({ methods: [batches], tuning, on: data }))
      assert.match(
        error.message,
        /^the cross-validation: late fusion, tuned, at batch = (\d\d) trains in batches of \1,/
      )
    }).pipe(Effect.provide(environment))
  )

  it("tells what is wrong with a budget", () => {
    const of = (changed: object) => () => Tuning.check({ ...tuning, ...changed })
    assert.doesNotThrow(of({}))
    assert.throws(of({ trials: 0 }), "the tuning: trials is 0: give a whole number")
    assert.throws(of({ trials: 1001 }), "the tuning: trials is 1001: give a whole number from 1 to 1000")
    assert.throws(of({ folds: 2 }), "folds is 2: give three folds at least")
    assert.throws(of({ seeds: [] }), "seeds is a list: give one seed at least")
    assert.throws(of({ by: "calibrationError" }), 'by is "calibrationError"')
    assert.throws(of({ trails: 3 }), "the tuning: trails is 3: there is no such setting")
    // @ts-expect-error the calibration error is no score: less is better
    void (() => Tuning.run({ methods, tuning: { ...tuning, by: "calibrationError" }, on: data }))
    const test = { ...data.valid, split: "test" as const }
    // @ts-expect-error the settings are chosen on the test split
    void (() => Tuning.run({ methods, tuning, on: { ...data, valid: test } }))
  })
})
