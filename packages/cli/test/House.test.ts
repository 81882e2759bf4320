/** What holds of the repository as a whole. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Path } from "effect"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../../../", import.meta.url))

/** The floor of each room. */
const floors: Readonly<Record<string, number>> = {
  tensor: 1,
  gradient: 2,
  io: 2,
  onnx: 2,
  datasets: 3,
  encoders: 3,
  training: 3,
  experiment: 4,
  report: 4,
  testing: 4,
  cli: 5
}

const sources = Effect.fn(function* (room: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = path.join(root, "packages", room, "src")
  const names = (yield* fs.readDirectory(folder)).filter((name) => name.endsWith(".ts"))
  return yield* Effect.forEach(names, (name) => fs.readFileString(path.join(folder, name)))
})

const importsOf = (texts: ReadonlyArray<string>, pattern: RegExp): ReadonlyArray<string> =>
  texts.flatMap((text) => Array.from(text.matchAll(pattern), ([, name]) => name!))

describe("The house", () => {
  it.effect("a room imports only rooms on floors below it", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      assert.sameMembers(yield* fs.readDirectory(`${root}packages`), Object.keys(floors))
      for (const [room, floor] of Object.entries(floors)) {
        for (const other of importsOf(yield* sources(room), /from "@igm\/([a-z]+)"/g)) {
          assert.isBelow(floors[other]!, floor, `${room} imports ${other}`)
        }
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("the mathematics knows no files, threads or runtimes, and one room alone knows onnxruntime", () =>
    Effect.gen(function* () {
      for (const room of Object.keys(floors)) {
        const foreign = importsOf(yield* sources(room), /from "(node:[a-z/_]+|onnxruntime[a-z-]*)"/g)
        if (room === "tensor" || room === "gradient") assert.deepStrictEqual(foreign, [])
        if (room !== "onnx") assert.isFalse(foreign.some((name) => name.startsWith("onnxruntime")))
      }
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
