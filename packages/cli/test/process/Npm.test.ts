/** What becomes of a run when the npm that started it is ended, by signals that npm hands on and by others. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { AppendFile, Lock } from "@igm/io"
import { Journal, files } from "@igm/experiment"
import { Effect, FileSystem, Schedule } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../../../..", import.meta.url))
const bin = fileURLToPath(new URL("../../src/bin.ts", import.meta.url))
const small = fileURLToPath(new URL("../../../../tools/chaos/small.experiment.ts", import.meta.url))
const tiny = fileURLToPath(new URL("../tiny.experiment.ts", import.meta.url))

/** How npm starts a run. */
const STARTS = { TERM: ["start", "--"], HUP: ["run", "igm", "--", "run"], KILL: ["start", "--"] } as const

/** Starts a command in the repository, in a group of its own. */
const start = (command: string, args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() => spawn(command, args, { cwd: root, detached: true, stdio: ["ignore", "pipe", "pipe"] })),
    ({ pid }) =>
      Effect.sync(() => {
        try {
          process.kill(-pid!, "SIGKILL")
        } catch {
          // All of the group has ended.
        }
      })
  )

const startNpm = (args: ReadonlyArray<string>, out: string) =>
  start("npm", [...args, small, "--no-check", "--out", out])

const soon = Schedule.spaced("10 millis")

/** The folder of the one run in a folder for runs, once it has been started so many times by a process that still has it. */
const heldIn = Effect.fnUntraced(function* (out: string, starts: number) {
  const fs = yield* FileSystem.FileSystem
  const find = Effect.gen(function* () {
    const name = (yield* fs.readDirectory(out)).find((name) => !name.startsWith("."))
    const folder = `${out}/${name}`
    // A record whose end is not written yet is a reason to look again.
    const { records } = yield* AppendFile.read(`${folder}/${files.journal}`, Journal.Record)
    const started = records.filter(({ kind }) => kind === "started").length
    return yield* started === starts ? Effect.succeed(folder) : Effect.fail("not yet")
  })
  return yield* Effect.retry(find, soon)
})

/** Waits until nobody has a folder any more. */
const freed = (folder: string) => Effect.repeat(Lock.look(folder), { until: (held) => held === null, schedule: soon })

describe("npm", () => {
  it.live("ended by TERM, HUP or KILL, it takes the run with it, which can be taken up again at once", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const out = `${yield* fs.makeTempDirectoryScoped()}/runs`
      for (const [before, signal] of (["TERM", "HUP", "KILL"] as const).entries()) {
        const npm = yield* startNpm(STARTS[signal], out)
        const folder = yield* heldIn(out, before + 1)
        npm.kill(`SIG${signal}`)
        // The pipe ends with the last process that has it, npm's or its child's.
        assert.include(yield* Effect.promise(() => text(npm.stderr)), "igm: stopped; what was finished is kept", signal)
        yield* freed(folder)
      }
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live("a run that a shell leaves behind goes on without it", () =>
    Effect.gen(function* () {
      const out = `${yield* FileSystem.FileSystem.use((fs) => fs.makeTempDirectoryScoped())}/runs`
      const run = `'${process.execPath}' '${bin}' run '${tiny}' --no-check --out '${out}'`
      const shell = yield* start("sh", ["-c", `${run} & echo left`])
      const all = text(shell.stdout)
      yield* Effect.promise(() => once(shell, "exit"))
      const said = yield* Effect.promise(() => all)
      assert.include(said, "left\n")
      assert.include(said, `report   ${out}/`)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )
})
