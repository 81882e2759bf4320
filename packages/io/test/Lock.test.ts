import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, FileSystem, Schema, Scope } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { hostname } from "node:os"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { Lock } from "../src/index.ts"
import * as Disk from "./Disk.ts"

const program = fileURLToPath(new URL("./LockHolder.ts", import.meta.url))

/** Another process that holds folders when asked, killed with the scope. */
const holder = (...args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", program, ...args], {
        stdio: ["pipe", "pipe", "inherit"]
      })
      const lines = createInterface({ input: child.stdout })
      const gone = once(child, "exit")
      const ask = (line: string) =>
        Effect.promise(async () => {
          const answer = Promise.race([once(lines, "line"), gone.then(() => ["gone"])])
          child.stdin.write(`${line}\n`)
          return (await answer)[0] as string
        })
      const kill = Effect.promise(async () => {
        child.kill("SIGKILL")
        await gone
      })
      return { pid: child.pid!, ask, kill }
    }),
    ({ kill }) => kill
  )

const temporary = FileSystem.FileSystem.use((fs) => fs.makeTempDirectoryScoped())
const hold = (folder: string) => Lock.hold(folder, "a test")

describe("Lock", () => {
  const Few = Schema.Int.check(Schema.isBetween({ minimum: 2, maximum: 4 }))
  it.effect("of those who ask at once exactly one holds, and the others are told who", () =>
    Effect.gen(function* () {
      const contenders = yield* Effect.all([holder(), holder(), holder(), holder()])
      yield* Effect.forEach(contenders, ({ ask }) => ask("release"), { concurrency: "unbounded" })
      const folder = yield* temporary
      for (let round = 0; round < 9; round++) {
        const asking = contenders.slice(0, 2 + (round % 3))
        const here = `${folder}/${round % 2}`
        const answers = yield* Effect.forEach(asking, ({ ask }) => ask(here), { concurrency: "unbounded" })
        const winners = asking.filter((_, at) => answers[at] === "held")
        assert.lengthOf(winners, 1, answers.join("\n"))
        for (const answer of answers) if (answer !== "held") assert.include(answer, `${here} is in use by `)
        const late = yield* Effect.flip(hold(here))
        assert.include(late.message, `process ${winners[0]!.pid} on ${hostname()} (a test) since `)
        yield* winners[0]!.ask("release")
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect.prop(
    "within one process too exactly one holds, whatever path it came by",
    { n: Few },
    ({ n }) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const home = yield* temporary
        yield* fs.makeDirectory(`${home}/run`)
        yield* fs.symlink(`${home}/run`, `${home}/alias`)
        const paths = Array.from({ length: n }, (_, at) => `${home}/${at % 2 === 0 ? "run" : "alias"}`)
        const attempts = yield* Effect.forEach(paths, (path) => Effect.result(hold(path)), { concurrency: "unbounded" })
        assert.lengthOf(
          attempts.filter(({ _tag }) => _tag === "Success"),
          1
        )
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    { arbitrary: { runs: 5 } }
  )

  it.effect("a killed holder's folder is free at once, and what it left hurts nobody", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = `${yield* temporary}/runs/x`
      const first = yield* holder()
      assert.strictEqual(yield* first.ask(folder), "held")
      const error = yield* Effect.flip(hold(folder))
      assert.instanceOf(error, Lock.LockError)
      assert.include(error.message, `${folder} is in use by process ${first.pid} on ${hostname()}`)
      yield* first.kill
      assert.include(yield* fs.readFileString(`${folder}/holder.json`), `${first.pid}`)
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* hold(folder)
          const { holder } = yield* Effect.flip(Effect.catchTag(hold(folder), "IoError", Effect.die))
          assert.strictEqual(holder?.pid, process.pid)
        })
      )
      assert.deepStrictEqual(yield* fs.readDirectory(folder), ["lock"])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("who is refused here does not weaken the lock against other processes", () =>
    Effect.gen(function* () {
      const folder = yield* temporary
      const other = yield* holder()
      yield* hold(folder)
      yield* Effect.flip(hold(folder))
      assert.include(yield* other.ask(folder), `process ${process.pid}`)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a process that dies before it tells who it is keeps nothing", () =>
    Effect.gen(function* () {
      const folder = yield* temporary
      assert.strictEqual(yield* (yield* holder("die-before-telling")).ask(folder), "gone")
      yield* hold(folder)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a folder that cannot be written is an error that says so, and stays free", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = yield* temporary
      const readOnly = Disk.replacing(() => ({ access: () => Effect.fail(Disk.failure("EROFS")) }))
      const first = yield* Effect.flip(Effect.provide(hold(home), readOnly))
      assert.include(first.message, `${home}: cannot lock this folder: the file system is read-only`)
      const second = yield* Effect.flip(Effect.provide(hold(home), Disk.full))
      assert.include(second.message, "the disk is full")
      yield* fs.writeFileString(`${home}/file`, "")
      const third = yield* Effect.flip(hold(`${home}/file`))
      assert.strictEqual(third._tag, "IoError")
      yield* hold(home)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("who waits for a folder that its holder removes gets one of its own", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = yield* temporary
      const folder = `${home}/run`
      const others = yield* Effect.all([holder(), holder()])
      const mine = yield* Scope.make()
      yield* hold(folder).pipe(Scope.provide(mine))
      const waiting = yield* Effect.forEach(others, ({ ask }) => Effect.forkChild(ask(`wait ${folder}`)))
      yield* Effect.sleep("300 millis")
      yield* Lock.discard(folder, home)
      yield* Scope.close(mine, Exit.void)
      yield* Effect.raceAll(waiting.map(Fiber.join))
      // One of the two has it, in a folder that is there; the other goes on waiting until it has it too.
      assert.include((yield* Effect.flip(hold(folder))).message, `${folder} is in use by process`)
      assert.includeMembers(yield* fs.readDirectory(folder), ["lock", "holder.json"])
      yield* Effect.forEach(others, ({ ask }, i) => Effect.andThen(Fiber.join(waiting[i]!), ask("release")), {
        concurrency: "unbounded"
      })
      yield* hold(folder)
      assert.deepStrictEqual(yield* fs.readDirectory(home), ["run"])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("a folder is shared by any number or held by one", () =>
    Effect.gen(function* () {
      const folder = `${yield* temporary}/use`
      const other = yield* holder()
      const sharing = yield* Scope.make()
      const share = Lock.share(folder, () => Effect.void)
      yield* Effect.all([share, share]).pipe(Scope.provide(sharing))
      assert.strictEqual(yield* other.ask(`share ${folder}`), "held")
      yield* Scope.close(sharing, Exit.void)
      assert.strictEqual((yield* Effect.flip(hold(folder)))._tag, "LockError")
      yield* other.ask("release")
      const holding = yield* Scope.make()
      yield* hold(folder).pipe(Scope.provide(holding))
      const late = yield* Effect.forkChild(other.ask(`share ${folder}`))
      yield* Effect.sleep("300 millis")
      assert.isUndefined(late.pollUnsafe())
      yield* Scope.close(holding, Exit.void)
      assert.strictEqual(yield* Fiber.join(late), "held")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a folder that may not be written is shared without a lock, which nobody can take there", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* temporary
      const readOnly = Disk.replacing(() => ({
        access: (file, options) =>
          options?.writable === true ? Effect.fail(Disk.failure("EROFS")) : fs.access(file, options)
      }))
      yield* Lock.share(folder, () => Effect.void).pipe(Effect.provide(readOnly))
      assert.deepStrictEqual(yield* fs.readDirectory(folder), [])
      yield* Effect.scoped(hold(folder))
      yield* Lock.share(folder, () => Effect.void).pipe(Effect.provide(readOnly))
      assert.strictEqual((yield* Effect.flip(hold(folder)))._tag, "LockError")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a lock with something in it is named, and what to do", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* temporary
      yield* fs.writeFileString(`${folder}/lock`, "garbage ".repeat(100))
      assert.include((yield* Effect.flip(hold(folder))).message, `${folder}/lock: this file holds something`)
      assert.include((yield* Effect.flip(Lock.look(folder))).message, `${folder}/lock: this file holds something`)
      yield* fs.remove(`${folder}/lock`)
      yield* hold(folder)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
