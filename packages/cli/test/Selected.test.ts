import { assert, describe, it } from "@effect/vitest"
import { Events, Results, Runs, files } from "@igm/experiment"
import { Effect, FileSystem, Schema } from "effect"
import { TestConsole } from "effect/testing"
import { fileURLToPath } from "node:url"
import { igm, layer } from "./fixture.ts"

const program = fileURLToPath(new URL("./selected.experiment.ts", import.meta.url))

const Shown = Schema.fromJsonString(
  Schema.Struct({
    trainings: Schema.Array(
      Schema.Struct({
        method: Schema.String,
        best: Schema.Struct({ epoch: Schema.Int, by: Schema.String, score: Schema.Finite })
      })
    )
  })
)

const Line = Schema.fromJsonString(
  Schema.Struct({ method: Schema.String, epoch: Schema.Int, turn: Schema.Int, selected: Events.Metrics })
)

describe("The metric that selects", () => {
  it.effect("is named with its epoch by igm show, and in igm runs, the report and its curves", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const out = yield* fs.makeTempDirectoryScoped()
      yield* igm("run", program, "--out", out, "--no-check")
      const [run] = yield* Runs.list(out)
      const said = Effect.fn(function* (...args: ReadonlyArray<string>) {
        yield* igm(...args, "--out", out)
        return String((yield* TestConsole.logLines).at(-1))
      })
      const { trainings } = yield* Effect.flatMap(said("show", run!.id, "--json"), Schema.decodeEffect(Shown))
      const text = yield* fs.readFileString(`${run!.folder}/${Results.files.trainings}`)
      const epochs = yield* Effect.forEach(
        text.split("\n").filter((line) => line.includes('"kind":"epoch"')),
        (line) => Schema.decodeEffect(Line)(line)
      )
      /** The first best epoch of the turns that select: all of IGM's, and of G-Blending the last of four. */
      const bestOf = (method: string, by: "macroF1" | "meanAveragePrecision", from: number) => {
        const own = epochs.filter((epoch) => epoch.method === method && epoch.turn >= from)
        const score = Math.max(...own.map(({ selected }) => selected[by]))
        return { method, best: { epoch: own.find(({ selected }) => selected[by] === score)!.epoch, by, score } }
      }
      assert.deepStrictEqual(trainings, [
        bestOf("IGM (paper)", "macroF1", 1),
        bestOf("G-Blending", "meanAveragePrecision", 4)
      ])
      assert.match(yield* said("show", run!.id), /best epoch +by +on selection/)
      assert.match(yield* said("runs"), /IGM \(paper\) macro-F1 [01]\.\d{3}/)
      // The table begins with the metric that selects, and not with the accuracy.
      assert.match(yield* said("show", run!.id), /^ +macro-F1 +accuracy +mAP +ECE +confidence − accuracy +NLL$/m)
      assert.include(yield* said("show", run!.id), "Epochs are selected by macro-F1 (IGM (paper)) or mAP (G-Blending)")
      assert.match(yield* said("show", run!.id), /G-Blending +1 +8 +[78] +mAP +[01]\.\d{3} /)
      const page = yield* fs.readFileString(`${run!.folder}/${files.report}`)
      assert.include(page, "the epoch with the best macro-F1 (IGM (paper)) or mAP (G-Blending) on the validation split")
      assert.include(page, '<th class="chosen">macro-F1</th>')
      // Beside it stands what no metric says.
      assert.include(page, "21 media or texts are in two splits or more")
      assert.include(page, "train/0, test/&lt;1&gt;")
      const curves = yield* fs.readFileString(`${run!.folder}/${files.figure("curves")}`)
      for (const title of ["validation macro-F1 (fused)", "validation mAP (fused)"]) assert.include(curves, title)
    }).pipe(Effect.provide(layer))
  )
})
