/**
 * Garbage collection in a folder of runs: removes artifacts that no run's manifest or journal names, partial files of
 * dead processes, checkpoints of stored trainings, and old cached typechecks. A run in use may still reuse artifacts
 * that it has not named, and an unreadable run may name any: while there is such a run, no artifact is removed, nor is
 * anything in the store while a process uses it. Files whose names do not follow this project's patterns belong to
 * somebody else and stay. A run's folder cannot be made again from anything else, so it is only removed by name.
 */
import { PartialFeatures } from "@igm/encoders"
import { AtomicFile, IoError, Lock, RECORD, USE, ioError } from "@igm/io"
import { Clock, Effect, FileSystem, Option, Path } from "effect"
import { files } from "./RunFiles.ts"
import { CHECKED, type Found, STORE, everywhere, look, stateText } from "./Runs.ts"

/** A file or folder to remove, and its size in bytes. */
export interface Item {
  readonly what: "artifact" | "half made" | "checkpoint" | "typecheck" | "run"
  readonly path: string
  readonly bytes: number
}

/** The items to remove, and the reasons for which unnamed artifacts are kept, if they are. */
export interface Plan {
  readonly items: ReadonlyArray<Item>
  readonly kept: ReadonlyArray<string>
}

/** The digests of the artifacts that a run names: those that it used, and those that it was computing. */
export const named = ({ manifest, journal }: Pick<Found, "manifest" | "journal">): ReadonlySet<string> =>
  new Set([
    ...(manifest?.status === "finished" ? manifest.artifacts.map(({ digest }) => digest) : []),
    ...journal.flatMap((record) => (record.kind === "making" || record.kind === "stored" ? [record.digest] : []))
  ])

/** Tells if a name is that of a partial file. */
const isPartial = (name: string): boolean => name.startsWith(AtomicFile.PARTIAL)

/** Tells if a name is a digest followed by the given suffix. */
const isNamed = (after: "" | ".json" | ".safetensors") => (name: string) =>
  name.endsWith(after) && /^[0-9a-f]{64}$/.test(name.slice(0, name.length - after.length))

/** Tells if a run has ended. */
const isOver = ({ kind }: Found["state"]): boolean => kind === "finished" || kind === "damaged"

const DAY = 24 * 60 * 60 * 1000

/** The number of days for which typechecks are cached. */
const REMEMBERED = 30

/** The size in bytes of a file, or of all files in a folder; 0 for files that have disappeared meanwhile. */
export const bytesOf = Effect.fn("Gc.bytesOf")(function* (target: string) {
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

/**
 * Lists the items to remove from `out`; of the artifacts only those that are older than `olderThan` days, if that is
 * given.
 */
export const plan = Effect.fn("Gc.plan")(function* (
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
  const encoded = isAll ? yield* free(path.join(store, PartialFeatures.FOLDER), isNamed("")) : []
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

/** Removes the planned items, except for those of runs that a process has taken meanwhile. Gives the removed items. */
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

/** The folder of the run that contains an item. */
const runOf = (path: Path.Path, { what, path: at }: Item): string => {
  const folder = path.dirname(at)
  const checkpoints = path.dirname(files.checkpoint(""))
  return what === "checkpoint" || path.basename(folder) === checkpoints ? path.dirname(folder) : folder
}

/**
 * Plans and removes, and gives the plan as it was carried out. It takes the store's lock: while another process uses
 * the store, nothing in it is removed.
 */
export const collect = Effect.fn("Gc.collect")(function* (
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

/**
 * Removes a run's folder, unless a process uses it. Its artifacts stay until no run names them and they are collected.
 */
export const removeRun = Effect.fn("Gc.removeRun")(function* (
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
