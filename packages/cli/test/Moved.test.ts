/** What a user relies on who moves a folder, or copies it to another machine: every command works there on a run of it. */
import { assert, describe, it } from "@effect/vitest"
import { Runs } from "@igm/experiment"
import { Effect, FileSystem, Layer, Path, PlatformError } from "effect"
import { TestConsole } from "effect/testing"
import { fileURLToPath } from "node:url"
import { igm, layer, program, recordings } from "./fixture.ts"

const modules = fileURLToPath(new URL("../../../node_modules", import.meta.url))

/** What a command prints. */
const said = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
  const before = (yield* TestConsole.logLines).length
  yield* igm(...args)
  return (yield* TestConsole.logLines).slice(before).map(String).join("\n")
})

/** A file system on which nothing in a folder may be written. */
const readOnly = (folder: string) =>
  Layer.effect(
    FileSystem.FileSystem,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const denied = PlatformError.systemError({
        _tag: "PermissionDenied",
        module: "FileSystem",
        method: "access",
        cause: Object.assign(new Error("denied"), { code: "EACCES" })
      })
      return FileSystem.FileSystem.of({
        ...fs,
        access: (file, options) =>
          options?.writable === true && file.startsWith(folder) ? Effect.fail(denied) : fs.access(file, options),
        makeTempDirectory: (options) =>
          options?.directory?.startsWith(folder) === true ? Effect.fail(denied) : fs.makeTempDirectory(options)
      })
    })
  )

describe("A run whose folder of everything was moved", () => {
  it.effect("is shown, compared, replayed and exported there, and run again it reuses everything", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const home = yield* fs.makeTempDirectoryScoped()
      const [here, there] = [path.join(home, "here"), path.join(home, "there")]
      yield* fs.makeDirectory(here)
      yield* fs.copyFile(program, path.join(here, "small.experiment.ts"))
      yield* fs.symlink(modules, path.join(here, "node_modules"))
      yield* fs.copy(yield* recordings, path.join(here, "speech"))
      const run = (root: string) => {
        const at = (name: string) => path.join(root, name)
        return said("run", at("small.experiment.ts"), "--speech", at("speech"), "--out", at("runs"), "--no-check")
      }
      yield* run(here)
      const shown = yield* said("show", "small", "--out", path.join(here, "runs"))
      yield* fs.rename(here, there)
      const out = path.join(there, "runs")
      const [{ id, folder }] = (yield* Runs.list(out)) as [Runs.Found]

      assert.strictEqual((yield* said("show", "small", "--out", out)).replaceAll(there, here), shown)
      assert.include(yield* said("diff", folder, folder), "No difference.")
      const replayed = yield* Effect.provide(said("replay", folder), readOnly(out))
      assert.strictEqual(replayed.split(":")[0], `${id} replays bit by bit`)
      assert.include(replayed, "Surroundings: the same program")
      yield* igm("export", folder, "--to", path.join(there, "heads.onnx"))
      assert.isTrue(yield* fs.exists(path.join(there, "heads.onnx")))
      assert.include(yield* run(there), "reused   media 1 of 1, features 6 of 6, samples 3 of 3, training 4 of 4")
      assert.lengthOf(yield* Runs.list(out), 1, "the same command there is the same run")
    }).pipe(Effect.provide(layer))
  )
})
