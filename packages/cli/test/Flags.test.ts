import { assert, describe, it } from "@effect/vitest"
import { RunFolder, Runs } from "@igm/experiment"
import { Effect, FileSystem } from "effect"
import { TestConsole } from "effect/testing"
import { fileURLToPath } from "node:url"
import { igm, layer } from "./fixture.ts"

const own = fileURLToPath(new URL("./own.experiment.ts", import.meta.url))

const tagOf = (error: unknown) => (error as { readonly _tag?: string })._tag

describe("Numbers on the command line", () => {
  it.effect("are in their domains, or the command says so and does nothing", () =>
    Effect.gen(function* () {
      const published = ["data", "check", "crema-d", "--data", "/no/such"]
      for (const args of [
        ["run", "--no-check", "--seed", "0.5"],
        ["run", "--no-check", "--seed", "1e300"],
        ["run", "--no-check", "--threads", "0"],
        ["replay", "run", "--tolerance", "-1"],
        ["replay", "run", "--tolerance", "NaN"],
        ["ledger", "features", "--tau", "-1"],
        ["ledger", "features", "--tau", "Infinity"],
        [...published, "--seed", "-1"],
        [...published, "--limit", "0"]
      ]) {
        assert.strictEqual(tagOf(yield* Effect.flip(igm(...args))), "ShowHelp", args.join(" "))
      }
    }).pipe(Effect.provide(layer))
  )
})

describe("igm --version", () => {
  it.effect("says which igm it is", () =>
    Effect.gen(function* () {
      yield* igm("--version")
      assert.match(String((yield* TestConsole.logLines).at(-1)), /^igm v\d/)
    }).pipe(Effect.provide(layer))
  )
})

describe("The arguments of a program", () => {
  it.effect("are in the help of igm run, with what they are for, their choices and defaults", () =>
    Effect.gen(function* () {
      yield* igm("run", own, "--help")
      const help = (yield* TestConsole.logLines).map(String).join("\n")
      assert.include(help, "Adds up numbers that it draws")
      for (const line of [
        /--seed INTEGER +The seed of the data; the trainings' seeds follow it \(default: 1\)/,
        /--per-total INTEGER +How many numbers are drawn \(default: 3\)/,
        /--scales NUMBER,… +The scales of the totals \(default: 1,0.5\)/,
        /--by TEXT +How numbers become a total \(choices: sum, mean\) \(default: sum\)/,
        /--rounded +Round the totals in the table \(default: false\)/,
        /--label TEXT +A word for the report\n/,
        /--notes FILE +A text for the report\n/,
        /--folders FOLDER,… +Folders that are looked at\n/,
        /--out string +The folder of the runs/
      ]) {
        assert.match(help, line)
      }
      assert.notInclude(help, "--speech")
      const places = ["ARGUMENTS OF THE PROGRAM own", "--seed", "--folders", "FLAGS OF igm run", "--out", "--verbose"]
      const at = places.map((text) => help.indexOf(text))
      assert.deepStrictEqual(
        at,
        at.toSorted((a, b) => a - b)
      )
      assert.notInclude(at, -1)
    }).pipe(Effect.provide(layer))
  )

  it.effect("that are wrong are told in one line, and the next names the help; nothing is on standard output", () =>
    Effect.gen(function* () {
      yield* Effect.flip(igm("run", own, "--no-check", "--per-totl", "3"))
      const lines = (yield* TestConsole.errorLines).map(String).join("\n").split("\n")
      assert.lengthOf(lines, 2)
      assert.strictEqual(
        lines[0],
        "igm: Unrecognized flag: --per-totl in command igm run. Did you mean this? --per-total"
      )
      assert.match(lines[1]!, /^igm run .*own\.experiment\.ts --help tells what can be given$/)
      assert.deepStrictEqual(yield* TestConsole.logLines, [])
    }).pipe(Effect.provide(layer))
  )

  it.effect("are refused where they are none of it or none that it can have, and nothing is written", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const out = `${yield* fs.makeTempDirectoryScoped()}/runs`
      const told = Effect.fnUntraced(function* (args: ReadonlyArray<string>) {
        const before = (yield* TestConsole.errorLines).length
        const error = yield* Effect.flip(igm("run", own, "--no-check", "--out", out, ...args))
        const lines = (yield* TestConsole.errorLines).slice(before).map(String).join("\n")
        return tagOf(error) === "ShowHelp" ? lines : (error as Error).message
      })
      for (const [args, problem] of [
        [["--per-total", "0"], 'Invalid value for flag --per-total: "0". Expected: a whole number of at least 1'],
        [["--per-total", "three"], 'Invalid value for flag --per-total: "three". Expected: '],
        [["--per-total", "2.5"], 'Invalid value for flag --per-total: "2.5". Expected: '],
        [["--per-total="], "Missing value for flag --per-total. Expected: "],
        [["--scales", "1,x"], 'Invalid value for flag --scales: "1,x". Expected: '],
        [["--scales", "1,Infinity"], 'Invalid value for flag --scales: "1,Infinity". Expected: '],
        [["--by", "max"], 'Invalid value for flag --by: "max". Expected: "sum" or "mean"'],
        [["--rounded", "maybe"], 'Unexpected positional argument: "maybe"'],
        [["--seed"], "Missing value for flag --seed. Expected: INTEGER"],
        [["--seed", "1", "--seed", "2"], "--seed"],
        // What other programs have, or the program calls otherwise, is no flag here.
        [["--speech", "/speech"], "Unrecognized flag: --speech"],
        [["--views", "2"], "Unrecognized flag: --views"],
        [["--perTotal", "2"], "Unrecognized flag: --perTotal"],
        [["--folders", `${out},/tmp`], `${out}: this folder does not exist`],
        [["--folders", own], `${own}: this is a file, and no folder`],
        [["--notes", "/tmp"], "/tmp: this is a folder, and no file"]
      ] as const) {
        assert.include(yield* told(args), problem, args.join(" "))
      }
      assert.isFalse(yield* fs.exists(out))
    }).pipe(Effect.provide(layer))
  )

  it.effect("reach the program whatever their place, and the manifest with the defaults of the others", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const out = yield* fs.makeTempDirectoryScoped()
      const given = ["--scales", "2, -1", "--by=mean", "--label", "", "--folders", `${out},${out}`, "--notes", own]
      yield* igm("run", "--rounded", "--no-check", own, ...given, "--out", out)
      const [run] = yield* Runs.list(out)
      const { arguments: args } = yield* RunFolder.read(run!.folder)
      const { notes, folders, ...others } = args
      assert.deepStrictEqual(others, { seed: 1, perTotal: 3, scales: [2, -1], by: "mean", rounded: true, label: "" })
      assert.isTrue(String(notes).endsWith("own.experiment.ts"))
      assert.deepStrictEqual(folders, [out, out])
    }).pipe(Effect.provide(layer))
  )

  it.effect("have a JSON Schema that igm schema prints", () =>
    Effect.gen(function* () {
      yield* igm("schema", own)
      const { properties, ...schema } = JSON.parse(String((yield* TestConsole.logLines).at(-1))) as {
        readonly properties: { readonly [name: string]: object }
      }
      assert.deepStrictEqual(schema as object, {
        $schema: "https://json-schema.org/draft/2020-12/schema",
        title: "own",
        description: "Adds up numbers that it draws",
        type: "object",
        additionalProperties: false
      })
      assert.deepInclude(properties["perTotal"], {
        type: "integer",
        minimum: 1,
        default: 3,
        description: "How many numbers are drawn"
      })
      assert.deepInclude(properties["by"], { enum: ["sum", "mean"], default: "sum" })
      assert.deepStrictEqual(properties["label"], { type: "string", description: "A word for the report" })
      const none = yield* Effect.flip(igm("schema", "manifests"))
      assert.include((none as Error).message, "manifest, journal, report, results")
      assert.include((none as Error).message, "or a program's module")
    }).pipe(Effect.provide(layer))
  )
})
