import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Path } from "effect"
import * as ModuleGraph from "../../src/run/ModuleGraph.ts"

/** A folder with these files; the program is `main.ts`. */
const graphOf = (files: { readonly [name: string]: string }) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const root = yield* fs.realPath(yield* fs.makeTempDirectoryScoped())
    for (const [name, text] of Object.entries(files)) {
      yield* fs.makeDirectory(path.dirname(path.join(root, name)), { recursive: true })
      yield* fs.writeFileString(path.join(root, name), text)
    }
    const found = yield* ModuleGraph.of(path.join(root, "main.ts"))
    return Object.fromEntries(found.map((module) => [path.relative(root, module.path), module.digest]))
  }).pipe(Effect.provide(NodeServices.layer))

const namesOf = (files: { readonly [name: string]: string }) => Effect.map(graphOf(files), Object.keys)

describe("ModuleGraph", () => {
  it.effect("has what a program imports by any road, and what that imports", () =>
    Effect.gen(function* () {
      const main = `
        import { a } from "./a.ts"
        import type { T } from "./types.ts"
        export { b } from './deep/b.js'
        import json from "./data.json" with { type: "json" }
        const later = await import("./later.mts")
        const file = new URL("list.csv", import.meta.url)
        const address = import.meta.resolve("./asked.ts")
        const worker = new Worker(new URL("./worker.ts", import.meta.url))
        export default a satisfies T
      `
      const names = yield* namesOf({
        "main.ts": main,
        "a.ts": `import "./main.ts"; import { c } from "./c.cjs"; export const a: number = c`,
        "c.cjs": "const d = require ( './d' ); require(`./folder`); exports.c = d",
        "d.js": "module.exports = 1",
        "folder/index.js": "",
        "asked.ts": "",
        "types.ts": "export type T = number",
        "deep/b.js": "export * from '../e.js'",
        "e.js": "export const b = 1",
        "data.json": "{}",
        "later.mts": "export {}",
        "list.csv": "1,2",
        "worker.ts": "",
        "unused.ts": ""
      })
      const expected = "a asked c.cjs d.js data.json deep/b.js e.js folder/index.js later.mts list.csv worker"
      assert.deepStrictEqual(names.map((name) => name.replace(/\.ts$/, "")).join(" "), expected)
    })
  )

  it.effect("leaves out the framework and installed packages, but not a package of one's own workspace", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = yield* fs.realPath(yield* fs.makeTempDirectoryScoped())
      const put = (file: string, text: string) =>
        Effect.andThen(
          fs.makeDirectory(`${home}/${file}`.replace(/\/[^/]*$/, ""), { recursive: true }),
          fs.writeFileString(`${home}/${file}`, text)
        )
      const manifest = JSON.stringify({ name: "mine", type: "module", exports: { ".": { import: "./src/index.ts" } } })
      yield* put("main.ts", `import "effect"; import "installed"; import "mine"; import "node:fs"; import "not-there"`)
      yield* put("node_modules/installed/index.js", "")
      yield* put("packages/mine/package.json", manifest)
      yield* put("packages/mine/src/index.ts", "")
      yield* fs.symlink(`${home}/packages/mine`, `${home}/node_modules/mine`)
      const found = yield* ModuleGraph.of(`${home}/main.ts`)
      assert.deepStrictEqual(
        found.map(({ path }) => path),
        [`${home}/packages/mine/src/index.ts`]
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("of a link is that of the file it leads to", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = yield* fs.realPath(yield* fs.makeTempDirectoryScoped())
      yield* fs.makeDirectory(`${home}/real`)
      yield* fs.writeFileString(`${home}/real/main.ts`, 'import "./rule.ts"')
      yield* fs.writeFileString(`${home}/real/rule.ts`, "")
      yield* fs.symlink(`${home}/real/main.ts`, `${home}/link.ts`)
      const found = yield* ModuleGraph.of(`${home}/link.ts`)
      assert.deepStrictEqual(
        found.map(({ path }) => path),
        [`${home}/real/rule.ts`]
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("has another digest as soon as a byte of a file is another", () =>
    Effect.gen(function* () {
      const files = { "main.ts": `import "./rule.ts"`, "rule.ts": "export const tau = 0.4" }
      const one = yield* graphOf(files)
      assert.deepStrictEqual(yield* graphOf(files), one)
      const other = yield* graphOf({ ...files, "rule.ts": "export const tau = 0.5" })
      assert.notStrictEqual(other["rule.ts"], one["rule.ts"])
    })
  )
})
