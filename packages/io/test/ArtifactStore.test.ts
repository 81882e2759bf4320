import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Digest } from "@igm/tensor"
import { Deferred, Effect, Fiber, FileSystem, Path, Schema, Stream } from "effect"
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { ArtifactStore, AtomicFile, RECORD, USE } from "../src/index.ts"

/** A store in a folder of its own, and the names of all that lies there. */
const fresh = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = path.join(yield* fs.makeTempDirectoryScoped(), "store")
  const here = <A, E, R>(effect: Effect.Effect<A, E, R>) => effect.pipe(Effect.provide(ArtifactStore.layer(folder)))
  const left = fs.exists(folder).pipe(
    Effect.flatMap((is) => (is ? fs.readDirectory(folder) : Effect.succeed([]))),
    Effect.map((names) => names.filter((name) => name !== USE))
  )
  return { fs, path, folder, here, left }
})

const Byte = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 255 }))

const thing = (n: number) => ({ stage: "thing", version: 1, key: { n } })

const put = (content: string) => (scratch: string) => AtomicFile.write(`${scratch}/a.txt`, content)

describe("ArtifactStore", () => {
  it.effect("makes an artifact once, and reuses it afterwards", () =>
    Effect.gen(function* () {
      const { fs, path, here } = yield* fresh
      const get = ArtifactStore.use((store) => store.getOrMake(thing(1), put("one")))
      const first = yield* here(get)
      const second = yield* here(get)
      assert.deepStrictEqual([first.reused, second.reused], [false, true])
      assert.deepStrictEqual(second.files, first.files)
      assert.strictEqual(yield* fs.readFileString(path.join(second.folder, "a.txt")), "one")
      const other = yield* here(ArtifactStore.use((store) => store.getOrMake(thing(2), put("two"))))
      assert.notStrictEqual(other.folder, first.folder)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("makes nothing under a name that no folder can have, or that cannot be printed", () =>
    Effect.gen(function* () {
      const { here, left, folder } = yield* fresh
      const names = [{ stage: "../out" }, { stage: "" }, { stage: "__proto__" }, { name: "a\u001b[31m" }]
      for (const work of names) {
        const make = ArtifactStore.use((store) => store.getOrMake({ ...thing(1), ...work }, put("one")))
        const { path, message } = yield* Effect.flip(here(make))
        assert.strictEqual(path, folder)
        assert.match(message, /the name of (a stage|work of the stage thing) is "/)
      }
      assert.deepStrictEqual(yield* left, [])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("makes an artifact of regular files only, of other names than its own", () =>
    Effect.gen(function* () {
      const { fs, here } = yield* fresh
      const told = (write: (scratch: string) => Effect.Effect<void, unknown, FileSystem.FileSystem | Path.Path>) =>
        here(ArtifactStore.use((store) => store.getOrMake(thing(1), (scratch) => Effect.orDie(write(scratch))))).pipe(
          Effect.flip,
          Effect.map(({ message }) => message)
        )
      const pipe = yield* told((scratch) =>
        Effect.andThen(
          fs.makeDirectory(`${scratch}/deep`),
          Effect.sync(() => execFileSync("mkfifo", [`${scratch}/deep/pipe`]))
        )
      )
      assert.include(pipe, "the stage thing: it writes deep/pipe, which is no file: leave it out")
      for (const target of ["nowhere", "a.txt", "."]) {
        const link = yield* told((scratch) =>
          Effect.andThen(put("one")(scratch), fs.symlink(target, `${scratch}/link`))
        )
        assert.include(link, "the stage thing: it writes the link link: write the file itself", target)
      }
      const record = yield* told((scratch) => fs.writeFileString(`${scratch}/${RECORD}`, "{}"))
      assert.include(record, `the stage thing: it writes ${RECORD}, which describes the artifact`)
      yield* here(ArtifactStore.use((store) => store.getOrMake(thing(1), put("one"))))
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("makes a damaged artifact anew instead of handing it out", () =>
    Effect.gen(function* () {
      const { fs, path, here } = yield* fresh
      const get = ArtifactStore.use((store) => store.getOrMake(thing(1), put("one")))
      const { folder } = yield* here(get)
      yield* fs.writeFileString(path.join(folder, "a.txt"), "oNe")
      assert.isFalse((yield* here(get)).reused)
      assert.strictEqual(yield* fs.readFileString(path.join(folder, "a.txt")), "one")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect.prop(
    "any other byte in any file of an artifact is noticed, and it is made anew as it was",
    { at: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })), by: Byte, record: Schema.Boolean },
    ({ at, by, record }) =>
      Effect.gen(function* () {
        const { fs, path, here } = yield* fresh
        const get = ArtifactStore.use((store) => store.getOrMake(thing(1), put("one")))
        const { folder } = yield* here(get)
        const file = path.join(folder, record ? RECORD : "a.txt")
        const whole = yield* fs.readFile(file)
        const place = Math.min(whole.length - 1, Math.floor(at * whole.length))
        yield* fs.writeFile(file, whole.with(place, whole[place]! ^ by))
        assert.isFalse((yield* here(get)).reused)
        assert.deepStrictEqual(yield* fs.readFile(file), whole)
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    { arbitrary: { runs: 40 } }
  )

  it.effect("a record of an older version, without a digest of its own, is taken", () =>
    Effect.gen(function* () {
      const { fs, path, here } = yield* fresh
      const get = ArtifactStore.use((store) => store.getOrMake(thing(1), put("one")))
      const file = path.join((yield* here(get)).folder, RECORD)
      const { digest: _, ...older } = JSON.parse(yield* fs.readFileString(file)) as {
        readonly [name: string]: Digest.Json
      }
      yield* fs.writeFileString(file, `${Digest.canonicalJson(older)}\n`)
      assert.isTrue((yield* here(get)).reused)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a failing or interrupted making leaves nothing behind", () =>
    Effect.gen(function* () {
      const { fs, path, folder, here, left } = yield* fresh
      const failing = ArtifactStore.use((store) =>
        store.getOrMake(thing(1), (scratch) => put("half")(scratch).pipe(Effect.andThen(Effect.fail("no"))))
      )
      assert.strictEqual(yield* Effect.flip(here(failing)), "no")
      const started = yield* Deferred.make<void>()
      const endless = ArtifactStore.use((store) =>
        store.getOrMake(thing(1), (scratch) =>
          put("half")(scratch).pipe(Effect.andThen(Deferred.succeed(started, undefined)), Effect.andThen(Effect.never))
        )
      )
      const fiber = yield* Effect.forkChild(here(endless))
      yield* Deferred.await(started)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* left, ["thing"])
      assert.deepStrictEqual(yield* fs.readDirectory(path.join(folder, "thing")), [])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("two makers of one artifact both get a whole one", () =>
    Effect.gen(function* () {
      const { here, left } = yield* fresh
      const get = ArtifactStore.use((store) => store.getOrMake(thing(1), put("one")))
      const both = yield* here(Effect.all([get, get, get], { concurrency: "unbounded" }))
      assert.strictEqual(new Set(both.map(({ folder }) => folder)).size, 1)
      assert.deepStrictEqual(yield* left, ["thing"])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("removes what a killed process left half made, whatever its number, and nothing that is being made", () =>
    Effect.gen(function* () {
      const { fs, path, folder, here, left } = yield* fresh
      // In a container the next process often has the number of the killed one.
      yield* fs.makeDirectory(path.join(folder, `.partial-${process.pid}-x`, "deep"), { recursive: true })
      const within = yield* here(
        ArtifactStore.use((store) =>
          store.getOrMake(thing(1), (scratch) => here(ArtifactStore.use(() => put("one")(scratch))))
        )
      )
      assert.strictEqual(yield* fs.readFileString(path.join(within.folder, "a.txt")), "one")
      assert.deepStrictEqual(yield* left, ["thing"])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("removes it also while a process that the killed one had started still writes there", () =>
    Effect.gen(function* () {
      const { fs, path, folder, here, left } = yield* fresh
      const place = path.join(folder, ".partial-x")
      yield* fs.makeDirectory(place, { recursive: true })
      const orphan = Effect.forEach(Array.from({ length: 400 }), (_, i) =>
        fs.writeFileString(path.join(place, `${i}.wav`), "")
      )
      const writing = yield* Effect.forkChild(Effect.ignore(orphan))
      yield* here(ArtifactStore.use(() => Effect.void))
      yield* Fiber.join(writing)
      assert.deepStrictEqual(yield* left, [])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("writes a file beside the artifacts, whole", () =>
    Effect.gen(function* () {
      const { fs, path, folder, here, left } = yield* fresh
      yield* here(ArtifactStore.use((store) => store.put("checked/a.json", "{}")))
      assert.strictEqual(yield* fs.readFileString(path.join(folder, "checked/a.json")), "{}")
      assert.deepStrictEqual(yield* left, ["checked"])
      assert.deepStrictEqual(yield* fs.readDirectory(path.join(folder, "checked")), ["a.json"])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("says which folder cannot be written, and why", () =>
    Effect.gen(function* () {
      const { fs, path, folder } = yield* fresh
      yield* fs.makeDirectory(folder)
      yield* fs.writeFileString(path.join(folder, "file"), "")
      const below = path.join(folder, "file", "store")
      const error = yield* ArtifactStore.use((store) => store.getOrMake(thing(0), put("one"))).pipe(
        Effect.provide(ArtifactStore.layer(below)),
        Effect.flip
      )
      assert.include(error.message, below)
      assert.include(error.message, "is a file, not a folder")
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

describe("AtomicFile", () => {
  it.effect("replaces a file whole, and leaves it alone when the write fails", () =>
    Effect.gen(function* () {
      const { fs, path, folder } = yield* fresh
      const file = path.join(folder, "deep/er/a.txt")
      yield* AtomicFile.write(file, "one")
      yield* AtomicFile.write(file, "two")
      assert.strictEqual(yield* fs.readFileString(file), "two")
      assert.deepStrictEqual(yield* fs.readDirectory(path.dirname(file)), ["a.txt"])
      const full = yield* Effect.flip(AtomicFile.write(path.join(folder, "deep/er"), "not over a folder"))
      assert.include(full.message, "cannot write this file")
      assert.deepStrictEqual(yield* fs.readDirectory(path.join(folder, "deep")), ["er"])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("puts pieces together as they come, and tells their digest; where a piece fails, the old file stays", () =>
    Effect.gen(function* () {
      const { fs, path, folder } = yield* fresh
      const file = path.join(folder, "deep/a.txt")
      const pieces = (...texts: ReadonlyArray<string>) =>
        Stream.fromIterable(texts).pipe(Stream.map((text) => new TextEncoder().encode(text)))
      const digest = yield* AtomicFile.stream(file, pieces("one", "", "two"))
      assert.strictEqual(yield* fs.readFileString(file), "onetwo")
      assert.strictEqual(digest, createHash("sha256").update("onetwo").digest("hex"))
      const failing = Stream.concat(pieces("three"), Stream.fail("no more" as const))
      assert.strictEqual(yield* Effect.flip(AtomicFile.stream(file, failing)), "no more")
      assert.strictEqual(yield* fs.readFileString(file), "onetwo")
      assert.deepStrictEqual(yield* fs.readDirectory(path.dirname(file)), ["a.txt"])
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
