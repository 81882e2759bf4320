/** What a person relies on who runs a program again and again: nothing that is finished is written over, and what stands in the way is said. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Report } from "@igm/report"
import { Digest, Name } from "@igm/tensor"
import { Effect, FileSystem, Schema } from "effect"
import {
  Args,
  Experiment,
  Replay,
  Run,
  RunFolder,
  RunStore,
  Runner,
  Stage,
  StageFolder,
  files
} from "../../src/index.ts"

const args = Schema.Struct({ n: Args.Count.pipe(Args.defaultsTo(1)) })

/** A program that attaches files. */
const attaching = (attached: { readonly [name: string]: string }) =>
  Experiment.make("attaching", {
    args,
    run: () =>
      Effect.as(
        Run.use((run) => run.attach(attached)),
        Report.make("Attached", [])
      )
  })

const sources = {
  program: { path: "/program.ts", digest: Digest.ofJson("program") },
  modules: [],
  code: { version: "1", sources: Digest.ofJson("code") }
}

const home = FileSystem.FileSystem.use((fs) => fs.makeTempDirectoryScoped())

const start = <E, R>(out: string, experiment: Experiment.Experiment<typeof args, E, R>) =>
  Effect.gen(function* () {
    return yield* Runner.run(yield* Runner.prepare(experiment, {}), { out, sources })
  }).pipe(Effect.provide(RunStore.layer(out)))

describe("A run again", () => {
  it.effect("that attaches more, other or fewer files than the finished run is another run", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const out = yield* home
      const all = [{ "a.txt": "a", "b.txt": "b" }, { "a.txt": "a" }, {}, { "a.txt": "a", "b.txt": "c" }]
      const folders: Array<string> = []
      for (const attached of all) folders.push((yield* start(out, attaching(attached))).folder)
      assert.strictEqual(new Set(folders).size, all.length)
      for (const [i, attached] of all.entries()) {
        const again = yield* start(out, attaching(attached))
        assert.strictEqual(again.folder, folders[i])
        assert.hasAllKeys((yield* RunFolder.read(again.folder)).files, [
          ...Object.keys(attached),
          files.report,
          files.reportData
        ])
        for (const name of ["a.txt", "b.txt"]) {
          assert.strictEqual(yield* fs.exists(`${again.folder}/${name}`), name in attached)
        }
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("whose replay leaves fewer files than the finished run is told apart from it", () =>
    Effect.gen(function* () {
      const { folder, report } = yield* start(yield* home, attaching({ "a.txt": "a", "b.txt": "b" }))
      const manifest = yield* RunFolder.read(folder)
      const replayed = (attached: { readonly [name: string]: string }) =>
        Effect.map(Replay.results(folder, manifest, { report, attached }), (found) => found?.files)
      assert.deepStrictEqual(yield* replayed({ "a.txt": "a" }), ["b.txt"])
      assert.deepStrictEqual(yield* replayed({ "a.txt": "a", "b.txt": "c" }), ["b.txt"])
      assert.isUndefined(yield* replayed({ "a.txt": "a", "b.txt": "b" }))
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("whose folder is that of a run of an older version says so, and what to do", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const out = yield* home
      const { folder } = yield* start(out, attaching({}))
      const manifest = `${folder}/${files.manifest}`
      const older = JSON.stringify({ ...JSON.parse(yield* fs.readFileString(manifest)), format: 2 })
      yield* fs.writeFileString(manifest, older)
      const { message } = yield* Effect.flip(start(out, attaching({})))
      assert.include(message, `${manifest}: it was written by an older igm, which cannot be read any more`)
      assert.include(message, "into another --out or without this folder")
      assert.strictEqual(yield* fs.readFileString(manifest), older)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

describe("A program", () => {
  it.effect("attaches no file whose name some file system takes for another of the run", () =>
    Effect.gen(function* () {
      const out = yield* home
      const told = (attached: { readonly [name: string]: string }) =>
        Effect.map(Effect.flip(start(out, attaching(attached))), ({ message }) => message)
      for (const name of [
        "report.html",
        "Report.HTML",
        "MANIFEST.json",
        "Figures/a.json",
        "journal.jsonl/a",
        "../a",
        ".a",
        "a\u001b[31m"
      ]) {
        assert.include(
          yield* told({ [name]: "" }),
          `${Name.visible(name)}: a program cannot leave a file of this name in a run`
        )
      }
      assert.include(
        yield* told({ "a.txt": 3 as unknown as string }),
        "a.txt: a program cannot leave a file in a run whose"
      )
      for (const names of [
        ["heads.txt", "Heads.txt"],
        ["heads", "heads/a.txt"],
        ["Heads/a.txt", "heads"]
      ] as const) {
        const problem = `${names[1]}: a program cannot leave it beside ${names[0]} in a run`
        assert.include(yield* told(Object.fromEntries(names.map((name) => [name, ""]))), problem)
      }
      yield* start(out, attaching({ "heads/a.txt": "", "heads/b.txt": "", "heads.txt": "" }))
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("has the folders and files that it is given, or has by default", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const root = yield* home
      yield* fs.writeFileString(`${root}/table.csv`, "")
      const ran: Array<string> = []
      const reading = (fallback: string) =>
        Experiment.make("reading", {
          args: Schema.Struct({ data: Args.Folder.pipe(Args.defaultsTo(fallback)) }),
          run: ({ data }) => {
            ran.push(data)
            return Effect.succeed(Report.make("Read", []))
          }
        })
      const told = (fallback: string, given: Args.Given = {}) =>
        Effect.map(Effect.flip(Runner.prepare(reading(fallback), given)), ({ message }) => message)
      assert.strictEqual(yield* told(`${root}/none`), `${root}/none: this folder does not exist`)
      assert.strictEqual(yield* told(`${root}/table.csv`), `${root}/table.csv: this is a file, and no folder`)
      assert.include(yield* told(root, { data: "" }), 'reading: --data is "": give a folder')
      assert.deepStrictEqual(ran, [])
      yield* Runner.prepare(reading(`${root}/none`), { data: root })
      assert.deepStrictEqual(ran, [root])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("that makes an artifact with the file in which the run keeps what it is made of is told", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const writing = Stage.make("writing", {
        version: 1,
        input: Schema.Void,
        output: Schema.Void,
        run: () => StageFolder.use(({ folder }) => Effect.orDie(fs.writeFileString(`${folder}/within.json`, "[]")))
      })
      const program = Experiment.make("writing", {
        args,
        run: () => Effect.as(writing.run(), Report.make("Written", []))
      })
      const { message } = yield* Effect.flip(start(yield* home, program))
      assert.include(message, "the stage writing: its body writes within.json, which its artifact has of its own")
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
