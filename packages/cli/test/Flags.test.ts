import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { fileURLToPath } from "node:url"
import { igm, layer } from "./fixture.ts"

const tiny = fileURLToPath(new URL("./tiny.experiment.ts", import.meta.url))

describe("Numbers on the command line", () => {
  it.effect("are in their domains, or the command says so and does nothing", () =>
    Effect.gen(function* () {
      const published = ["data", "check", "crema-d", "--data", "/no/such"]
      for (const args of [
        ["run", "--limit", "0"],
        ["run", "--views", "-1"],
        ["run", "--seed", "0.5"],
        ["run", "--seed", "1e300"],
        ["run", "--threads", "0"],
        ["replay", "run", "--tolerance", "-1"],
        ["replay", "run", "--tolerance", "NaN"],
        ["ledger", "features", "--tau", "-1"],
        ["ledger", "features", "--tau", "Infinity"],
        [...published, "--seed", "-1"],
        [...published, "--limit", "0"]
      ]) {
        const error = yield* Effect.flip(igm(...args))
        assert.strictEqual((error as { readonly _tag?: string })._tag, "ShowHelp", args.join(" "))
      }
    }).pipe(Effect.provide(layer))
  )

  it.effect("are refused by igm run where the program does not read them, and nothing is written", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const out = `${yield* fs.makeTempDirectoryScoped()}/runs`
      for (const [flag, value] of [
        ["limit", "3"],
        ["data", "/data"],
        ["speech", "/speech"]
      ] as const) {
        const error = yield* Effect.flip(igm("run", tiny, "--no-check", "--out", out, `--${flag}`, value))
        const line = `it does not read --${flag}, and ${value} is given: leave out --${flag}`
        assert.include((error as Error).message, line)
      }
      assert.isFalse(yield* fs.exists(out))
    }).pipe(Effect.provide(layer))
  )
})
