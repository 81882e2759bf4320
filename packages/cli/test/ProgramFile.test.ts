import { assert, describe, it } from "@effect/vitest"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { type Args, CodeVersion } from "@igm/experiment"
import { ArtifactStore } from "@igm/io"
import { Effect, FileSystem, Layer, Path, Stream } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { TestConsole } from "effect/testing"
import { fileURLToPath } from "node:url"
import * as ProgramFile from "../src/ProgramFile.ts"
import { TypeScript } from "../src/TypeScript.ts"
import { igm, layer as environment } from "./fixture.ts"

const fixture = fileURLToPath(new URL("./fixture.ts", import.meta.url))

const own = fileURLToPath(new URL("./own.experiment.ts", import.meta.url))

const sources = fileURLToPath(new URL("../src", import.meta.url))

const modules = fileURLToPath(new URL("../../../node_modules", import.meta.url))

/** A program whose audio head takes vectors of the given width; the encoder gives 128. */
const text = (width: number, first = "") => `${first}
import { AvDigits, DigitEncoders } from "@igm/av-digits"
import { Args, Experiment } from "@igm/experiment"
import { Baselines, Head, Ring, Selection } from "@igm/gradient"
import { Schema } from "effect"

export default Experiment.make("fixture", {
  args: Schema.Struct({ seed: Args.seed }),
  run: ({ seed }) =>
    Experiment.comparison({
      title: "A fixture",
      dataset: AvDigits.make({ seed, speech: { kind: "recordings", folder: "/no/such" } }),
      encoders: { audio: DigitEncoders.audio, image: DigitEncoders.image },
      methods: [
        Baselines.lateFusion({
          heads: { audio: Head.make(${width}, 8, 10), image: Head.make(128, 8, 10) },
          ring: Ring.make(["audio", "image"], { rounds: 1, epochs: { audio: 1, image: 1 } }),
          selection: Selection.best("accuracy"),
          batch: 4,
          rho: 1e-10
        })
      ],
      compared: [],
      seeds: [seed]
    })
})
`

/** A program whose `run` is the given code. */
const running = (run: string, name = "own") => `
import { Experiment } from "@igm/experiment"
import { Schema } from "effect"

export default Experiment.make(${JSON.stringify(name)}, { args: Schema.Struct({}), run: ${run} })
`

/** A user's folder, with files, in which the packages are installed. */
const folderOf = Effect.fn(function* (files: Readonly<Record<string, string>>) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = yield* fs.realPath(yield* fs.makeTempDirectoryScoped())
  yield* fs.symlink(modules, path.join(folder, "node_modules"))
  for (const [name, content] of Object.entries(files)) yield* fs.writeFileString(path.join(folder, name), content)
  yield* fs.makeDirectory(path.join(folder, "runs/.store"), { recursive: true })
  return folder
})

/** Loads and prepares a program of the folder with its own store; counts how often the compiler is asked. */
const load = Effect.fn(function* (
  folder: string,
  options: { readonly check: boolean } = { check: true },
  given: Args.Given = {}
) {
  let asked = 0
  const counting = Layer.effect(
    TypeScript,
    TypeScript.use(({ version, check }) =>
      Effect.succeed({ version, check: (program: string) => Effect.suspend(() => (asked++, check(program))) })
    )
  ).pipe(Layer.provide(TypeScript.layer))
  const result = yield* ProgramFile.load(`${folder}/experiment.ts`, options).pipe(
    Effect.tap((loaded) => ProgramFile.prepare(loaded, given)),
    Effect.tap(({ remember }) => remember),
    Effect.provide(Layer.merge(counting, ArtifactStore.layer(`${folder}/runs/.store`))),
    Effect.result
  )
  const problem = result._tag === "Failure" ? result.failure.message : ""
  return { asked, problem, line: problem.split("\n")[0]!.replace(`${folder}/`, "") }
})

/** What is told of a program. */
const told = (content: string, options?: { readonly check: boolean }) =>
  Effect.flatMap(folderOf({ "experiment.ts": content }), (folder) => load(folder, options))

describe("ProgramFile.load", () => {
  it.live("a head that is wider than its encoder is told with its place, and without a check by its name", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* folderOf({ "experiment.ts": text(512) })
      const { line, problem } = yield* load(folder)
      assert.strictEqual(
        line,
        "experiment.ts:13:19: width: Type '128' is not assignable to type '512'. (run with --no-check to run it all the same)"
      )
      assert.include(problem, "Type 'Encoder<128>' is not assignable to type 'Encoder<512>'")
      const again = yield* load(folder)
      assert.deepStrictEqual([again.asked, again.problem], [1, problem], "what the compiler remembers hides nothing")
      const unchecked = yield* load(folder, { check: false })
      assert.strictEqual(unchecked.asked, 0)
      assert.strictEqual(
        unchecked.line,
        "experiment.ts: this experiment cannot be made: A fixture: late fusion reads audio 512 wide, and its encoder gives 128"
      )
      assert.sameMembers(yield* fs.readDirectory(folder), ["experiment.ts", "node_modules", "runs"])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("a check that passed is made again only when a file that it depended on has changed", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      // Here the package says what kind of module it is, where elsewhere that is detected.
      const folder = yield* folderOf({
        "package.json": '{ "type": "module" }\n',
        "experiment.ts": 'import { width } from "./width.ts"; width satisfies 128; export default 3\n',
        "width.ts": "export const width = 128\n"
      })
      // It passes, and is no program, which is told only then.
      const passed = (line: string) => (line.startsWith("experiment.ts: its default export") ? "passed" : line)
      const asked = Effect.map(load(folder), ({ asked, line }) => [asked, passed(line)])
      assert.deepStrictEqual(yield* asked, [1, "passed"])
      assert.deepStrictEqual(yield* asked, [0, "passed"])
      yield* fs.writeFileString(`${folder}/width.ts`, "export const width = 512\n")
      const [again, line] = yield* asked
      assert.strictEqual(again, 1)
      assert.match(String(line), /^experiment.ts:1:\d+: Type '512' does not satisfy the expected type '128'/)
      yield* fs.writeFileString(`${folder}/width.ts`, "export const width = 128\n")
      assert.deepStrictEqual(yield* asked, [0, "passed"])
      const [memory] = yield* fs.readDirectory(`${folder}/runs/.store/checked`)
      yield* fs.writeFileString(`${folder}/runs/.store/checked/${memory}`, "{")
      assert.deepStrictEqual(yield* asked, [1, "passed"])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("what is not a program is told in one line that says what to write", () =>
    Effect.gen(function* () {
      const how = "export one as the default: export default Experiment.make(…)"
      const lines = [
        ["export const experiment = 3\n", `experiment.ts: it exports no experiment: ${how}`],
        ["export default 3\n", `experiment.ts: its default export is not an experiment: ${how}`],
        ["export default () => 3\n", `experiment.ts: its default export is not an experiment: ${how}`],
        [running("() => 3"), "experiment.ts: this experiment cannot be made: own: its run gives no Effect: give one"],
        [
          running("async () => { throw 3 }"),
          "experiment.ts: this experiment cannot be made: own: its run gives a promise: give an Effect"
        ],
        [running("() => { throw null }"), "experiment.ts: this experiment cannot be made: null is thrown"],
        [running('() => { throw new Error("no data") }'), "experiment.ts: this experiment cannot be made: no data"],
        [
          running("() => 3", "a/b"),
          'experiment.ts: this module cannot be loaded: the name of the experiment is "a/b": a folder is named by it, so it may have none of / \\ : * ? " < > |'
        ],
        ['throw new Error("too late")\n', "experiment.ts: this module cannot be loaded: too late"]
      ] as const
      for (const [content, line] of lines) assert.strictEqual((yield* told(content, { check: false })).line, line)
      assert.strictEqual(
        (yield* told("export default () => {\n  const x = ;\n}\n")).line,
        "experiment.ts:2:13: Expression expected. (run with --no-check to run it all the same)"
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live(
    "modules that cannot be found or loaded are told as Node says it, and a missing package before a check too",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
        const path = yield* Path.Path
        const alone = yield* folderOf({ "experiment.ts": text(128) })
        yield* fs.remove(`${alone}/node_modules`)
        const lost =
          "experiment.ts: @igm/av-digits cannot be found from its folder: a program must lie in this repository, or in a folder where the @igm packages are installed"
        assert.strictEqual((yield* load(alone)).line, lost)
        const folder = yield* folderOf({
          "nope.ts": 'import { Nope } from "@igm/gradient"\nexport default Nope\n',
          "main.ts": `import { Effect } from "effect"
          import { igm } from ${JSON.stringify(path.join(sources, "Cli.ts"))}
          import { layer } from ${JSON.stringify(fixture)}
          for (const program of process.argv.slice(2)) {
            const error = await Effect.runPromise(Effect.flip(igm(["run", program, "--no-check"])).pipe(Effect.provide(layer)))
            process.stdout.write((error as Error).message + "\\n")
          }
        `
        })
        const args = ["--no-warnings", "main.ts", `${alone}/experiment.ts`, "nope.ts"]
        const said = yield* spawner.string(ChildProcess.make(process.execPath, args, { cwd: folder }), {
          includeStderr: true
        })
        assert.deepStrictEqual(said.split("\n"), [
          `${alone}/${lost}`,
          // An export that a package does not have is not taken for a package that is missing.
          "nope.ts: this module cannot be loaded: The requested module '@igm/gradient' does not provide an export named 'Nope'",
          ""
        ])
      }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("an argument that a program does not have, or that cannot be so, is told with its flag", () =>
    Effect.gen(function* () {
      const folder = yield* folderOf({ "experiment.ts": text(128) })
      const line = (given: Args.Given) => Effect.map(load(folder, { check: false }, given), ({ line }) => line)
      assert.strictEqual(yield* line({ seed: 2 }), "")
      assert.include(
        yield* line({ seed: 2, perDigit: 3 }),
        "experiment.ts: this experiment cannot be made: fixture: --per-digit"
      )
      assert.include(yield* line({ seed: -1 }), "fixture: --seed is -1: give a whole number of at least 0")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("a program that ends the process, or holds it, is told in one line, and is no success", () =>
    Effect.gen(function* () {
      const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
      const path = yield* Path.Path
      const folder = yield* folderOf({
        "exits.ts": "process.exit(0)\n",
        "loops.ts": "while (true) {}\n",
        "waits.ts": "await new Promise(() => {})\n",
        "rejects.ts": 'void Promise.reject(new Error("alone"))\nawait new Promise(() => {})\n',
        "throws.ts": 'setTimeout(() => {\n  throw new Error("later")\n})\nawait new Promise(() => {})\n',
        "main.ts": `import { Effect } from "effect"
          import { watched } from ${JSON.stringify(path.join(sources, "Loading.ts"))}
          setInterval(() => {}, 1000)
          for (const name of process.argv.slice(2)) {
            const load = Effect.tryPromise({ try: () => import("./" + name), catch: (cause) => cause })
            const error = await Effect.runPromise(Effect.flip(watched(name, load, { patience: 0.2 })))
            process.stderr.write("igm: " + (error as Error).message + "\\n")
          }
          process.exit(1)
        `
      })
      const run = Effect.fn(function* (...names: ReadonlyArray<string>) {
        const command = ChildProcess.make(process.execPath, ["--no-warnings", "main.ts", ...names], { cwd: folder })
        const handle = yield* spawner.spawn(command)
        const [said, code] = yield* Effect.all(
          [Stream.mkString(Stream.decodeText(handle.stderr)), Effect.exit(handle.exitCode)],
          { concurrency: "unbounded" }
        )
        assert.isFalse(code._tag === "Success" && code.value === 0, names.join(" "))
        return said
      })
      const late = "it is still loading after 0.2 s: does it wait for something that never comes, or loop without end?"
      assert.strictEqual(yield* run("loops.ts"), `igm: loops.ts: ${late}\n`)
      const astray = "something is thrown that nobody waits for"
      assert.deepStrictEqual((yield* run("waits.ts", "rejects.ts", "throws.ts")).split("\n"), [
        `igm: waits.ts: ${late}`,
        `igm: rejects.ts: ${astray}: alone`,
        `igm: throws.ts: ${astray}: later`,
        ""
      ])
      assert.strictEqual(
        yield* run("exits.ts"),
        "igm: exits.ts: it ends the process while it is loaded, with process.exit(0): leave that out\n"
      )
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live("where the compiler complains of the whole, the line names the modality whose width is wrong", () =>
    Effect.gen(function* () {
      const encoders = "encoders: { audio: DigitEncoders.audio, image: DigitEncoders.image }"
      const apart = text(512, `const ${encoders.replace("encoders:", "encoders =")};`).replace(encoders, "encoders")
      assert.include(
        (yield* told(apart)).line,
        "experiment.ts:13:7: audio.width: Type '128' is not assignable to type '512'."
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("without a compiler the program is run, and that it was not checked is said", () =>
    Effect.gen(function* () {
      const folder = yield* folderOf({ "experiment.ts": text(128) })
      const { experiment } = yield* ProgramFile.load(`${folder}/experiment.ts`, { check: true }).pipe(
        Effect.provide(Layer.merge(TypeScript.layerNone, ArtifactStore.layer(`${folder}/runs/.store`)))
      )
      assert.strictEqual(experiment.name, "fixture")
      assert.deepStrictEqual(yield* TestConsole.errorLines, [
        `igm: ${folder}/experiment.ts is run without a check of its types: TypeScript is not installed: npm install typescript`
      ])
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

describe("igm run", () => {
  it.effect("tells a wrong type before anything is made, and goes on with --no-check", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* folderOf({
        "experiment.ts": "const typed: string = 3; void typed\n",
        "untyped.ts": text(128, "const typed: string = 3; void typed")
      })
      yield* fs.remove(`${folder}/runs`, { recursive: true })
      yield* fs.copyFile(own, `${folder}/own.ts`)
      const problem = (...args: ReadonlyArray<string>) =>
        Effect.flip(igm("run", ...args, "--out", `${folder}/runs`)).pipe(
          Effect.map((error) => (error as Error).message)
        )
      assert.include(yield* problem(`${folder}/experiment.ts`), "experiment.ts:1:7: Type 'number' is not assignable")
      assert.isFalse(yield* fs.exists(`${folder}/runs`))
      assert.strictEqual(yield* problem(`${folder}/untyped.ts`, "--no-check"), "/no/such: this folder does not exist")
      assert.strictEqual(
        yield* problem(`${folder}/absent.ts`),
        `${folder}/absent.ts: cannot read this program: no such file or folder`
      )
      yield* igm("run", `${folder}/own.ts`, "--out", `${folder}/checked`)
      assert.lengthOf(yield* fs.readDirectory(`${folder}/checked/.store/checked`), 1)
    }).pipe(Effect.provide(environment))
  )

  it.effect("tells of a service that the command does not have, and of a program that has a flag of the command", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* folderOf({
        "lacks.ts": `
          import { Experiment } from "@igm/experiment"
          import { Report } from "@igm/report"
          import { Context, Effect, Schema } from "effect"
          class Weather extends Context.Service<Weather, { readonly sunny: boolean }>()("mine/Weather") {}
          const run = () => Effect.map(Weather, ({ sunny }) => Report.make("Weather", [Report.facts("Sun", { sunny: String(sunny) })]))
          export default Experiment.make("lacks", { args: Schema.Struct({}), run })
        `,
        "takes.ts": running("() => 3").replace("Struct({})", "Struct({ threads: Schema.Int })"),
        "nested.ts": running("() => 3").replace("Struct({})", "Struct({ a: Schema.Struct({ b: Schema.Int }) })")
      })
      const problem = (name: string) =>
        Effect.flip(igm("run", `${folder}/${name}.ts`, "--no-check", "--out", `${folder}/runs`)).pipe(
          Effect.map((error) => (error as Error).message)
        )
      assert.strictEqual(
        yield* problem("lacks"),
        `${folder}/lacks.ts: it asks for the service mine/Weather, which the command does not have: provide it in the program, or run it by a main module of your own`
      )
      yield* fs.remove(`${folder}/runs`, { recursive: true })
      assert.strictEqual(
        yield* problem("takes"),
        `${folder}/takes.ts: its argument threads has the name of a flag of the command: give it another`
      )
      assert.include(
        yield* problem("nested"),
        "own: the type of args.a is none that a flag can have: give a string, a number, a boolean, a literal, or a list of one of them"
      )
      assert.isFalse(yield* fs.exists(`${folder}/runs`))
    }).pipe(Effect.provide(environment))
  )

  it.effect("names the program that fails with anything, gives no report, or leaves the working folder", () =>
    Effect.gen(function* () {
      const here = process.cwd()
      const cases = {
        null: ["Effect.fail(null)", "null is thrown"],
        text: ['Effect.fail("no luck")', '"no luck" is thrown'],
        error: ['Effect.fail(new Error("no luck"))', "no luck"],
        dies: ["Effect.die(undefined)", "undefined is thrown"],
        throws: ['Effect.sync(() => { throw new TypeError("") })', "TypeError"],
        away: [
          'Effect.sync(() => { process.chdir("/"); return Report.make("Away", []) })',
          "it changes the working folder, with process.chdir: leave that out"
        ],
        none: ["Effect.void", "its run gives no report: end it with Report.make(title, sections)"]
      } as const
      const more = 'import { Report } from "@igm/report"\nimport { Effect } from "effect"\nvoid Report\n'
      const files = Object.entries(cases).map(([name, [run]]) => [`${name}.ts`, more + running(`() => ${run}`)])
      const folder = yield* folderOf(Object.fromEntries(files) as { readonly [name: string]: string })
      for (const [name, [, problem]] of Object.entries(cases)) {
        const file = `${folder}/${name}.ts`
        const error = yield* Effect.flip(igm("run", file, "--no-check", "--out", `${folder}/runs`))
        assert.strictEqual((error as Error).message, `${name === "none" ? "own" : file}: ${problem}`)
        assert.strictEqual(process.cwd(), here)
      }
    }).pipe(Effect.provide(environment))
  )

  it.effect("prints in its help nothing that steers a terminal", () =>
    Effect.gen(function* () {
      const folder = yield* folderOf({
        "steers.ts": running("() => 3").replace(
          "args: Schema.Struct({})",
          'description: "Red:\\u001b[31m\\nand more", args: Schema.Struct({ a: Schema.String.annotate({ description: "Up\\u001b[A" }) })'
        )
      })
      yield* igm("run", `${folder}/steers.ts`, "--help")
      const help = (yield* TestConsole.logLines).map(String).join("\n")
      assert.include(help, "Red:\\u{1b}[31m and more")
      assert.include(help, "Up\\u{1b}[A (required)")
    }).pipe(Effect.provide(environment))
  )
})

describe("CodeVersion.codeDigest", () => {
  it.effect("names the version, and is the same as long as the sources are", () =>
    Effect.gen(function* () {
      const code = yield* CodeVersion.codeDigest
      assert.match(code.version, /^\d+\.\d+\.\d+$/)
      assert.match(code.sources, /^[0-9a-f]{64}$/)
      assert.deepStrictEqual(yield* CodeVersion.codeDigest, code)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
