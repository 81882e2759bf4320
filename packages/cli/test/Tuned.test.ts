import { assert, describe, it } from "@effect/vitest"
import { Results, RunFolder } from "@igm/experiment"
import { Effect, FileSystem, Path, Schema } from "effect"
import { TestConsole } from "effect/testing"
import { fileURLToPath } from "node:url"
import { igm, layer } from "./fixture.ts"

const program = fileURLToPath(new URL("./tuned.experiment.ts", import.meta.url))

const Chosen = Schema.Struct({ modification: Schema.Struct({ tau: Schema.Finite }) })

describe("igm run of a tuned experiment", () => {
  it.effect("trains the method that was chosen, shows and keeps the table, and reuses it the second time", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const out = yield* fs.makeTempDirectoryScoped()
      const run = Effect.gen(function* () {
        yield* igm("run", program, "--no-check", "--out", out)
        const printed = (yield* TestConsole.logLines).map(String).join("\n")
        const report = /report +(\S+)$/.exec(printed)![1]!
        const folder = path.dirname(report)
        const manifest = yield* RunFolder.read(folder)
        const results = (yield* Results.read(folder, manifest))!
        return { printed, html: yield* fs.readFileString(report), manifest, results }
      })
      const first = yield* run
      assert.include(first.printed, "Tuning\n")
      assert.include(first.printed, "IGM (paper), tuned")
      assert.include(first.printed, "Settings of the tuned methods: chosen by cross-validation on the training and")
      assert.include(first.html, "<h2>Tuning</h2>")
      const { tuning, methods } = first.results
      const [{ trials, chosen, budget }] = tuning as [NonNullable<typeof tuning>[number]]
      assert.deepStrictEqual([trials.map(({ setting }) => setting), budget], [[{ tau: 0.1 }, { tau: 1.3 }], 3])
      const trained = yield* Schema.decodeUnknownEffect(Chosen)(methods[0]!.settings)
      assert.strictEqual(trained.modification.tau, trials[chosen]!.setting["tau"])
      const second = yield* run
      assert.include(second.printed, "cross-validation 1 of 1")
      assert.deepStrictEqual(second.manifest, first.manifest)
      assert.strictEqual(second.html, first.html)
    }).pipe(Effect.provide(layer))
  )
})
