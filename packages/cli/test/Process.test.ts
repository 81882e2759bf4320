/** What only shows when `igm` is a process of its own. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Schedule } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"

const bin = fileURLToPath(new URL("../src/bin.ts", import.meta.url))

const start = (...args: ReadonlyArray<string>) =>
  spawn(process.execPath, ["--disable-warning=ExperimentalWarning", bin, ...args])

describe("igm as a process", () => {
  it.live("stopped by Ctrl-C it says so, and leaves nothing half-written", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const out = `${yield* fs.makeTempDirectoryScoped()}/runs`
      const child = start("run", "--out", out)
      const said = text(child.stderr)
      const partial = fs.readDirectory(`${out}/.store`).pipe(
        Effect.map((names) => names.filter((name) => name.startsWith(".partial"))),
        Effect.filterOrFail((names) => names.length > 0)
      )
      yield* Effect.retry(partial, Schedule.spaced("10 millis"))
      child.kill("SIGINT")
      const [code] = yield* Effect.promise(() => once(child, "exit"))
      assert.strictEqual(code, 130)
      assert.strictEqual(
        yield* Effect.promise(() => said),
        "igm: stopped; what was finished is kept, and a new run goes on from there\n"
      )
      const left = yield* fs.readDirectory(`${out}/.store`)
      assert.deepStrictEqual(
        left.filter((name) => name.startsWith(".")),
        []
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("in a pipe a failure is one line without progress, and with --verbose its cause", () =>
    Effect.gen(function* () {
      const run = (...args: ReadonlyArray<string>) =>
        Effect.promise(async () => {
          const child = start("run", "--speech", "/no/such", ...args)
          const [said, [code]] = await Promise.all([text(child.stderr), once(child, "exit")])
          return { said, code: code as number }
        })
      assert.deepStrictEqual(yield* run(), { said: "igm: /no/such: this folder does not exist\n", code: 1 })
      const verbose = yield* run("--verbose")
      assert.include(verbose.said, "igm: /no/such: this folder does not exist\n")
      assert.include(verbose.said, "ENOENT")
    })
  )
})
