/** What only shows when `igm encoders` is a process of its own. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Builder, Model } from "@igm/onnx"
import { Tensor } from "@igm/tensor"
import { Effect, FileSystem, Schedule } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"

const bin = fileURLToPath(new URL("../../src/bin.ts", import.meta.url))

/** The bytes of a model that takes the sine of its input 2⁶² times. */
const endless = (): Uint8Array => {
  const outer = Builder.make("endless")
  const x = outer.input("x", "float32", ["batch", 4])
  const steps = outer.constant(Tensor.make("int64", [], BigInt64Array.of(2n ** 62n)))
  const body = outer.nested("body")
  body.input("iteration", "int64", [])
  const goOn = body.input("goOn", "bool", [])
  const value = body.input("value", "float32", ["batch", 4])
  body.output("goesOn", goOn, "bool", [])
  body.output("next", body.node("Sin", [value]), "float32", ["batch", 4])
  const [y] = outer.nodes("Loop", [steps, { name: "" }, x], 1, { body: { graph: body.graph() } })
  outer.output("y", y!, "float32", ["batch", 4])
  return Model.encode({ graph: outer.graph(), opset: 17, metadata: {} })
}

describe("igm encoders as a process", () => {
  it.live("stopped by Ctrl-C while it tries a model that never ends it says so, and leaves nothing", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = yield* fs.makeTempDirectoryScoped()
      const to = `${home}/encoders`
      yield* fs.writeFile(`${home}/endless.onnx`, endless())
      const args = ["encoders", "add", `${home}/endless.onnx`, "--name", "endless", "--to", to]
      const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", bin, ...args], { stdio: "pipe" })
      const said = text(child.stderr)
      const copied = fs
        .readDirectory(to, { recursive: true })
        .pipe(Effect.filterOrFail((names) => names.some((name) => name.endsWith("encoder.onnx"))))
      yield* Effect.retry(copied, Schedule.spaced("10 millis"))
      // It is being opened, or runs already: either has to end.
      yield* Effect.sleep("800 millis")
      child.kill("SIGINT")
      const [code] = yield* Effect.promise(() => once(child, "exit"))
      assert.strictEqual(code, 130)
      assert.include(yield* Effect.promise(() => said), "igm: stopped;")
      const left = (yield* fs.readDirectory(to)).filter((name) => !name.startsWith(".lock"))
      assert.deepStrictEqual(left, [".gitignore"])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )
})
