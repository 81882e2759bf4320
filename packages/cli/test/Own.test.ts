/** What the command does for a program that compares nothing: it has stages of its own and a section of its own in its report. */
import { assert, describe, it } from "@effect/vitest"
import { Runs, files } from "@igm/experiment"
import { Progress } from "@igm/io"
import { Digest } from "@igm/tensor"
import { Effect, FileSystem } from "effect"
import { TestConsole } from "effect/testing"
import { fileURLToPath } from "node:url"
import { igm, layer } from "./fixture.ts"

const modules = fileURLToPath(new URL("../../../node_modules", import.meta.url))

const program = fileURLToPath(new URL("./own.experiment.ts", import.meta.url))

const said = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
  const before = (yield* TestConsole.logLines).length
  yield* igm(...args)
  return (yield* TestConsole.logLines).slice(before).map(String).join("\n")
})

describe("A program without a comparison", () => {
  it.effect("has what it makes told as it is made where there is no terminal, and nothing of it in the results", () =>
    Effect.gen(function* () {
      const out = yield* FileSystem.FileSystem.use((fs) => fs.makeTempDirectoryScoped())
      const run = said("run", program, "--no-check", "--out", out).pipe(Effect.provide(Progress.layerLog))
      const printed = yield* run
      const told = (yield* TestConsole.errorLines).map(String)
      assert.match(told[0]!, /^igm: made numbers in \d+\.\d s$/)
      assert.match(told[1]!, /^igm: made total of scale .* in \d+\.\d s$/)
      assert.notInclude(printed, "made numbers in")
      yield* run
      assert.deepStrictEqual((yield* TestConsole.errorLines).slice(told.length), [], "what is reused was not made")
    }).pipe(Effect.provide(layer))
  )

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
      const given = "by sum, perTotal 3, rounded false, scales 1,0.5, seed 1"
      assert.include(page, `Run <code>${id}</code> with <code>${given}</code>`)
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

  it.effect("says which artifacts it reused although its code has changed, where it runs and where it is shown", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const out = `${folder}/runs`
      yield* fs.symlink(modules, `${folder}/node_modules`)
      const text = yield* fs.readFileString(program)
      const runOf = Effect.fnUntraced(function* (text: string, ...more: ReadonlyArray<string>) {
        // Node reads a module once and for all, so that each text is a file of its own.
        const own = `${folder}/${Digest.ofJson(text)}.ts`
        yield* fs.writeFileString(own, text)
        return yield* said("run", own, "--no-check", "--out", out, ...more)
      })
      assert.notInclude(yield* runOf(text), "although")
      assert.notInclude(yield* runOf(text), "although", "the run itself made them")
      assert.notInclude(yield* runOf(text, "--label", "x"), "although", "another run of the same code made them")
      const first = (yield* Runs.list(out)).find(({ manifest }) => manifest?.arguments["label"] === undefined)!
      const printed = yield* runOf(`${text}\n// changed\n`, "--by", "mean")
      const line = `reused   although the code has changed since ${first.id} made it: numbers`
      assert.include(printed.split("\n"), line)
      const changed = (yield* Runs.list(out)).find(({ manifest }) => manifest?.arguments["by"] === "mean")
      const shown = yield* said("show", changed!.id, "--out", out)
      assert.match(shown, new RegExp(`numbers +numbers +reused \\(other code: ${first.id}\\)`))
      assert.match(shown, /total +total of scale 1 +made/)
      const { works } = JSON.parse(yield* said("show", changed!.id, "--out", out, "--json")) as {
        readonly works: ReadonlyArray<{ readonly name: string; readonly madeBy?: string }>
      }
      assert.deepStrictEqual(
        works.flatMap(({ name, madeBy }) => (madeBy === undefined ? [] : [[name, madeBy]])),
        [["numbers", first.id]]
      )
      assert.notInclude(yield* fs.readFileString(`${changed!.folder}/${files.manifest}`), first.id)
    }).pipe(Effect.provide(layer))
  )
})
