import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { PartialFeatures } from "@igm/encoders"
import { ArtifactStore, AtomicFile, Lock } from "@igm/io"
import { Effect, FileSystem, Layer, Path, Schema } from "effect"
import { execFileSync } from "node:child_process"
import { TestClock } from "effect/testing"
import { Gc, type Journal, Results, Run, Runs, RunHistory, files } from "../../src/index.ts"

const temporary = FileSystem.FileSystem.use((fs) => fs.makeTempDirectoryScoped())

const storeOf = (out: string) => ArtifactStore.layer(`${out}/${Runs.STORE}`)

/** Makes or reuses the artifact of a number. */
const artifact = (n: number) =>
  ArtifactStore.use((store) =>
    store.getOrMake({ stage: "thing", version: 1, name: `thing ${n}`, key: n }, (scratch) =>
      AtomicFile.write(`${scratch}/a.txt`, `number ${n}`)
    )
  )

/** A run that does something and ends without being finished. */
const run = <A, E, R>(out: string, id: string, body: Effect.Effect<A, E, R>) =>
  body.pipe(Effect.provide(Run.layer(`${out}/${id}`, { trace: "epoch" }).pipe(Layer.provide(storeOf(out)))))

const collect = (out: string, olderThan?: number) =>
  Effect.map(Gc.collect(out, { olderThan }), ({ items, kept }) => ({ removed: items, kept }))

/** A name as this project gives it to what it keeps. */
const named = (digit: string) => digit.repeat(64)

const numbersIn = Effect.fnUntraced(function* (out: string) {
  const fs = yield* FileSystem.FileSystem
  const folder = `${out}/${Runs.STORE}/thing`
  const digests = (yield* fs.exists(folder)) ? yield* fs.readDirectory(folder) : []
  const texts = yield* Effect.forEach(digests, (digest) => fs.readFileString(`${folder}/${digest}/a.txt`))
  return texts.map((text) => Number(text.slice("number ".length))).toSorted((a, b) => a - b)
})

describe("Runs", () => {
  it.effect("say who has a run, and look without taking it; the last started is first", () =>
    Effect.gen(function* () {
      const out = yield* temporary
      yield* run(out, "b", Effect.void)
      yield* TestClock.adjust("1 minute")
      yield* run(out, "a", Effect.void)
      yield* TestClock.adjust("1 minute")
      const during = yield* run(out, "c", Effect.andThen(Runs.list(out), Runs.list(out)))
      assert.deepStrictEqual(
        during.map(({ id, state }) => [id, state.kind]),
        [
          ["c", "in use"],
          ["a", "stopped"],
          ["b", "stopped"]
        ]
      )
      assert.strictEqual(Runs.stateText(during[0]!.state).split(" on ")[0], `in use by process ${process.pid}`)
      assert.strictEqual((yield* Runs.look(`${out}/c`)).state.kind, "stopped")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("one that is damaged says what is wrong, and does not hide the others", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const out = yield* temporary
      yield* run(out, "whole", Effect.void)
      yield* run(out, "edited", artifact(1))
      yield* run(out, "newer", Effect.void)
      const journal = `${out}/edited/${files.journal}`
      yield* fs.writeFileString(journal, (yield* fs.readFileString(journal)).replace("thing 1", "thing 2"))
      yield* fs.writeFileString(`${out}/newer/${files.manifest}`, '{"format": 1000}')
      yield* fs.makeDirectory(`${out}/notes`)
      const states = new Map((yield* Runs.list(out)).map(({ id, state }) => [id, Runs.stateText(state)]))
      assert.deepStrictEqual([...states.keys()].toSorted(), ["edited", "newer", "whole"])
      assert.strictEqual(states.get("whole"), "stopped")
      assert.include(states.get("edited"), `cannot be read: ${journal}, line 2: this line was edited`)
      assert.include(states.get("newer"), "written by a newer igm (format 1000")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("one whose files are pipes, or nested without end, does not hide the others", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const out = yield* temporary
      for (const id of ["deep", "pipe", "wide", "whole"]) yield* run(out, id, Effect.void)
      const deep = (n: number) => "[".repeat(n) + "]".repeat(n)
      yield* fs.writeFileString(`${out}/deep/${files.journal}`, `{"chain":"","at":${deep(1e5)}}\n`)
      const { digest: _, ...members } = { digest: "", dataset: JSON.parse(deep(3000)) as never }
      yield* fs.writeFileString(`${out}/wide/${files.manifest}`, `${JSON.stringify({ ...members, digest: "" })}\n`)
      yield* fs.remove(`${out}/pipe/${files.journal}`)
      execFileSync("mkfifo", [`${out}/pipe/${files.journal}`])
      const states = new Map((yield* Runs.list(out)).map(({ id, state }) => [id, Runs.stateText(state)]))
      assert.strictEqual(states.get("whole"), "stopped")
      assert.include(states.get("deep"), `${files.journal}, line 1`)
      assert.include(states.get("wide"), "this is not the manifest of a run")
      assert.include(states.get("pipe"), "it is a pipe or a device")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("are found by folder, id, and a beginning that is not of two", () =>
    Effect.gen(function* () {
      const out = yield* temporary
      for (const id of ["one-12", "one-1", "two-2"]) yield* run(out, id, Effect.void)
      const find = (name: string) => Runs.find(name, out)
      assert.strictEqual(yield* find(`${out}/two-2`), `${out}/two-2`)
      assert.strictEqual(yield* find("tw"), `${out}/two-2`)
      assert.strictEqual(yield* find("one-1"), `${out}/one-1`)
      assert.include((yield* Effect.flip(find("one"))).message, "one-1, one-12")
      assert.include((yield* Effect.flip(find("three"))).message, "there is no such run")
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

const Small = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 6 }))
const Some = Schema.Array(Small).check(Schema.isMaxLength(4))

describe("Gc", () => {
  it.effect.prop(
    "what no run names goes, and what some run names stays",
    { runs: Schema.Array(Some).check(Schema.isMaxLength(3)), gone: Some },
    ({ runs, gone }) =>
      Effect.gen(function* () {
        const out = yield* temporary
        yield* run(out, "gone", Effect.forEach(gone, artifact))
        for (const [i, numbers] of runs.entries()) yield* run(out, `run-${i}`, Effect.forEach(numbers, artifact))
        yield* Gc.removeRun(`${out}/gone`, { dryRun: false })
        const before = yield* numbersIn(out)
        yield* collect(out)
        const needed = new Set(runs.flat())
        assert.deepStrictEqual(
          yield* numbersIn(out),
          before.filter((n) => needed.has(n))
        )
        assert.deepStrictEqual((yield* collect(out)).removed, [])
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    { arbitrary: { runs: 15 } }
  )

  it.effect("no artifact goes while a run is in use or cannot be read, for it may need any", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const out = yield* temporary
      yield* artifact(1).pipe(Effect.provide(storeOf(out)))
      const during = yield* run(out, "busy", collect(out))
      assert.deepStrictEqual(during.removed, [])
      assert.include(during.kept[0], `busy in use by process ${process.pid}`)
      yield* fs.writeFileString(`${out}/busy/${files.journal}`, "nonsense\n{}\n")
      const damaged = yield* collect(out)
      assert.deepStrictEqual([damaged.removed.length, damaged.kept.length], [0, 1])
      yield* Gc.removeRun(`${out}/busy`, { dryRun: false })
      assert.deepStrictEqual(
        (yield* collect(out)).removed.map(({ what }) => what),
        ["artifact"]
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a run in use is not removed", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const out = yield* temporary
      for (const dryRun of [true, false]) {
        const refused = yield* run(out, "busy", Effect.flip(Gc.removeRun(`${out}/busy`, { dryRun })))
        assert.include(refused.message, "in use by process")
      }
      assert.isTrue(yield* fs.exists(`${out}/busy/${files.journal}`))
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("checkpoints of stored work, leftovers of dead processes and old typechecks go; young ones stay", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const out = yield* temporary
      const { digest } = yield* run(
        out,
        "stopped",
        Effect.gen(function* () {
          const made = yield* artifact(1)
          const { keep } = yield* Run
          yield* keep(made.digest, Uint8Array.of(1, 2, 3))
          yield* keep(named("1"), Uint8Array.of(1))
          return made
        })
      )
      const put = (file: string) => AtomicFile.write(path.join(out, file), "12345")
      const mine = ".store/.partial-held/a"
      const [old, young] = [`.store/checked/${named("2")}.json`, `.store/checked/${named("3")}.json`]
      yield* Effect.forEach([".store/.partial-left/a", mine, old], put)
      yield* Lock.hold(path.join(out, path.dirname(mine)), "a test")
      yield* put(young)
      yield* TestClock.setTime(31 * 24 * 60 * 60 * 1000)
      yield* fs.utimes(path.join(out, old), 0, 0)
      yield* fs.utimes(path.join(out, young), 0, 2 * 24 * 60 * 60)
      const { removed } = yield* collect(out)
      assert.deepStrictEqual(
        removed.map(({ what, path: at, bytes }) => [what, path.relative(out, at), bytes]),
        [
          ["half made", ".store/.partial-left", 5],
          ["checkpoint", `stopped/${files.checkpoint(digest)}`, 3],
          ["typecheck", old, 5]
        ]
      )
      assert.isTrue(yield* fs.exists(path.join(out, mine)))
      assert.isTrue(yield* fs.exists(path.join(out, "stopped", files.checkpoint(named("1")))))
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("features of a run that may go on stay, and go once no run is left that would", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const out = yield* temporary
      const place = `${out}/${Runs.STORE}/${PartialFeatures.FOLDER}/${named("0")}`
      yield* fs.makeDirectory(place, { recursive: true })
      yield* fs.writeFileString(`${place}/chunk.safetensors`, "some")
      yield* run(out, "killed", Effect.void)
      assert.deepStrictEqual((yield* collect(out)).removed, [])
      yield* Gc.removeRun(`${out}/killed`, { dryRun: false })
      const held = yield* Lock.hold(place, "features").pipe(Effect.andThen(collect(out)), Effect.scoped)
      assert.deepStrictEqual(held.removed, [])
      assert.deepStrictEqual(
        (yield* collect(out)).removed.map(({ what, path }) => [what, path]),
        [["half made", place]]
      )
      assert.isFalse(yield* fs.exists(place))
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("what is not named as ours stays, whatever lies beside it", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const out = yield* temporary
      const put = (file: string) => AtomicFile.write(`${out}/${file}`, "mine")
      const others = [
        ".store/photos/2024/a.jpg",
        `.store/photos/${named("a")}/a.jpg`,
        ".store/checked/list.json",
        `.store/${PartialFeatures.FOLDER}/mine/a`,
        "stopped/checkpoints/best.safetensors",
        "notes/a.txt"
      ]
      yield* run(out, "stopped", Effect.void)
      yield* Effect.forEach(others, put)
      yield* TestClock.setTime(new Date().getTime() + 1e12)
      assert.deepStrictEqual((yield* collect(out)).removed, [])
      for (const file of others) assert.isTrue(yield* fs.exists(`${out}/${file}`), file)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a run keeps its artifacts wherever it lies, hidden or in a folder of folders", () =>
    Effect.gen(function* () {
      const out = yield* temporary
      for (const [n, id] of ["plain", ".hidden", "a/b"].entries()) yield* run(out, id, artifact(n))
      assert.deepStrictEqual((yield* collect(out)).removed, [])
      assert.deepStrictEqual(yield* numbersIn(out), [0, 1, 2])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a run keeps its artifacts behind a link; behind one that leads nowhere there may be a run", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const out = yield* temporary
      const elsewhere = yield* temporary
      yield* run(out, "archived", artifact(1))
      yield* fs.rename(`${out}/archived`, `${elsewhere}/archived`)
      yield* fs.symlink(elsewhere, `${out}/archive`)
      assert.deepStrictEqual((yield* collect(out)).removed, [])
      yield* fs.remove(`${out}/archive`)
      yield* fs.symlink("/no/such/disk", `${out}/archive`)
      const { removed, kept } = yield* collect(out)
      assert.deepStrictEqual(removed, [])
      assert.include(kept[0], `${out}/archive: cannot look for runs here: no such file or folder`)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("what lost its manifest and its journal cannot be read, and what is no run is not removed as one", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const out = yield* temporary
      yield* run(out, "lost", artifact(1))
      yield* fs.remove(`${out}/lost/${files.journal}`)
      yield* fs.writeFileString(`${out}/lost/${Results.files.trainings}`, "")
      const { removed, kept } = yield* collect(out)
      assert.deepStrictEqual(removed, [])
      assert.include(kept[0], "it has neither a manifest nor a journal")
      yield* AtomicFile.write(`${out}/web/manifest.json`, '{"name":"my web app"}')
      yield* AtomicFile.write(`${out}/apt/lock`, "")
      yield* AtomicFile.write(`${out}/apt/lists.txt`, "precious")
      for (const name of ["lost", "web", "apt"]) {
        const error = yield* Effect.flip(Gc.removeRun(`${out}/${name}`, { dryRun: false }))
        assert.include(error.message, "nothing in it says that it is a run", name)
        assert.isTrue(yield* fs.exists(`${out}/${name}`))
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("while a folder cannot be read no artifact goes: a run may be in there", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const out = yield* temporary
      yield* artifact(1).pipe(Effect.provide(storeOf(out)))
      yield* fs.makeDirectory(`${out}/closed`)
      const unreadable = Layer.succeed(FileSystem.FileSystem, {
        ...fs,
        readDirectory: (folder, options) =>
          fs.readDirectory(folder === `${out}/closed` ? `${out}/nowhere` : folder, options)
      })
      const { removed, kept } = yield* Effect.provide(collect(out), unreadable)
      assert.deepStrictEqual(removed, [])
      assert.include(kept[0], `${out}/closed: cannot look for runs here`)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("nothing in the store goes while a process uses it", () =>
    Effect.gen(function* () {
      const out = yield* temporary
      const during = yield* Effect.andThen(artifact(1), collect(out)).pipe(Effect.provide(storeOf(out)))
      assert.deepStrictEqual(during.removed, [])
      assert.include(during.kept[0], "is in use")
      assert.lengthOf((yield* collect(out)).removed, 1)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("artifacts that are younger than was said stay", () =>
    Effect.gen(function* () {
      const out = yield* temporary
      yield* artifact(1).pipe(Effect.provide(storeOf(out)))
      yield* TestClock.setTime(new Date().getTime())
      assert.deepStrictEqual((yield* collect(out, 1)).removed, [])
      yield* TestClock.adjust("25 hours")
      assert.strictEqual((yield* collect(out, 1)).removed.length, 1)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

describe("RunHistory", () => {
  const [host, stage] = ["here", "training"]
  const thing = (digest: string) => ({ stage, name: `train ${digest}`, digest })
  const journal: ReadonlyArray<Journal.Record> = [
    { kind: "started", at: 0, process: 1, host },
    { kind: "stored", at: 1, ...thing("a"), content: "x", reused: true },
    { kind: "making", at: 10, ...thing("b") },
    { kind: "progress", at: 15, name: "train b", digest: "b", done: 1, facts: { loss: 0.5, weights: "w" } },
    { kind: "started", at: 100, process: 2, host },
    { kind: "making", at: 110, ...thing("b") },
    { kind: "progress", at: 115, name: "train b", digest: "b", done: 2, facts: { loss: 0.25, weights: "w" } },
    { kind: "stored", at: 120, ...thing("b"), content: "x", reused: false },
    { kind: "making", at: 130, ...thing("c") },
    { kind: "failed", at: 131, problem: "the disk is full" },
    { kind: "started", at: 200, process: 3, host },
    { kind: "stored", at: 201, ...thing("b"), content: "x", reused: true },
    { kind: "making", at: 210, ...thing("c") }
  ]

  it("adds up what work cost over all starts, and tells how each start ended", () => {
    const { starts, works, progress } = RunHistory.of(journal, { inUse: false })
    assert.deepStrictEqual(
      works.map(({ digest, how, spent }) => [digest, how, spent]),
      [
        ["a", "reused", 0],
        ["b", "made", 15],
        ["c", "begun", 1]
      ]
    )
    assert.deepStrictEqual(
      starts.map(({ at, last, end, problem }) => [at, last, end, problem]),
      [
        [0, 15, "broken off", undefined],
        [100, 131, "failed", "the disk is full"],
        [200, 210, "broken off", undefined]
      ]
    )
    assert.deepStrictEqual(progress, [{ name: "train b", done: 2, facts: { loss: 0.25, weights: "w" } }])
    assert.strictEqual(RunHistory.of(journal, { inUse: true }).starts.at(-1)!.end, "running")
  })
})
