import { assert, describe, it } from "@effect/vitest"
import { NodeServices } from "@effect/platform-node"
import type { Experiment } from "@igm/experiment"
import { ArtifactStore } from "@igm/io"
import { Effect, FileSystem, Layer, Path, Stream } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { TestConsole } from "effect/testing"
import { fileURLToPath } from "node:url"
import * as CodeVersion from "../src/CodeVersion.ts"
import * as ProgramFile from "../src/ProgramFile.ts"
import type { ProgramError } from "../src/ProgramError.ts"
import { TypeScript } from "../src/TypeScript.ts"
import { igm, layer as environment } from "./fixture.ts"

const bin = fileURLToPath(new URL("../src/bin.ts", import.meta.url))

const sources = fileURLToPath(new URL("../src", import.meta.url))

const modules = fileURLToPath(new URL("../../../node_modules", import.meta.url))

/** A program whose audio head takes vectors of the given width; the encoder gives 128. */
const text = (width: number, first = "") => `${first}
import { AvDigits } from "@igm/datasets"
import { DigitEncoders } from "@igm/encoders"
import { Experiment } from "@igm/experiment"
import { Control, Head, Ring, Selection } from "@igm/gradient"

export default Experiment.program(({ seed }) =>
  Experiment.make({
    name: "fixture",
    title: "A fixture",
    dataset: AvDigits.make({ seed, speech: { kind: "recordings", folder: "/no/such" } }),
    encoders: { audio: DigitEncoders.audio, image: DigitEncoders.image },
    methods: [
      Control.lateFusion({
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
)
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

/** Loads a program of the folder with its own store; counts how often the compiler is asked. */
const load = Effect.fn(function* (
  folder: string,
  options: { readonly check: boolean; readonly said?: ReadonlyArray<keyof Experiment.Arguments> } = { check: true },
  given: Partial<Experiment.Arguments> = {}
) {
  let asked = 0
  const counting = Layer.effect(
    TypeScript,
    TypeScript.use(({ version, check }) =>
      Effect.succeed({ version, check: (program: string) => Effect.suspend(() => (asked++, check(program))) })
    )
  ).pipe(Layer.provide(TypeScript.layer))
  const result = yield* ProgramFile.load(
    `${folder}/experiment.ts`,
    { seed: 1, speech: undefined, ...given },
    options
  ).pipe(Effect.provide(Layer.merge(counting, ArtifactStore.layer(`${folder}/runs/.store`))), Effect.result)
  const problem = result._tag === "Failure" ? (result.failure as ProgramError).message : ""
  return { asked, problem, line: problem.split("\n")[0]!.replace(`${folder}/`, "") }
})

/** What is told of a program. */
const told = (content: string) => Effect.flatMap(folderOf({ "experiment.ts": content }), (folder) => load(folder))

describe("ProgramFile.load", () => {
  it.live("a head that is wider than its encoder is told with its place, and without a check by its name", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* folderOf({ "experiment.ts": text(512) })
      const { line, problem } = yield* load(folder)
      assert.strictEqual(
        line,
        "experiment.ts:12:17: width: Type '128' is not assignable to type '512'. (run with --no-check to run it all the same)"
      )
      assert.include(problem, "Type 'Encoder<128>' is not assignable to type 'Encoder<512>'")
      const unchecked = yield* load(folder, { check: false })
      assert.strictEqual(unchecked.asked, 0)
      assert.strictEqual(
        unchecked.line,
        "experiment.ts: this experiment cannot be made: fixture: late fusion reads audio 512 wide, and its encoder gives 128"
      )
      assert.sameMembers(yield* fs.readDirectory(folder), ["experiment.ts", "node_modules", "runs"])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("a check that passed is made again only when a file that it depended on has changed", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* folderOf({
        "experiment.ts": text(128, 'import { width } from "./width.ts"; width satisfies 128'),
        "width.ts": "export const width = 128\n"
      })
      const asked = Effect.map(load(folder), ({ asked, line }) => [asked, line])
      assert.deepStrictEqual(yield* asked, [1, ""])
      assert.deepStrictEqual(yield* asked, [0, ""])
      yield* fs.writeFileString(`${folder}/width.ts`, "export const width = 512\n")
      const [again, line] = yield* asked
      assert.strictEqual(again, 1)
      assert.match(String(line), /^experiment.ts:1:\d+: Type '512' does not satisfy the expected type '128'/)
      yield* fs.writeFileString(`${folder}/width.ts`, "export const width = 128\n")
      assert.deepStrictEqual(yield* asked, [0, ""])
      const [memory] = yield* fs.readDirectory(`${folder}/runs/.store/checked`)
      yield* fs.writeFileString(`${folder}/runs/.store/checked/${memory}`, "{")
      assert.deepStrictEqual(yield* asked, [1, ""])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("what is not a program is told in one line that says what to write", () =>
    Effect.gen(function* () {
      const how = "export one as the default: export default Experiment.program(…)"
      const lines = [
        ["export const experiment = 3\n", `experiment.ts: it exports no experiment: ${how}`],
        ["export default 3\n", `experiment.ts: its default export is not an experiment: ${how}`],
        ["export default () => 3\n", `experiment.ts: its default export makes no experiment: ${how}`],
        [
          "export default async () => 3\n",
          `experiment.ts: its default export makes a promise of an experiment: ${how}`
        ],
        ["export default () => {\n  throw null\n}\n", "experiment.ts: this experiment cannot be made: null is thrown"],
        [
          'export default () => ({ name: "a/b", title: "", dataset: 1, encoders: 2, methods: 3, compared: 4, seeds: 5 })\n',
          'experiment.ts: this experiment cannot be made: the name of the experiment is "a/b": a folder is named by it, so it may have none of / \\ : * ? " < > |'
        ],
        [
          "export default () => {\n  const x = ;\n}\n",
          "experiment.ts:2:13: Expression expected. (run with --no-check to run it all the same)"
        ],
        ['throw new Error("too late")\n', "experiment.ts: this module cannot be loaded: too late"],
        [
          'export default () => {\n  throw new Error("no data")\n}\n',
          "experiment.ts: this experiment cannot be made: no data"
        ]
      ] as const
      for (const [content, line] of lines) assert.strictEqual((yield* told(content)).line, line)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("where the packages cannot be found it says where a program must lie, checked or not", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
      const folder = yield* folderOf({ "experiment.ts": text(128) })
      yield* fs.remove(`${folder}/node_modules`)
      for (const flag of ["--check", "--no-check"]) {
        const args = ["--no-warnings", bin, "run", "experiment.ts", flag]
        const said = yield* spawner.string(ChildProcess.make(process.execPath, args, { cwd: folder }), {
          includeStderr: true
        })
        assert.strictEqual(
          said,
          "igm: experiment.ts: @igm/datasets cannot be found from its folder: a program must lie in this repository, or in a folder where the @igm packages are installed\n"
        )
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("an argument that a program does not read is refused, whichever it is", () =>
    Effect.gen(function* () {
      const folder = yield* folderOf({ "experiment.ts": text(128) })
      const line = (args: Experiment.Arguments, said: ReadonlyArray<keyof Experiment.Arguments>) =>
        Effect.map(load(folder, { check: false, said }, args), ({ line }) => line)
      for (const [flag, value] of [
        ["limit", 3],
        ["data", "/data"],
        ["speech", "/speech"]
      ] as const) {
        assert.strictEqual(
          yield* line({ seed: 1, [flag]: value }, ["seed", flag]),
          `experiment.ts: it does not read --${flag}, and ${value} is given: leave out --${flag}`
        )
      }
      assert.strictEqual(yield* line({ seed: 2 }, ["seed"]), "")
      // What a run recorded was read by its program then.
      assert.strictEqual(yield* line({ seed: 2, limit: 3 }, []), "")
      const unseeded = text(128).replace("({ seed })", "()").replace("{ seed,", "{ seed: 1,").replace("[seed]", "[1]")
      const fixed = yield* folderOf({ "experiment.ts": unseeded })
      assert.strictEqual(
        (yield* load(fixed, { check: false, said: ["seed"] })).line,
        "experiment.ts: it does not read --seed, and 1 is given: leave out --seed"
      )
      assert.strictEqual((yield* load(fixed, { check: false })).line, "")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("an export that a package does not have is not taken for a package that is missing", () =>
    Effect.gen(function* () {
      const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
      const folder = yield* folderOf({ "experiment.ts": 'import { Nope } from "@igm/gradient"\nexport default Nope\n' })
      const command = ChildProcess.make(
        process.execPath,
        ["--no-warnings", bin, "run", "experiment.ts", "--no-check"],
        {
          cwd: folder
        }
      )
      assert.strictEqual(
        yield* spawner.string(command, { includeStderr: true }),
        "igm: experiment.ts: this module cannot be loaded: The requested module '@igm/gradient' does not provide an export named 'Nope'\n"
      )
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
          const name = process.argv[2]!
          const load = Effect.tryPromise({ try: () => import("./" + name), catch: (cause) => cause })
          const main = watched(name, load, { patience: 0.2 }).pipe(Effect.catch((error) => Effect.sync(() => {
            process.stderr.write("igm: " + (error as Error).message + "\\n")
            process.exit(1)
          })))
          Effect.runFork(main)
          setInterval(() => {}, 1000)
        `
      })
      const run = Effect.fn(function* (name: string) {
        const command = ChildProcess.make(process.execPath, ["--no-warnings", "main.ts", name], { cwd: folder })
        const handle = yield* spawner.spawn(command)
        const [said, code] = yield* Effect.all(
          [Stream.mkString(Stream.decodeText(handle.stderr)), Effect.exit(handle.exitCode)],
          { concurrency: "unbounded" }
        )
        assert.isFalse(code._tag === "Success" && code.value === 0, name)
        return said
      })
      const late = "it is still loading after 0.2 s: does it wait for something that never comes, or loop without end?"
      assert.strictEqual(yield* run("loops.ts"), `igm: loops.ts: ${late}\n`)
      assert.strictEqual(yield* run("waits.ts"), `igm: waits.ts: ${late}\n`)
      const astray = "something is thrown that nobody waits for"
      assert.strictEqual(yield* run("rejects.ts"), `igm: rejects.ts: ${astray}: alone\n`)
      assert.strictEqual(yield* run("throws.ts"), `igm: throws.ts: ${astray}: later\n`)
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
        "experiment.ts:12:5: audio.width: Type '128' is not assignable to type '512'."
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("without a compiler the program is run, and that it was not checked is said", () =>
    Effect.gen(function* () {
      const folder = yield* folderOf({ "experiment.ts": text(128) })
      const args = { seed: 1, speech: undefined }
      const { experiment } = yield* ProgramFile.load(`${folder}/experiment.ts`, args, { check: true }).pipe(
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
  it.effect("tells a wrong width before anything is made, and goes on with --no-check", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* folderOf({ "experiment.ts": text(512) })
      yield* fs.remove(`${folder}/runs`, { recursive: true })
      const problem = (...args: ReadonlyArray<string>) =>
        Effect.flip(igm("run", ...args, "--out", `${folder}/runs`)).pipe(
          Effect.map((error) => (error as Error).message)
        )
      assert.include(yield* problem(`${folder}/experiment.ts`), "experiment.ts:12:17: width: Type '128'")
      assert.isFalse(yield* fs.exists(`${folder}/runs`))
      yield* fs.writeFileString(`${folder}/untyped.ts`, text(128, "const typed: string = 3; void typed"))
      assert.include(yield* problem(`${folder}/untyped.ts`), "untyped.ts:1:7: Type 'number' is not assignable")
      assert.strictEqual(yield* problem(`${folder}/untyped.ts`, "--no-check"), "/no/such: this folder does not exist")
      assert.strictEqual(
        yield* problem(`${folder}/absent.ts`),
        `${folder}/absent.ts: cannot read this program: no such file or folder`
      )
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
