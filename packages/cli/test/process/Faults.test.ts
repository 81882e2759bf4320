/**
 * What a user of a run relies on when disks fill up, files are damaged and processes die: an error that names the place,
 * or a run that goes on to the same bytes; never a wrong result in silence.
 */
import { assert, layer as withLayer } from "@effect/vitest"
import { Journal, Run, RunFolder, RunStore, Runner, type Sources, files } from "@igm/experiment"
import { AppendFile, ArtifactStore, IoError } from "@igm/io"
import { EncoderRuntime } from "@igm/encoders"
import { OnnxRuntime } from "@igm/onnx"
import { Digest } from "@igm/tensor"
import { HeadTrainer } from "@igm/training"
import { Cause, Context, Effect, Exit, FileSystem, Layer, Logger, Path, PlatformError } from "effect"
import { TestClock } from "effect/testing"
import { fileURLToPath } from "node:url"
import { SLOWLY, layer } from "../fixture.ts"
import own from "../own.experiment.ts"
import tiny from "../tiny.experiment.ts"

const environment = Layer.merge(HeadTrainer.layerOnnx, Logger.layer([])).pipe(
  Layer.provideMerge(Layer.merge(EncoderRuntime.layerCpu, OnnxRuntime.layerCpu)),
  Layer.provideMerge(layer)
)

/** What is run: here it is not asked which files the code is in. */
const sources: Sources.Sources = {
  program: { path: fileURLToPath(new URL("../tiny.experiment.ts", import.meta.url)), digest: Digest.ofJson("tiny") },
  modules: [],
  code: { version: "test", sources: Digest.ofJson("code") }
}

/** Runs a program in a folder for runs. */
type Start = (out: string, seed?: number) => Effect.Effect<Runner.Done, unknown, Layer.Success<typeof environment>>

const storeIn = (out: string) => Layer.fresh(RunStore.layer(out))

/** The tiny experiment. */
const run: Start = (out, seed = 1) =>
  Runner.prepare(tiny, { seed }).pipe(
    Effect.flatMap((prepared) => Runner.run(prepared, { sources, out })),
    Effect.provide(storeIn(out))
  )

/** The program that has stages of its own, one after another. */
const runOwn: Start = (out, seed = 1) =>
  Runner.prepare(own, { seed, scales: [1] }).pipe(
    Effect.flatMap((prepared) => Runner.run(prepared, { sources, out })),
    Effect.provide(storeIn(out))
  )

const temporary = FileSystem.FileSystem.use((fs) => fs.makeTempDirectoryScoped())

/** The one run in a folder for runs. */
const runIn = Effect.fnUntraced(function* (out: string) {
  const fs = yield* FileSystem.FileSystem
  const [name, ...others] = (yield* fs.readDirectory(out)).filter((name) => !name.startsWith("."))
  assert.isEmpty(others)
  return `${out}/${name}`
})

/** Files that tell how a run came about, which may differ; who holds a folder is told in no file after its end. */
const STORY: ReadonlyArray<string> = [files.journal, files.spans, "lock"]

/** Where a store tells what encoding cost, in seconds. */
const COSTS = ".store/.costs"

/** The digest of each file under a folder but the story; all files where the story is wanted too. */
const contents = Effect.fnUntraced(function* (folder: string, story: ReadonlyArray<string> = STORY) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const found: Record<string, string> = {}
  for (const name of (yield* fs.readDirectory(folder, { recursive: true })).toSorted()) {
    if (story.includes(path.basename(name)) || (story.length > 0 && name.startsWith(COSTS))) continue
    const { type } = yield* fs.stat(path.join(folder, name))
    if (type === "File") found[name] = Digest.ofBytes(yield* fs.readFile(path.join(folder, name)))
  }
  return found
})

/** The journal's records of the one run in a folder for runs. */
const journalOf = Effect.fnUntraced(function* (out: string) {
  return yield* AppendFile.read(`${yield* runIn(out)}/${files.journal}`, Journal.Record)
})

const notesOf = (out: string) =>
  Effect.map(journalOf(out), ({ records }) =>
    records.flatMap((record) => (record.kind === "note" ? [record.note] : [])).join("\n")
  )

/** Where a folder goes that is removed. */
const DISCARDED = "what is removed"

/** What a write is of: the call, the file without the names of scratch files, and for a journal what it tells. */
const labelOf = (method: string, out: string, file: string, bytes?: Uint8Array): string => {
  const place = file
    .replace(out, "")
    .replaceAll(/\.partial-discarded-[0-9a-f-]{36}/g, DISCARDED)
    .replaceAll(/\.partial-\d+-/g, ".partial-")
    .replaceAll(/\.partial-[A-Za-z0-9]{6}(?:\/[A-Za-z0-9]{6})?(?=\/|$)/g, ".partial")
  if (bytes === undefined || !file.endsWith(files.journal)) return `${method} ${place}`
  const { kind, name, digest, done, reused } = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>
  return `tell ${[kind, name, digest, done, reused].join(" ")}`
}

/** A write as it is of any alike file. */
const kindOf = (write: string): string => write.replaceAll(/[0-9a-f]{12,64}/g, "…")

/** A disk whose writes fail with a code where that is wanted, a half of their bytes written. */
const disk = (out: string, codeFor: (label: string) => "ENOSPC" | "EROFS" | undefined) =>
  Layer.effect(
    FileSystem.FileSystem,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const writing =
        (method: string, file: string, bytes?: Uint8Array, half: Effect.Effect<unknown, unknown> = Effect.void) =>
        <A, R>(write: Effect.Effect<A, PlatformError.PlatformError, R>) =>
          Effect.suspend(() => {
            const code = file.startsWith(out) ? codeFor(labelOf(method, out, file, bytes)) : undefined
            if (code === undefined) return write
            const cause = Object.assign(new Error(`${code}: a planted fault, ${method}`), { code })
            const error = PlatformError.systemError({ _tag: "Unknown", module: "FileSystem", method, cause })
            return Effect.andThen(Effect.ignore(half), Effect.fail(error))
          })
      return FileSystem.FileSystem.of({
        ...fs,
        makeDirectory: (path, options) => fs.makeDirectory(path, options).pipe(writing("makeDirectory", path)),
        makeTempDirectory: (options) =>
          fs.makeTempDirectory(options).pipe(writing("makeTempDirectory", options?.directory ?? "")),
        rename: (from, to) => fs.rename(from, to).pipe(writing("rename", to)),
        writeFile: (path, data, options) =>
          fs
            .writeFile(path, data, options)
            .pipe(writing("writeFile", path, data, fs.writeFile(path, data.subarray(0, data.length / 2), options))),
        writeFileString: (path, data, options) =>
          fs
            .writeFileString(path, data, options)
            .pipe(
              writing(
                "writeFileString",
                path,
                undefined,
                fs.writeFileString(path, data.slice(0, data.length / 2), options)
              )
            ),
        open: (path, options) =>
          fs.open(path, options).pipe(
            Effect.map((file): FileSystem.File => ({
              [FileSystem.FileTypeId]: FileSystem.FileTypeId,
              stat: file.stat,
              seek: (...args) => file.seek(...args),
              read: (...args) => file.read(...args),
              readAlloc: (...args) => file.readAlloc(...args),
              truncate: (length) => file.truncate(length),
              sync: file.sync.pipe(writing("sync", path)),
              write: (bytes) => file.write(bytes).pipe(writing("write", path, bytes)),
              writeAll: (bytes) =>
                file
                  .writeAll(bytes)
                  .pipe(writing("writeAll", path, bytes, file.writeAll(bytes.subarray(0, bytes.length / 2))))
            })),
            writing("open", path)
          )
      })
    })
  )

/** The one-line problem of a run that failed as it should: by an error that names a place in the folder. */
const problemOf = (exit: Exit.Exit<unknown, unknown>, out: string, write = ""): string => {
  if (Exit.isSuccess(exit)) return assert.fail(`it should have failed: ${write}`)
  assert.isFalse(Cause.hasDies(exit.cause), Cause.pretty(exit.cause))
  const error = Cause.squash(exit.cause)
  assert.instanceOf(error, IoError)
  assert.include(error.message, out)
  return error.message
}

/** A copy of a folder for runs. */
const copy = Effect.fnUntraced(function* (out: string) {
  const fs = yield* FileSystem.FileSystem
  const to = yield* temporary
  yield* fs.copy(out, to)
  return to
})

/** A folder for runs in which the training was stopped as its checkpoint had been written. */
const stop = Effect.fnUntraced(function* (seed: number) {
  const out = yield* temporary
  const exit = yield* run(out, seed).pipe(
    Effect.provide(disk(out, (label) => (label.startsWith("tell checkpoint") ? "ENOSPC" : undefined))),
    Effect.exit
  )
  problemOf(exit, out)
  return out
})

/** Runs of the tiny experiment that the tests share: a finished one with its bytes, and a stopped one. */
class Made extends Context.Service<
  Made,
  { readonly out: string; readonly bytes: { readonly [name: string]: string }; readonly stopped: string }
>()("@igm/cli/test/Made") {
  static readonly layer = Layer.effect(
    Made,
    Effect.gen(function* () {
      const out = yield* temporary
      yield* run(out)
      return { out, bytes: yield* contents(out), stopped: yield* stop(1) }
    })
  )
}

withLayer(Made.layer.pipe(Layer.provideMerge(environment)), SLOWLY)("A run", (it) => {
  /** A finished run of one's own, and its bytes. */
  const clean = Effect.gen(function* () {
    const { out, bytes } = yield* Made
    return { out: yield* copy(out), bytes }
  })

  /** Fills the disk as each of a start's writes comes that are asked for, and runs it again with room. */
  const filled = Effect.fnUntraced(function* (start: Start, isAsked: (write: string) => boolean) {
    const counted = yield* temporary
    const writes = new Set<string>()
    yield* start(counted).pipe(Effect.provide(disk(counted, (label) => void writes.add(label))))
    const bytes = yield* contents(counted)
    const asked = [...writes].filter(isAsked)

    const full = (folder: string, write: string, met: () => unknown) =>
      disk(folder, (label) => (label === write ? (met(), "ENOSPC") : undefined))
    // What cannot be told of the time that it took is no reason to stop: that of encoding by itself, the rest last. Each of
    // its writes fails once, for one set of features after another.
    const isCost = (write: string) => write.includes(COSTS)
    const costs = new Set(asked.filter(isCost).map(kindOf))
    if (costs.size > 0) {
      const other = yield* temporary
      const codeFor = (write: string) => (costs.delete(kindOf(write)) ? "ENOSPC" : undefined)
      yield* start(other).pipe(Effect.provide(disk(other, codeFor)))
      assert.isEmpty([...costs], "they were not met")
      assert.deepStrictEqual(yield* contents(other), bytes)
    }
    const out = yield* temporary
    const isSpan = (write: string) => write.endsWith(files.spans)
    // What is removed as work ends is met in a folder where there is such work.
    const isRemoval = (write: string) => write.endsWith(DISCARDED)
    for (const write of asked.filter(isRemoval)) {
      const other = yield* temporary
      const exit = yield* start(other).pipe(Effect.provide(full(other, write, () => {})), Effect.exit)
      assert.include(problemOf(exit, other, write), "the disk is full", write)
      yield* start(other)
      assert.deepStrictEqual(yield* contents(other), bytes)
    }
    const order = asked
      .filter((write) => !isCost(write) && !isRemoval(write))
      .toSorted((a, b) => Number(isSpan(a)) - Number(isSpan(b)))
    for (const write of order) {
      let met = 0
      const exit = yield* start(out).pipe(Effect.provide(full(out, write, () => met++)), Effect.exit)
      assert.isAbove(met, 0, `${write} was not met`)
      if (isSpan(write)) yield* exit
      else assert.include(problemOf(exit, out, write), "the disk is full", write)
    }
    yield* start(out)
    assert.deepStrictEqual(yield* contents(out), bytes)
    return asked.length
  })

  it.effect("on a full disk says so wherever it is full, and goes on from there to the same bytes", () =>
    Effect.gen(function* () {
      // What this program removes is what it wrote beside: the next start would remove it.
      assert.isAbove(yield* filled(runOwn, (write) => !write.endsWith(DISCARDED)), 60)
    })
  )

  it.effect("on a disk that is full as it encodes and trains says so, and goes on from there to the same bytes", () =>
    Effect.gen(function* () {
      // What every stage and every run writes is met by the test before, and of alike files of sets of features one is enough.
      const isOwn = (write: string) =>
        /\/\.store\/.*(features|heads|predictions|\.costs)|checkpoint|tell progress/.test(write) ||
        write.endsWith(DISCARDED)
      const kinds = new Set<string>()
      const isFirst = (write: string) => {
        const kind = kindOf(write)
        return !kinds.has(kind) && kinds.add(kind).has(kind)
      }
      assert.isAbove(yield* filled(run, (write) => isOwn(write) && isFirst(write)), 30)
    })
  )

  it.effect("on a disk that turns read-only says so, and is whole when the disk is", () =>
    Effect.gen(function* () {
      const { bytes } = yield* Made
      const alone = yield* temporary
      yield* runOwn(alone)
      const own = yield* contents(alone)
      // What every run writes first is that of the smaller program too; the other encodes and trains.
      for (const [start, before, whole] of [
        ...[0, 1, 2, 5, 11, 23, 47].map((before) => [runOwn, before, own] as const),
        ...[23, 95, 130].map((before) => [run, before, bytes] as const)
      ]) {
        const out = yield* temporary
        let n = 0
        const failing = start(out).pipe(Effect.provide(disk(out, () => (n++ < before ? undefined : "EROFS"))))
        assert.include(problemOf(yield* Effect.exit(failing), out), "read-only", `after ${before} writes`)
        yield* start(out)
        assert.deepStrictEqual(yield* contents(out), whole)
      }
    })
  )

  it.effect(
    "whose journal ends in the middle of a line, wherever it is cut, has the lines before it and says what was cut",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const { out, bytes } = yield* clean
        const folder = yield* runIn(out)
        const file = `${folder}/${files.journal}`
        const whole = yield* fs.readFile(file)
        const last = whole.lastIndexOf(10, whole.length - 2) + 1
        const { records } = yield* AppendFile.read(file, Journal.Record)
        // Every byte of any file is cut at by the laws of AppendFile.
        const ends = Array.from({ length: whole.length - last }, (_, i) => last + i)
        for (const end of ends.filter((_, i) => i < 2 || i % 6 === 0 || i === ends.length - 1)) {
          yield* fs.writeFile(file, whole.slice(0, end))
          yield* Effect.void.pipe(
            Effect.provide(
              Layer.fresh(Run.layer(folder, { trace: "epoch" })).pipe(
                Layer.provide(ArtifactStore.layer(`${out}/.store`))
              )
            )
          )
          const after = yield* AppendFile.read(file, Journal.Record)
          assert.strictEqual(after.torn, 0)
          assert.deepStrictEqual(after.records.slice(0, records.length - 1), records.slice(0, -1))
          const told = after.records.slice(records.length - 1)
          assert.deepStrictEqual(
            told.map(({ kind }) => kind),
            end === last ? ["started"] : ["started", "note"]
          )
          if (told[1]?.kind === "note") assert.include(told[1].note, `${end - last} bytes cut off`)
        }
        yield* run(out)
        assert.deepStrictEqual(yield* contents(out), bytes)
      })
  )

  it.effect("makes anew what has a flipped bit, in whichever file of whichever stage", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { out, bytes } = yield* clean
      const stages = ["media", "features", "training"]
      for (const stage of stages) {
        const [artifact] = yield* fs.readDirectory(`${out}/.store/${stage}`)
        const folder = `${out}/.store/${stage}/${artifact}`
        // Of samples that are all alike one sound and one picture are enough.
        const names = (yield* fs.readDirectory(folder)).filter((name) => !/^(train-[1-9]|valid|test)/.test(name))
        for (const name of names) {
          const content = yield* fs.readFile(`${folder}/${name}`)
          const at = Math.floor(content.length * 0.6)
          yield* fs.writeFile(`${folder}/${name}`, content.with(at, content[at]! ^ 1))
          yield* run(out)
          assert.deepStrictEqual(yield* contents(out), bytes, `${stage}, ${name}`)
        }
      }
    })
  )

  it.effect("does not take what says that it is other work", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { out, bytes } = yield* clean
      const [one, other] = yield* fs.readDirectory(`${out}/.store/features`)
      yield* fs.remove(`${out}/.store/features/${one}`, { recursive: true })
      yield* fs.copy(`${out}/.store/features/${other}`, `${out}/.store/features/${one}`)
      yield* run(out)
      assert.deepStrictEqual(yield* contents(out), bytes)
    })
  )

  /** A copy of a folder for runs in which the training was stopped, and the file of its checkpoint. */
  const stopped = Effect.fnUntraced(function* (from: string) {
    const fs = yield* FileSystem.FileSystem
    const out = yield* copy(from)
    const folder = `${yield* runIn(out)}/checkpoints`
    const [name] = yield* fs.readDirectory(folder)
    return { out, checkpoint: `${folder}/${name}` }
  })

  it.effect("does not take the checkpoint of another training, and begins that training anew", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const made = yield* Made
      const { bytes } = made
      const { out, checkpoint } = yield* stopped(made.stopped)
      const unharmed = yield* copy(out)
      yield* run(unharmed)
      assert.deepStrictEqual(yield* contents(unharmed), bytes)
      assert.strictEqual(yield* notesOf(unharmed), "")
      const epochs = (folder: string) =>
        Effect.map(journalOf(folder), ({ records }) =>
          records.flatMap((record) => (record.kind === "progress" ? [record.done] : []))
        )
      assert.deepStrictEqual(yield* epochs(unharmed), [1, 2], "it did not go on from its checkpoint")

      const other = yield* stopped(yield* stop(2))
      yield* fs.copyFile(other.checkpoint, checkpoint)
      yield* run(out)
      assert.deepStrictEqual(yield* contents(out), bytes)
      assert.deepStrictEqual(yield* epochs(out), [1, 1, 2])
      assert.include(yield* notesOf(out), `${checkpoint} is not used: it belongs to another training`)
    })
  )

  it.effect("begins a training anew whose checkpoint is damaged", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const made = yield* Made
      const { out, checkpoint } = yield* stopped(made.stopped)
      const content = yield* fs.readFile(checkpoint)
      yield* fs.writeFile(checkpoint, content.with(content.length - 9, content.at(-9)! ^ 1))
      yield* run(out)
      assert.deepStrictEqual(yield* contents(out), made.bytes)
      assert.include(yield* notesOf(out), `${checkpoint} is not used: its digest is not that of its content`)
    })
  )

  it.effect("goes on when the clock was set back in between", () =>
    Effect.gen(function* () {
      const { bytes } = yield* Made
      yield* TestClock.setTime(1e12)
      const out = yield* stop(1)
      yield* TestClock.setTime(1e9)
      yield* run(out)
      assert.deepStrictEqual(yield* contents(out), bytes)
      const { records } = yield* journalOf(out)
      assert.sameMembers([...new Set(records.map(({ at }) => at))], [1e12, 1e9])
    })
  )

  it.effect("of a newer version is refused, and not a byte is written", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { out } = yield* clean
      const file = `${yield* runIn(out)}/${files.manifest}`
      const manifest = JSON.parse(yield* fs.readFileString(file)) as object
      yield* fs.writeFileString(file, JSON.stringify({ ...manifest, format: 99, invented: "later" }))
      const before = yield* contents(out, [])
      const problem = problemOf(yield* Effect.exit(run(out)), out)
      assert.match(
        problem,
        /manifest\.json: it was written by a newer igm \(format 99; this one reads \d\): update igm$/
      )
      assert.deepStrictEqual(yield* contents(out, []), before)
    })
  )

  it.effect("whose manifest is cut in half cannot be read, and is made whole by the same command", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { out, bytes } = yield* clean
      const folder = yield* runIn(out)
      const file = `${folder}/${files.manifest}`
      const text = yield* fs.readFileString(file)
      yield* fs.writeFileString(file, text.slice(0, text.length / 2))
      const { message } = yield* Effect.flip(RunFolder.read(folder))
      assert.strictEqual(
        message,
        `${file}: this is not the manifest of a run, or damaged: the command that made the run writes it anew`
      )
      yield* run(out)
      assert.deepStrictEqual(yield* contents(out), bytes)
      assert.include(yield* notesOf(out), "the manifest was damaged, and is written anew")
    })
  )
})
