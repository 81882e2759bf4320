/** Which engine and device a command takes, and what it tells of that. */
import { assert, describe, it } from "@effect/vitest"
import { RunFolder } from "@igm/experiment"
import { Effect, FileSystem, Path } from "effect"
import { TestConsole } from "effect/testing"
import { igm, layer, program, recordings } from "./fixture.ts"

describe("--engine and --device", () => {
  it.effect("auto tells on standard error and in the manifest what it took and why not another", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const out = yield* fs.makeTempDirectoryScoped()
      const speech = yield* recordings
      yield* igm("run", program, "--speech", speech, "--out", out, "--device", "auto")
      const printed = (yield* TestConsole.logLines).map(String).join("\n")
      const manifest = yield* RunFolder.read(path.dirname(/report +(\S+)$/.exec(printed)![1]!))
      const { engine, device, name, refused, precision } = manifest.trainer!
      assert.strictEqual(engine, "onnx")
      assert.strictEqual(precision, "float32")
      assert.isString(manifest.versions["onnxruntime"])
      const told = (yield* TestConsole.errorLines).map(String).join("\n")
      refused.forEach(({ choice, reason }) => assert.include(told, `not ${choice}: ${reason}`))
      assert.include(told, `taken: onnx program (${device}) on ${name}`)
    }).pipe(Effect.provide(layer))
  )

  it.effect("a pair that does not exist is refused before anything is made", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const out = `${yield* fs.makeTempDirectoryScoped()}/runs`
      const error = yield* Effect.flip(igm("run", program, "--out", out, "--engine", "reference", "--device", "wasm"))
      assert.match((error as Error).message, /^reference on wasm, choosing: there is no such pair/)
      assert.isFalse(yield* fs.exists(out))
    }).pipe(Effect.provide(layer))
  )
})
