/** What a user reads off a tuning: the best mean, how far it is ahead, and how much the choice varies. */
import { assert, describe, it } from "@effect/vitest"
import { Tuning } from "@igm/report"
import { Schema } from "effect"
import { TuningResult } from "../../src/index.ts"

type Scores = ReadonlyArray<ReadonlyArray<number> | null>

const given = (scores: Scores, own?: ReadonlyArray<number> | null): TuningResult.Given => {
  const bySeed = (byFold: ReadonlyArray<number> | null) => byFold?.map((score) => [score]) ?? null
  return {
    name: "IGM, tuned",
    of: "IGM",
    by: "accuracy",
    seeds: [1],
    folds: [1, 2, 3].map(() => ({ train: 1, select: 1, held: 1 })),
    space: { tau: "0 to 9" },
    budget: scores.length,
    trials: scores.map((byFold, i) => ({ setting: { tau: i }, epochs: 4, scores: bySeed(byFold) })),
    default: own === undefined ? null : { epochs: 4, scores: bySeed(own) }
  }
}

const of = (scores: Scores, own?: ReadonlyArray<number> | null) => TuningResult.of(given(scores, own))!

describe("TuningResult", () => {
  it("chooses the best mean, and says how far it is ahead of the next", () => {
    const clear = of([
      [0.5, 0.6, 0.7],
      [0.6, 0.7, 0.81],
      [0.1, 0.1, 0.1]
    ])
    assert.deepStrictEqual(clear.trials[clear.chosen]!.setting, { tau: 1 })
    assert.closeTo(clear.trials[0]!.scored!.mean, 0.6, 1e-12)
    assert.closeTo(clear.trials[0]!.scored!.error, 0.1 / Math.sqrt(3), 1e-12)
    assert.strictEqual(clear.runnerUp!.place, 0)
    assert.closeTo(clear.runnerUp!.difference, 0.31 / 3, 1e-12)
    // The differences are .1, .1 and .11: paired, they are far beyond their standard error.
    assert.closeTo(clear.runnerUp!.error, 0.01 / 3, 1e-12)
    assert.deepStrictEqual([clear.close, clear.byFold, clear.optimism], [0, [1, 1, 1], 0])
  })

  it("counts the trials that the folds cannot tell from the choice, and says what each fold alone would choose", () => {
    const open = of([
      [0.5, 0.9, 0.5],
      [0.7, 0.5, 0.72],
      [0.1, 0.1, 0.1]
    ])
    assert.strictEqual(open.chosen, 1)
    assert.isBelow(open.runnerUp!.difference, open.runnerUp!.error)
    assert.deepStrictEqual([open.close, open.byFold], [1, [1, 0, 1]])
    // The second fold's best is .4 above what is chosen, the others' best is the choice.
    assert.closeTo(open.optimism, 0.4 / 3, 1e-12)
  })

  it("gives a tie to the first, however its scores sum up", () => {
    const tie = of([
      [0.1, 0.2, 0.3],
      [0.3, 0.2, 0.1],
      [0.3, 0.1, 0.2]
    ])
    assert.deepStrictEqual([tie.chosen, tie.runnerUp!.place, tie.close], [0, 1, 2])
    assert.isNull(of([[0.1, 0.2, 0.3]]).runnerUp)
  })

  it("leaves out trials that diverged, and is none where all did", () => {
    const one = of([null, [0.1, 0.2, 0.3], null])
    assert.deepStrictEqual([one.chosen, one.byFold, one.runnerUp, one.close], [1, [1, 1, 1], null, 0])
    assert.isNull(one.trials[0]!.scored)
    assert.isNull(TuningResult.of(given([null, null])))
  })

  it("compares the choice with the default on the same folds", () => {
    const scores = [
      [0.5, 0.6, 0.7],
      [0.1, 0.1, 0.1]
    ]
    const { default: own } = of(scores, [0.5, 0.5, 0.6])
    assert.closeTo(own!.scored!.mean, 1.6 / 3, 1e-12)
    assert.closeTo(own!.gain!.difference, 0.2 / 3, 1e-12)
    assert.closeTo(own!.gain!.error, 0.1 / 3, 1e-12)
    assert.deepStrictEqual(of(scores, null).default, { epochs: 4, scored: null, gain: null })
    assert.isNull(of(scores).default)
  })

  const Score = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))

  it.prop(
    "has no mean above the chosen one, and goes through JSON unchanged",
    { scores: Schema.Array(Schema.Tuple([Score, Score, Score])).check(Schema.isMinLength(1), Schema.isMaxLength(6)) },
    ({ scores }) => {
      const found = of(scores, scores[0])
      const best = found.trials[found.chosen]!.scored!.mean
      for (const { scored } of found.trials) assert.isAtMost(scored!.mean, best + 1e-12)
      assert.isAtLeast(found.default!.gain!.difference, -1e-12)
      assert.isAtLeast(found.optimism, -1e-12)
      const back = Schema.decodeUnknownSync(Tuning.TunedMethod)(JSON.parse(JSON.stringify(found)))
      assert.strictEqual(JSON.stringify(back), JSON.stringify(found))
    }
  )
})
