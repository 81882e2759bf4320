/**
 * What may be removed from a folder of runs: artifacts that no run's manifest or journal names, what dead processes left
 * half made, checkpoints of trainings that are stored, and old memories of typechecks. A run in use may yet reuse what it
 * has not named, and a run that cannot be read may name anything: while there is one, no artifact is removed; nor is
 * anything in the store while a process uses it. What is not named as this project names its files is somebody else's, and
 * stays. What cannot be made again without a run's folder, that folder, is removed only by name.
 */
import { Unfinished } from "@igm/encoders"
import { AtomicFile, IoError, Lock, RECORD, USE, ioError } from "@igm/io"
import { Clock, Effect, FileSystem, Option, Path } from "effect"
import { files } from "./RunFiles.ts"
import { CHECKED, type Found, STORE, everywhere, look, stateText } from "./Runs.ts"

/** Something to remove, of so many bytes. */
export interface Item {
  readonly what: "artifact" | "half made" | "checkpoint" | "typecheck" | "run"
  readonly path: string
  readonly bytes: number
}

/** What there is to remove, and why artifacts that nothing names are kept, if they are. */
export interface Plan {
  readonly items: ReadonlyArray<Item>
  readonly kept: ReadonlyArray<string>
}

/** The digests of the artifacts that a run names: those that it used, and those that it was making. */
export const named = ({ manifest, journal }: Pick<Found, "manifest" | "journal">): ReadonlySet<string> =>
  new Set([
    ...(manifest?.status === "finished" ? manifest.artifacts.map(({ digest }) => digest) : []),
    ...journal.flatMap((record) => (record.kind === "making" || record.kind === "stored" ? [record.digest] : []))
  ])

/** Whether a name is one of something half made. */
const isPartial = (name: string): boolean => name.startsWith(AtomicFile.PARTIAL)

/** Whether a name is a digest, and what comes after it. */
const isNamed = (after: "" | ".json" | ".safetensors") => (name: string) =>
  name.endsWith(after) && /^[0-9a-f]{64}$/.test(name.slice(0, name.length - after.length))

/** Whether a run has come to its end. */
const isOver = ({ kind }: Found["state"]): boolean => kind === "finished" || kind === "damaged"

const DAY = 24 * 60 * 60 * 1000

/** Days for which a typecheck is remembered. */
const REMEMBERED = 30

/** The bytes of a file, or of all files in a folder; what is gone meanwhile has none. */
export const bytesOf = Effect.fn("Garbage.bytesOf")(function* (target: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const inside = yield* Effect.orElseSucceed(fs.readDirectory(target, { recursive: true }), () => [])
  const sizes = yield* Effect.forEach(["", ...inside], (name) =>
    fs.stat(path.join(target, name)).pipe(
      Effect.map(({ type, size }) => (type === "File" ? Number(size) : 0)),
      Effect.orElseSucceed(() => 0)
    )
  )
  return sizes.reduce((total, size) => total + size, 0)
})

/** What may be removed from `out`; of the artifacts, those alone that are older than so many days, if that is given. */
export const plan = Effect.fn("Garbage.plan")(function* (
  out: string,
  { olderThan }: { readonly olderThan: number | undefined }
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const now = yield* Clock.currentTimeMillis
  const store = path.join(out, STORE)
  const namesIn = (folder: string) => Effect.orElseSucceed(fs.readDirectory(folder), (): Array<string> => [])
  const has = (file: string) => Effect.orElseSucceed(fs.exists(file), () => false)
  const isOlder = (file: string, days: number) =>
    fs.stat(file).pipe(
      Effect.map(({ mtime }) => Option.isSome(mtime) && now - mtime.value.getTime() >= days * DAY),
      Effect.orElseSucceed(() => false)
    )
  const item = (what: Item["what"], at: string) => Effect.map(bytesOf(at), (bytes): Item => ({ what, path: at, bytes }))
  const inside = (folder: string, isOurs: (name: string) => boolean) =>
    Effect.map(namesIn(folder), (names) => names.filter(isOurs).toSorted())

  const { runs, unread } = yield* everywhere(out)
  const names = new Set(runs.flatMap((run) => [...named(run)]))
  const stages = yield* inside(store, (name) => !name.startsWith("."))
  const stored = yield* Effect.forEach(stages, (stage) =>
    inside(path.join(store, stage), isNamed("")).pipe(
      Effect.map((digests) => digests.map((digest) => ({ digest, at: path.join(store, stage, digest) }))),
      Effect.flatMap(Effect.filter(({ at }) => has(path.join(at, RECORD))))
    )
  )
  const unnamed = yield* Effect.filter(
    stored.flat().filter(({ digest }) => !names.has(digest)),
    ({ at }) => (olderThan === undefined ? Effect.succeed(true) : isOlder(path.join(at, RECORD), olderThan))
  )
  const unsure = [
    ...runs.flatMap(({ id, state }) =>
      state.kind === "in use" || state.kind === "unreadable" ? [`${id} ${stateText(state)}`] : []
    ),
    ...unread
  ]
  const there = new Set(stored.flat().map(({ digest }) => digest))

  const left = yield* Effect.forEach(
    runs.filter(({ state }) => state.kind !== "in use" && state.kind !== "unreadable"),
    ({ folder, state }) =>
      Effect.gen(function* () {
        const at = path.join(folder, path.dirname(files.checkpoint("")))
        const done = (yield* inside(at, isNamed(".safetensors"))).filter(
          (name) => isOver(state) || there.has(path.basename(name, ".safetensors"))
        )
        const partial = yield* Effect.forEach([folder, at], (folder) =>
          Effect.map(inside(folder, isPartial), (names) => names.map((name) => path.join(folder, name)))
        )
        return yield* Effect.all([
          ...done.map((name) => item("checkpoint", path.join(at, name))),
          ...partial.flat().map((at) => item("half made", at))
        ])
      })
  )
  const isFree = (place: string) => Effect.map(Lock.look(place), (holder) => holder === null)
  const free = (folder: string, isOurs: (name: string) => boolean) =>
    Effect.flatMap(inside(folder, isOurs), (names) =>
      Effect.filter(
        names.map((name) => path.join(folder, name)),
        isFree
      )
    )
  // A process holds the place in which it makes artifacts.
  const abandoned = yield* Effect.forEach([out, store], (folder) => free(folder, isPartial))
  // Features that were encoded before an end serve the run that goes on.
  const isAll = runs.every(({ state }) => isOver(state)) && unread.length === 0
  const encoded = isAll ? yield* free(path.join(store, Unfinished.FOLDER), isNamed("")) : []
  const checked = path.join(store, CHECKED)
  const memories = yield* Effect.filter(
    (yield* inside(checked, isNamed(".json"))).map((name) => path.join(checked, name)),
    (file) => isOlder(file, REMEMBERED)
  )
  const found: Plan = {
    items: [
      ...(unsure.length > 0 ? [] : yield* Effect.forEach(unnamed, ({ at }) => item("artifact", at))),
      ...(yield* Effect.forEach([...abandoned.flat(), ...encoded], (at) => item("half made", at))),
      ...left.flat(),
      ...(yield* Effect.forEach(memories, (at) => item("typecheck", at)))
    ],
    kept: unnamed.length === 0 ? [] : unsure
  }
  return found
})

/** Removes what was planned; a run that a process has taken meanwhile keeps its files. What was removed is given back. */
const remove = Effect.fnUntraced(function* (out: string, items: ReadonlyArray<Item>) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const store = path.join(out, STORE)
  const removed: Array<Item> = []
  for (const one of items) {
    const gone = fs
      .remove(one.path, { recursive: true, force: true })
      .pipe(Effect.mapError(ioError(one.path, "remove this")))
    const [first] = path.relative(out, one.path).split(path.sep)
    if (one.what === "artifact") {
      yield* Lock.discard(one.path, store).pipe(Effect.mapError(ioError(one.path, "remove this artifact")))
    } else if (one.what === "typecheck" || first === STORE || isPartial(first!)) {
      yield* gone
    } else {
      const taken = yield* Lock.hold(runOf(path, one), "igm gc").pipe(
        Effect.andThen(gone),
        Effect.scoped,
        Effect.as(false),
        Effect.catchTag("LockError", () => Effect.succeed(true))
      )
      if (taken) continue
    }
    removed.push(one)
  }
  return removed
})

/** The folder of the run in which something lies. */
const runOf = (path: Path.Path, { what, path: at }: Item): string => {
  const folder = path.dirname(at)
  const checkpoints = path.dirname(files.checkpoint(""))
  return what === "checkpoint" || path.basename(folder) === checkpoints ? path.dirname(folder) : folder
}

/**
 * Removes what there is to remove, and gives the plan as it was carried out. The store is held meanwhile: while a process
 * uses it, nothing in it is removed.
 */
export const collect = Effect.fn("Garbage.collect")(function* (
  out: string,
  options: { readonly olderThan: number | undefined }
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const store = path.join(out, STORE)
  const isThere = yield* Effect.orElseSucceed(fs.exists(store), () => false)
  const isOurs = yield* Effect.result(isThere ? Lock.hold(path.join(store, USE), "igm gc") : Effect.void)
  const { items, kept } = yield* plan(out, options)
  // Where nothing may be written there may be nothing to remove either.
  if (isOurs._tag === "Failure" && isOurs.failure._tag !== "LockError") {
    return items.length === 0 ? { items, kept } : yield* isOurs.failure
  }
  const may = items.filter(({ path: at }) => isOurs._tag === "Success" || !at.startsWith(store + path.sep))
  const done: Plan = {
    items: yield* remove(out, may),
    kept: isOurs._tag === "Success" ? kept : [`${store} is in use by a run or a replay`, ...kept]
  }
  return done
}, Effect.scoped)

/** Removes a run's folder, unless a process has it. Its artifacts stay, until nothing names them and they are collected. */
export const removeRun = Effect.fn("Garbage.removeRun")(function* (
  folder: string,
  { dryRun }: { readonly dryRun: boolean }
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const item: Item = { what: "run", path: folder, bytes: yield* bytesOf(folder) }
  const { state, manifest, journal } = yield* look(folder)
  // A journal that cannot be read is a run's all the same, beside its lock.
  const has = (file: string) => Effect.orElseSucceed(fs.exists(path.join(folder, file)), () => false)
  const isRun = manifest !== null || journal.length > 0 || ((yield* has(files.journal)) && (yield* has("lock")))
  if (state.kind === "unreadable" && !isRun) {
    const problem = `nothing in it says that it is a run (${state.problem}): it is not removed`
    return yield* new IoError({ path: folder, problem })
  }
  if (dryRun) {
    if (state.kind !== "in use") return item
    return yield* new IoError({ path: folder, problem: `this run is ${stateText(state)}: it is not removed` })
  }
  yield* Lock.hold(folder, "igm gc").pipe(
    Effect.andThen(Lock.discard(folder, path.dirname(folder))),
    Effect.scoped,
    Effect.mapError((error) => (error._tag === "PlatformError" ? ioError(folder, "remove this run")(error) : error))
  )
  return item
})
