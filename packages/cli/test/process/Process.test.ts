/** What only shows when `igm` is a process of its own. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Lock } from "@igm/io"
import { Effect, FileSystem, Path, Schedule, Schema } from "effect"
import { type SpawnOptions, spawn } from "node:child_process"
import { once } from "node:events"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"
import { igm, layer } from "../fixture.ts"

const bin = fileURLToPath(new URL("../../src/bin.ts", import.meta.url))

const own = fileURLToPath(new URL("../own.experiment.ts", import.meta.url))

const startAs = (options: SpawnOptions, ...args: ReadonlyArray<string>) =>
  spawn(process.execPath, ["--disable-warning=ExperimentalWarning", bin, ...args], { ...options, stdio: "pipe" })

const start = (...args: ReadonlyArray<string>) => startAs({}, ...args)

/** Starts a small program in a folder for runs. */
const startOwn = (out: string, options: SpawnOptions = {}, ...more: ReadonlyArray<string>) =>
  startAs(options, "run", own, "--no-check", "--out", out, ...more)

/** What a process said, and its exit code. */
const ended = (child: ReturnType<typeof start>) =>
  Effect.promise(async () => {
    const [printed, said, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")])
    return { printed, said, code: code as number | null }
  })

describe("igm as a process", () => {
  it.live("stopped by Ctrl-C it says so, and leaves nothing half-written", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const out = `${yield* fs.makeTempDirectoryScoped()}/runs`
      // It would draw numbers for hours.
      const child = startOwn(out, {}, "--per-total", "1000000")
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
        left.filter((name) => name.startsWith(".partial")),
        []
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("says who has its run's folder, waits for it, and goes on when that process was killed", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const out = `${yield* fs.makeTempDirectoryScoped()}/runs`
      const alone = `${yield* fs.makeTempDirectoryScoped()}/runs`
      const many = ["--per-total", "100"]
      const first = startOwn(out, {}, ...many)
      const runs = fs.readDirectory(out).pipe(Effect.map((names) => names.filter((name) => !name.startsWith("."))))
      const holder = runs.pipe(
        Effect.flatMap(([name]) => fs.readFileString(path.join(out, `${name}`, "holder.json"))),
        Effect.flatMap(Schema.decodeEffect(Schema.fromJsonString(Lock.Holder)))
      )
      yield* Effect.retry(holder, Schedule.spaced("2 millis"))
      first.kill("SIGSTOP")
      const { pid, host } = yield* holder
      assert.strictEqual(pid, first.pid)
      const folder = path.join(out, (yield* runs)[0]!)

      const second = startOwn(out, {}, ...many)
      const told = yield* Effect.promise(() => once(second.stderr, "data"))
      const who = new RegExp(
        `waiting for the same run: ${folder} is in use by process ${pid} on ${host} \\(.+\\) since .+`
      )
      assert.match(String(told[0]), who)
      first.kill("SIGKILL")
      yield* ended(first)
      assert.strictEqual((yield* ended(second)).code, 0)
      assert.deepStrictEqual(yield* runs, [path.basename(folder)])
      yield* igm("run", own, "--no-check", "--out", alone, ...many)
      const manifest = (runs: string) => fs.readFileString(path.join(runs, path.basename(folder), "manifest.json"))
      assert.strictEqual(yield* manifest(out), yield* manifest(alone))
    }).pipe(Effect.provide(layer))
  )

  it.live("that may not write into its folder for runs says so, and writes nothing", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      yield* fs.chmod(folder, 0o555)
      // Permissions are nothing to root, who therefore asks as somebody else.
      const nobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}
      for (const out of [folder, `${folder}/runs`]) {
        const { code, said } = yield* ended(startOwn(out, nobody))
        assert.strictEqual(code, 1)
        assert.match(said, new RegExp(`^igm: ${out}[^ ]*: cannot [a-z ]+: permission denied\n$`))
      }
      assert.isEmpty(yield* fs.readDirectory(folder))
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("that may not open more files says so in one line, wherever they run out, and what to do", () =>
    Effect.gen(function* () {
      const out = `${yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()}/runs`
      const run = `'${process.execPath}' --disable-warning=ExperimentalWarning '${bin}' run '${own}' --no-check --out '${out}'`
      for (const files of [26, 40]) {
        const child = spawn("sh", ["-c", `ulimit -n ${files}; exec ${run}`], { stdio: "pipe" })
        const { said, code } = yield* ended(child)
        assert.strictEqual(code, 1)
        assert.match(said, /^igm: .*this process may not open more files \(EMFILE\): raise the limit.*\n$/)
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("that cannot write its output ends in one line and exit code 1, and quietly where the reader is gone", () =>
    Effect.gen(function* () {
      const node = `'${process.execPath}' --disable-warning=ExperimentalWarning '${bin}'`
      const shell = (command: string) => ended(spawn("sh", ["-c", command], { stdio: "pipe" }))
      const out = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()
      // A file that takes a part of it, and the rest not.
      const part = yield* shell(`ulimit -f 1; exec ${node} schema >'${out}/schema.json'`)
      assert.match(part.said, /^igm: standard output: cannot write to it: files may not become so large here.*\n$/)
      assert.strictEqual(part.code, 1)
      const gone = yield* shell(`{ ${node} schema; echo "exit code $?" >&2; } | true`)
      assert.strictEqual(gone.said, "exit code 141\n")
      const run = yield* shell(`exec ${node} run '${own}' --no-check --out '${out}/runs' >/dev/full`)
      assert.match(run.said, /^(igm: made .*\n)+igm: standard output: cannot write to it: the disk is full\n$/)
      assert.strictEqual(run.code, 1)
      // The command is a program of its own, which a shell does not take for a script of its.
      const shown = yield* shell(`exec '${bin}' runs --out '${out}/runs' 2>/dev/full`)
      assert.deepStrictEqual([shown.code, /finished/.test(shown.printed)], [0, true], "the run itself was whole")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("in a pipe a failure is one line without progress, and with --verbose its cause", () =>
    Effect.gen(function* () {
      const out = `${yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()}/runs`
      const { said, code } = yield* ended(startOwn(out, {}, "--notes", "/no/such", "--verbose"))
      // Without the flag it is that line alone, as of the failures before.
      const [line, ...cause] = said.split("\n")
      assert.deepStrictEqual([line, code], ["igm: /no/such: this file does not exist", 1])
      assert.include(cause.join("\n"), "ENOENT")
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
