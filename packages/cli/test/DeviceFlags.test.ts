/** Where a command has encoders and heads run, and what it tells of that. */
import { assert, describe, it } from "@effect/vitest"
import { EncoderRuntime } from "@igm/encoders"
import { RunFolder } from "@igm/experiment"
import { Effect, FileSystem, Layer, Option, Path } from "effect"
import { TestConsole } from "effect/testing"
import { fileURLToPath } from "node:url"
import * as DeviceFlags from "../src/DeviceFlags.ts"
import { igm, layer } from "./fixture.ts"

const own = fileURLToPath(new URL("./own.experiment.ts", import.meta.url))

describe("--encoders, --heads and --device", () => {
  it.effect("auto tells on standard error and in the manifest what it took and why not another", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const out = yield* fs.makeTempDirectoryScoped()
      yield* igm("run", own, "--no-check", "--out", out, "--device", "auto")
      const printed = (yield* TestConsole.logLines).map(String).join("\n")
      const manifest = yield* RunFolder.read(path.dirname(/report +(\S+)$/.exec(printed)![1]!))
      const { engine, device, name, refused, precision } = manifest.heads!
      assert.strictEqual(engine, "onnx")
      assert.strictEqual(precision, "float32")
      assert.isString(manifest.versions["onnxruntime"])
      const told = (yield* TestConsole.errorLines).map(String).join("\n")
      refused.forEach(({ choice, reason }) => assert.include(told, `not ${choice}: ${reason}`))
      assert.include(told, `taken: onnx program (${device}) on ${name}`)
      const encoders = manifest.encoders!
      assert.include(["cuda", "webgpu", "cpu"], encoders.provider)
      encoders.refused.forEach(({ choice, reason }) => assert.include(told, `not ${choice}: ${reason}`))
      assert.include(told, `taken: encoders on ${encoders.provider} on ${encoders.device}`)
      assert.include(manifest.versions["onnxruntime"], `(${encoders.provider})`)
    }).pipe(Effect.provide(layer))
  )

  /** What flags of these values ask for. */
  const wanted = (
    given: {
      readonly [K in keyof DeviceFlags.Given]?: DeviceFlags.Given[K] extends Option.Option<infer A> ? A : never
    },
    otherwise?: DeviceFlags.Wanted
  ) =>
    DeviceFlags.wanted(
      {
        encoders: Option.fromUndefinedOr(given.encoders),
        heads: Option.fromUndefinedOr(given.heads),
        device: Option.fromUndefinedOr(given.device)
      },
      otherwise
    )

  it.effect("--device is for both, and what is said of one alone goes before it", () =>
    Effect.gen(function* () {
      const onnx = { engine: "onnx" } as const
      for (const [given, expected] of [
        [{}, ["cpu", "auto", "cpu"]],
        [{ device: "cuda" }, ["cuda", "auto", "cuda"]],
        [{ encoders: "webgpu" }, ["webgpu", "auto", "cpu"]],
        [{ encoders: "cpu", device: "wasm" }, ["cpu", "auto", "wasm"]],
        [{ heads: onnx }, ["cpu", "onnx", "cpu"]],
        [{ heads: onnx, device: "cuda" }, ["cuda", "onnx", "cuda"]],
        [{ heads: { ...onnx, device: "cpu" }, device: "cuda" }, ["cuda", "onnx", "cpu"]],
        [{ heads: { engine: "auto" } }, ["cpu", "auto", "auto"]],
        [{ device: "auto" }, ["auto", "auto", "auto"]]
      ] as const) {
        const { encoders, heads } = yield* wanted(given)
        assert.deepStrictEqual([encoders, heads.engine, heads.device], [...expected])
      }
      const run = { encoders: "cuda", heads: { engine: "tfjs", device: "wasm" } } as const
      assert.deepStrictEqual(yield* wanted({}, run), run)
      assert.deepStrictEqual(yield* wanted({ encoders: "cpu" }, run), { ...run, encoders: "cpu" })
      const { message } = yield* Effect.flip(wanted({ device: "wasm" }))
      assert.include(message, "--device: encoders do not run on wasm, but on cpu, cuda or webgpu: use --heads")
    })
  )

  it.effect("what no engine has is refused before anything is made", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const out = `${yield* fs.makeTempDirectoryScoped()}/runs`
      for (const heads of ["reference:wasm", "torch", "onnx:cpu:0", "onnx:", "tfjs:cuda"]) {
        const error = yield* Effect.flip(igm("run", own, "--no-check", "--out", out, "--heads", heads))
        assert.strictEqual((error as { readonly _tag?: string })._tag, "ShowHelp", heads)
      }
      const none = yield* Effect.flip(
        igm("run", own, "--no-check", "--out", out, "--heads", "reference", "--device", "webgpu")
      )
      assert.match((none as Error).message, /^reference on webgpu, choosing: there is no such pair/)
      const told = (yield* TestConsole.errorLines).map(String).join("\n")
      assert.include(told, "Expected: ENGINE or ENGINE:DEVICE (onnx on cuda, webgpu or cpu; tfjs on")
      assert.isFalse(yield* fs.exists(out))
    }).pipe(Effect.provide(layer))
  )

  it.effect("--encoders cuda says what is missing where there is no such device, before anything is made", (context) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const out = `${yield* fs.makeTempDirectoryScoped()}/runs`
      const exit = yield* Effect.exit(Effect.scoped(Layer.build(EncoderRuntime.layer("cuda"))))
      if (exit._tag === "Success") return context.skip("there is a CUDA device")
      const error = yield* Effect.flip(igm("run", own, "--no-check", "--out", out, "--encoders", "cuda"))
      assert.match(
        (error as Error).message,
        /^encoders on cuda: (the library of onnxruntime's CUDA provider is missing: install it with|.*LD_LIBRARY_PATH)/
      )
      assert.isFalse(yield* fs.exists(out))
    }).pipe(Effect.provide(layer))
  )
})
