/** What holds of the repository as a whole. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Path } from "effect"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../../../../", import.meta.url))

/** The floor of each room; the command, `igm`, is the room in `packages/cli`. */
const floors: Readonly<Record<string, number>> = {
  tensor: 1,
  gradient: 2,
  onnx: 2,
  io: 2,
  media: 3,
  encoders: 3,
  training: 3,
  datasets: 4,
  experiment: 5,
  report: 5,
  testing: 5,
  cluster: 6,
  "av-digits": 6,
  cli: 7
}

/** Rooms that are planned and need not be there yet. */
const planned = ["media", "cluster", "av-digits"]

/** Imports on one floor that are allowed; every other room stands beside its neighbours without knowing them. */
const beside: Readonly<Record<string, ReadonlyArray<string>>> = {
  // An experiment yields a report: its type is in every program's signature.
  experiment: ["report"]
}

/** The most files that a folder may have. */
const MOST = 25

/** Folders that still have more files. */
const crowded: ReadonlySet<string> = new Set(["packages/experiment/src", "packages/cli/src"])

/** All TypeScript files under a folder, as paths from the root of the repository. */
const filesUnder = Effect.fn(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const names = yield* fs.readDirectory(`${root}${folder}`, { recursive: true })
  const files = names.filter((name) => name.endsWith(".ts") && !name.split("/").includes("node_modules"))
  return files.map((name) => `${folder}/${name}`)
})

/** The texts of all files of a room, those in folders included. */
const sources = Effect.fn(function* (room: string) {
  const fs = yield* FileSystem.FileSystem
  const files = yield* filesUnder(`packages/${room}/src`)
  return yield* Effect.forEach(files, (file) => fs.readFileString(`${root}${file}`))
})

const rooms = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  return yield* fs.readDirectory(`${root}packages`)
})

const importsOf = (texts: ReadonlyArray<string>, pattern: RegExp): ReadonlyArray<string> =>
  texts.flatMap((text) => Array.from(text.matchAll(pattern), ([, name]) => name!))

/** The first word of each doc comment that is a question's; names of files and lines are given with it. */
const questions = (file: string, text: string): ReadonlyArray<string> =>
  Array.from(text.matchAll(/\/\*\*[\s*]*(?:What|Whether|How|Whose?|Where)\b[^\n]*/g), ({ 0: found, index }) => {
    const line = text.slice(0, index).split("\n").length
    return `${file}:${line}: ${found.replace(/[\s*]+/g, " ")}`
  })

describe("The house", () => {
  it.effect("a room imports only rooms on floors below it, from its folders too", () =>
    Effect.gen(function* () {
      const there = yield* rooms
      assert.includeMembers(Object.keys(floors), [...there])
      assert.includeMembers([...there, ...planned], Object.keys(floors))
      for (const room of there) {
        for (const other of new Set(importsOf(yield* sources(room), /(?:from |import\()"@igm\/([a-z-]+)/g))) {
          const isAllowed = floors[other]! < floors[room]! || beside[room]?.includes(other) === true
          assert.isTrue(isAllowed, `${room} imports ${other}`)
        }
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("the mathematics knows no files, threads or runtimes, and one room alone knows onnxruntime", () =>
    Effect.gen(function* () {
      for (const room of yield* rooms) {
        const foreign = importsOf(yield* sources(room), /(?:from |import\()"(node:[a-z/_]+|onnxruntime[a-z-]*)"/g)
        if (room === "tensor" || room === "gradient") assert.deepStrictEqual(foreign, [])
        if (room !== "onnx") assert.isFalse(foreign.some((name) => name.startsWith("onnxruntime")))
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect(`a folder of more than ${MOST} files is two folders`, () =>
    Effect.gen(function* () {
      const path = yield* Path.Path
      const files = (yield* Effect.forEach(["packages", "tools", "examples"], filesUnder)).flat()
      const counts = Map.groupBy(files, (file) => path.dirname(file))
      const over = [...counts].filter(([folder, { length }]) => length > MOST && !crowded.has(folder))
      assert.deepStrictEqual(
        over.map(([folder, { length }]) => `${folder}: ${length}`),
        []
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a doc comment says what a thing does or is: none starts with What, Whether, How, Who or Where", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const there = (yield* rooms).map((room) => `packages/${room}/src`)
      const files = (yield* Effect.forEach([...there, "tools", "examples"], filesUnder)).flat()
      const found = yield* Effect.forEach(files, (file) =>
        Effect.map(fs.readFileString(`${root}${file}`), (text) => questions(file, text))
      )
      assert.deepStrictEqual(found.flat(), [])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("the README shows the program that npm start runs, and it is short", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const program = yield* fs.readFileString(`${root}examples/av-digits/experiment.ts`)
      assert.isAtMost(program.trimEnd().split("\n").length, 60)
      assert.include(yield* fs.readFileString(`${root}README.md`), program.slice(program.indexOf("export default")))
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("the README and the docs say what the FFmpeg that is installed was built with", (context) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const file = `${root}node_modules/@seydx/node-av-${process.platform}-${process.arch}/node-av.node`
      if (!(yield* fs.exists(file))) return context.skip("no FFmpeg is installed here")
      const binary = Buffer.from(yield* fs.readFile(file))
      const [readme, docs] = [
        yield* fs.readFileString(`${root}README.md`),
        yield* fs.readFileString(`${root}docs/redistribution.md`)
      ]
      assert.include(readme, "docs/redistribution.md")
      for (const name of ["x264", "x265", "libfdk-aac"]) {
        const flag = `--enable-${name.startsWith("lib") ? name : `lib${name}`}`
        assert.isTrue(binary.includes(flag), `${flag} is no longer in it: mend what the docs say`)
        assert.include(docs, flag)
        assert.include(readme, name)
      }
      assert.isTrue(binary.includes("--enable-gpl"))
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
