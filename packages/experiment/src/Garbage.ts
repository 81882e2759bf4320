/**
 * What may be removed from a folder of runs: artifacts that no run's manifest or journal names, what dead processes left
 * half made, checkpoints of trainings that are stored, and old memories of typechecks. A run in use may yet reuse what it
 * has not named, and a run that cannot be read may name anything: while there is one, no artifact is removed. What cannot
 * be made again without a run's folder, that folder, is removed only by name.
 */
import { Unfinished } from "@igm/encoders"
import { AtomicFile, IoError, Lock, RECORD, ioError } from "@igm/io"
import { Clock, Effect, FileSystem, Option, Path } from "effect"
import { files } from "./RunFiles.ts"
import { type Found, STORE, list, look, stateText } from "./Runs.ts"

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
  const isOlder = (file: string, days: number) =>
    fs.stat(file).pipe(
      Effect.map(({ mtime }) => Option.isSome(mtime) && now - mtime.value.getTime() >= days * DAY),
      Effect.orElseSucceed(() => false)
    )
  const item = (what: Item["what"], at: string) => Effect.map(bytesOf(at), (bytes): Item => ({ what, path: at, bytes }))

  const runs = yield* list(out)
  const names = new Set(runs.flatMap((run) => [...named(run)]))
  const stages = (yield* namesIn(store)).filter((name) => !name.startsWith(".") && name !== "checked").toSorted()
  const stored = yield* Effect.forEach(stages, (stage) =>
    Effect.map(namesIn(path.join(store, stage)), (digests) =>
      digests.toSorted().map((digest) => ({ digest, at: path.join(store, stage, digest) }))
    )
  )
  const unnamed = yield* Effect.filter(
    stored.flat().filter(({ digest }) => !names.has(digest)),
    ({ at }) => (olderThan === undefined ? Effect.succeed(true) : isOlder(path.join(at, RECORD), olderThan))
  )
  const unsure = runs.filter(({ state }) => state.kind === "in use" || state.kind === "unreadable")
  const there = new Set(stored.flat().map(({ digest }) => digest))

  const checkpoints = yield* Effect.forEach(
    runs.filter(({ state }) => state.kind === "finished" || state.kind === "stopped"),
    ({ folder, state }) =>
      Effect.gen(function* () {
        const at = path.join(folder, path.dirname(files.checkpoint("")))
        const left = (yield* namesIn(at)).toSorted()
        const done = left.filter((name) => state.kind === "finished" || there.has(path.basename(name, ".safetensors")))
        const partial = (yield* namesIn(folder)).filter(isPartial).map((name) => path.join(folder, name))
        return yield* Effect.all([
          ...done.filter((name) => !name.startsWith(".")).map((name) => item("checkpoint", path.join(at, name))),
          ...[...partial, ...left.filter(isPartial).map((name) => path.join(at, name))].map((at) =>
            item("half made", at)
          )
        ])
      })
  )
  // A process holds the place in which it makes artifacts.
  const abandoned = yield* Effect.filter(
    (yield* namesIn(store)).filter(isPartial).map((name) => path.join(store, name)),
    (place) => Effect.map(Lock.look(place), (holder) => holder === null)
  )
  // Features that were encoded before an end serve the run that goes on.
  const isOver = runs.every(({ state }) => state.kind === "finished")
  const encoding = path.join(store, Unfinished.FOLDER)
  const encoded = yield* Effect.filter(
    isOver ? (yield* namesIn(encoding)).map((name) => path.join(encoding, name)) : [],
    (place) => Effect.map(Lock.look(place), (holder) => holder === null)
  )
  const checked = path.join(store, "checked")
  const memories = yield* Effect.filter(
    (yield* namesIn(checked)).map((name) => path.join(checked, name)),
    (file) => isOlder(file, REMEMBERED)
  )
  const found: Plan = {
    items: [
      ...(unsure.length > 0 ? [] : yield* Effect.forEach(unnamed, ({ at }) => item("artifact", at))),
      ...(yield* Effect.forEach([...abandoned, ...encoded], (at) => item("half made", at))),
      ...checkpoints.flat(),
      ...(yield* Effect.forEach(memories, (at) => item("typecheck", at)))
    ],
    kept: unnamed.length === 0 ? [] : unsure.map(({ id, state }) => `${id} ${stateText(state)}`)
  }
  return found
})

/** Removes what was planned; a run that a process has taken meanwhile keeps its files. What was removed is given back. */
export const remove = Effect.fn("Garbage.remove")(function* (out: string, { items }: Plan) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const store = path.join(out, STORE)
  const gone = (target: string) =>
    fs.remove(target, { recursive: true, force: true }).pipe(Effect.mapError(ioError(target, "remove this")))
  const removed: Array<Item> = []
  for (const one of items) {
    if (one.what === "artifact") {
      // Under a name that no run looks for it may be half removed.
      const aside = path.join(store, `${AtomicFile.PARTIAL}gc-${path.basename(one.path)}`)
      yield* fs.rename(one.path, aside).pipe(Effect.mapError(ioError(one.path, "remove this artifact")))
      yield* gone(aside)
    } else if (one.path.startsWith(store)) {
      yield* gone(one.path)
    } else {
      const folder = path.join(out, path.relative(out, one.path).split(path.sep)[0]!)
      const taken = yield* Lock.hold(folder, "igm gc").pipe(
        Effect.andThen(gone(one.path)),
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

/** Removes a run's folder, unless a process has it. Its artifacts stay, until nothing names them and they are collected. */
export const removeRun = Effect.fn("Garbage.removeRun")(function* (
  folder: string,
  { dryRun }: { readonly dryRun: boolean }
) {
  const fs = yield* FileSystem.FileSystem
  const item: Item = { what: "run", path: folder, bytes: yield* bytesOf(folder) }
  if (dryRun) {
    const { state } = yield* look(folder)
    if (state.kind !== "in use") return item
    return yield* new IoError({ path: folder, problem: `this run is ${stateText(state)}: it is not removed` })
  }
  yield* Lock.hold(folder, "igm gc").pipe(
    Effect.andThen(fs.remove(folder, { recursive: true })),
    Effect.scoped,
    Effect.mapError((error) => (error._tag === "PlatformError" ? ioError(folder, "remove this run")(error) : error))
  )
  return item
})
