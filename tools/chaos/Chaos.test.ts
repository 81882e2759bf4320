/** A few kills, flips and runs side by side; `npm run chaos` makes many. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import type { Journal } from "@igm/experiment"
import { MediaDecoder } from "@igm/media"
import { Effect, Random } from "effect"
import { fileURLToPath } from "node:url"
import * as Chaos from "./Chaos.ts"
import * as Flips from "./Flips.ts"
import * as Remains from "./Remains.ts"
import * as RunHistory from "./RunHistory.ts"
import * as Together from "./Together.ts"

const test = (name: string) => fileURLToPath(new URL(`../../packages/cli/test/${name}.experiment.ts`, import.meta.url))

const [tiny, own] = [test("tiny"), test("own")]

const work = (stage: string, digest: string) => ({ at: 0, stage, name: stage, digest })
const making = (stage: string, digest: string): Journal.Record => ({ kind: "making", ...work(stage, digest) })
const stored = (stage: string, digest: string): Journal.Record => ({
  kind: "stored",
  ...work(stage, digest),
  content: "",
  reused: false
})
const started = (process: number): Journal.Record => ({ kind: "started", at: 0, process, host: "here" })

describe("chaos", () => {
  it.live("an experiment that is killed, also inside of writes, and started again ends in the same bytes", () =>
    Effect.gen(function* () {
      const verdict = yield* Chaos.run({
        program: own,
        flags: ["--no-check", "--per-total", "10"],
        seed: 1,
        lanes: 1,
        kills: 5,
        inWrites: 2,
        perStage: 0
      })
      assert.isAtLeast(verdict.inWrites, 2)
      assert.isAtLeast(verdict.timed, 1)
      assert.isAtLeast(verdict.kills, 5)
      assert.deepStrictEqual(verdict.lacking, [])
    }).pipe(Effect.provide([NodeServices.layer, MediaDecoder.layer]))
  )

  it.live("a byte of a finished run that is made another is noticed by all who read it, and healed", () =>
    Effect.gen(function* () {
      const outcomes = yield* Flips.run({ program: tiny, speech: false, flips: 3, seed: yield* Random.nextInt })
      assert.deepStrictEqual(
        outcomes.filter(({ wrong }) => wrong.length > 0),
        [],
        Flips.text(outcomes)
      )
    }).pipe(Effect.provide([NodeServices.layer, MediaDecoder.layer]))
  )

  it.live("runs of the same and of other programs in one folder, with collections beside them, end as if alone", () =>
    Effect.gen(function* () {
      const given = [own, "--no-check", "--per-total", "100"]
      const programs = [given, [...given, "--by", "mean"], [...given, "--seed", "2"]]
      const { problems, collections } = yield* Together.run({ processes: 3, rounds: 1, programs })
      assert.deepStrictEqual(problems, [])
      assert.isAtLeast(collections, 1)
    }).pipe(Effect.provide([NodeServices.layer, MediaDecoder.layer]))
  )

  it("a kill is counted for what was being made, and not for what an earlier start made", () => {
    const before = [started(1), making("speech", "a"), stored("speech", "a"), making("media", "b"), started(2)]
    const hit = (...records: ReadonlyArray<Journal.Record>) => RunHistory.hit([...before, ...records], 2, 2)
    assert.strictEqual(hit(), "start")
    assert.strictEqual(hit(stored("speech", "a")), "between")
    assert.strictEqual(hit(stored("speech", "a"), making("media", "b")), "media")
    assert.strictEqual(hit(stored("speech", "a"), stored("media", "b")), "report")
    assert.strictEqual(RunHistory.hit(before, 3, 2), "start")
  })

  it("a file that is missing, other, or left over is named", () => {
    const differences = Remains.differences({ same: "1", other: "3", more: "4" }, { same: "1", other: "2", gone: "5" })
    assert.deepStrictEqual(
      differences.map((text) => text.split(" ")[0]),
      ["other", "gone", "more"]
    )
  })
})
