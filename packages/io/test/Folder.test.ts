import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { Folder } from "../src/index.ts"

describe("Folder", () => {
  it.effect("makes what is missing, keeps what is there, and ends with the reason where nothing can be made", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = yield* fs.makeTempDirectoryScoped()
      yield* Folder.make(`${home}/a/b/c`)
      yield* fs.writeFileString(`${home}/a/b/file`, "kept")
      yield* Effect.all([Folder.make(`${home}/a/b/x/y`), Folder.make(`${home}/a/b/x/z`)], { concurrency: 2 })
      assert.deepStrictEqual((yield* fs.readDirectory(`${home}/a/b`)).toSorted(), ["c", "file", "x"])
      assert.strictEqual(yield* fs.readFileString(`${home}/a/b/file`), "kept")
      const error = yield* Effect.flip(Folder.make(`${home}/a/b/file/d`))
      assert.include(error.message, "file")
      if (process.platform === "linux") yield* Effect.flip(Folder.make("/proc/none/at/all"))
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
