/** What the command does for a program that compares nothing: it has stages of its own and a section of its own in its report. */
import { assert, describe, it } from "@effect/vitest"
import { Runs, files } from "@igm/experiment"
import { Effect, FileSystem } from "effect"
import { TestConsole } from "effect/testing"
import { fileURLToPath } from "node:url"
import { igm, layer } from "./fixture.ts"

const program = fileURLToPath(new URL("./own.experiment.ts", import.meta.url))

const said = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
  const before = (yield* TestConsole.logLines).length
  yield* igm(...args)
  return (yield* TestConsole.logLines).slice(before).map(String).join("\n")
})

describe("A program without a comparison", () => {
  it.effect("runs, reuses what it has, and is shown, listed, compared, replayed, collected, and not exported", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const out = `${yield* fs.makeTempDirectoryScoped()}/runs`
      const run = (...more: ReadonlyArray<string>) => said("run", program, "--no-check", "--out", out, ...more)
      const ask = (...args: ReadonlyArray<string>) => said(...args, "--out", out)
      const printed = yield* run()
      assert.include(printed, "reused   nothing: all of it was made by this run")
      const table = printed.slice(printed.indexOf("Totals"), printed.indexOf("reused")).trim()
      assert.match(table, /scale +sum/)
      const [{ id, folder }] = (yield* Runs.list(out)) as [Runs.Found]
      assert.include(yield* run(), "reused   numbers 1 of 1, total 2 of 2")
      assert.include(yield* run("--by", "mean"), "reused   numbers 1 of 1, total 0 of 2")
      const other = (yield* Runs.list(out)).find((run) => run.id !== id)!
      assert.lengthOf(yield* Runs.list(out), 2)

      const shown = yield* ask("show", id)
      assert.include(shown, `${id}   finished`)
      assert.include(shown, "Totals of numbers")
      assert.include(shown, table)
      assert.include(shown, "perTotal 3, scales 1,0.5")
      assert.match(shown, /total +total of scale 0.5 +made +0\.0 s/)
      assert.notInclude(shown, "Trainings")
      const page = yield* fs.readFileString(`${folder}/${files.report}`)
      assert.include(page, "<h2>Totals</h2>")
      const list = yield* ask("runs")
      assert.match(list, new RegExp(`${id} +\\S+ \\S+ +finished +onnx:cpu +seed 1, perTotal 3`))

      assert.include(yield* ask("diff", id, id, "--exit-code"), "No difference.")
      const differ = yield* ask("diff", id, other.id)
      assert.match(differ, /arguments\.by +"sum" +"mean"/)
      assert.match(differ, /total +total of scale 1 +differs +differs +key\.input\.by/)
      assert.match(differ, /sections\[0\]\.data\.header\[1\] +"sum" +"mean"/)

      const replayed = yield* said("replay", folder)
      assert.include(replayed, `${id} replays bit by bit: 3 artifacts (0 of them taken as recorded), 0 epochs`)
      assert.include(yield* said("replay", folder, "--from", "total of scale 1"), "2 of them taken as recorded")
      yield* fs.writeFileString(`${folder}/totals.json`, "{}")
      const damaged = yield* Effect.flip(igm("replay", folder))
      assert.include(
        (damaged as Error).message,
        `${folder}/totals.json: this file of a finished run is damaged or gone`
      )
      assert.include(yield* run(), "reused   numbers 1 of 1, total 2 of 2")

      const none = yield* Effect.flip(igm("export", folder))
      assert.strictEqual(
        (none as Error).message,
        `${folder}: this run is no comparison of methods: its results have no heads to export`
      )
      assert.isFalse(yield* fs.exists(`${folder}/heads.onnx`))

      assert.include(yield* ask("gc"), "nothing to remove")
      yield* ask("gc", "--run", other.id)
      assert.include(yield* ask("gc"), "removed 2 in all")
      assert.include(yield* run(), "reused   numbers 1 of 1, total 2 of 2")
    }).pipe(Effect.provide(layer))
  )
})
