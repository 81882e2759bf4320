/**
 * Finds and reads the runs in a folder: their locks, manifests and journals. Reading changes nothing, and an unreadable
 * run does not hide the others.
 */
import { AppendFile, IoError, Lock, ioError } from "@igm/io"
import { Effect, FileSystem, Path } from "effect"
import * as Journal from "./Journal.ts"
import { files } from "./RunFiles.ts"
import * as RunFolder from "./RunFolder.ts"
import type * as Manifest from "./Manifest.ts"

/** The state of a run; an unreadable run may still have a valid manifest or journal. */
export type State =
  | { readonly kind: "finished" }
  | { readonly kind: "stopped" }
  /** Its last start ended in an error. */
  | { readonly kind: "failed"; readonly problem: string }
  /** Finished, with a valid manifest and journal, but another of its files has changed. */
  | { readonly kind: "damaged"; readonly problem: string }
  | { readonly kind: "in use"; readonly holder: typeof Lock.Holder.Type | null }
  | { readonly kind: "unreadable"; readonly problem: string }

/** A run as it was found; `started` is the time of its last start in milliseconds since 1970. */
export interface Found {
  readonly id: string
  readonly folder: string
  readonly state: State
  readonly manifest: Manifest.Any | null
  readonly journal: ReadonlyArray<Journal.Record>
  readonly started: number | null
}

/** The folder of the artifacts of all runs in `out`. */
export const STORE = ".store"

/** The folder of a store that caches typechecks. */
export const CHECKED = "checked"

/** The problem that the journal records for a start that a user stopped. */
export const STOPPED = "stopped"

/** Reads a run's folder; does not fail. */
export const look = Effect.fn("Runs.look")(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = path.join(folder, files.journal)
  const has = (file: string) => Effect.orElseSucceed(fs.exists(file), () => true)
  const held = yield* Effect.result(Lock.look(folder))
  // A run that begins has its lock and its journal before its manifest, and may be killed between them.
  const isDescribed = yield* has(path.join(folder, files.manifest))
  const manifest = yield* Effect.result(isDescribed ? RunFolder.glance(folder) : Effect.succeed(null))
  const journal = yield* Effect.result(
    (yield* has(file))
      ? Effect.map(AppendFile.read(file, Journal.Record), ({ records }) => records)
      : Effect.succeed([])
  )
  const isEmpty = Effect.orElseSucceed(
    Effect.map(fs.readDirectory(folder), (names) =>
      names.every((name) => /^(lock|holder\.json|\.partial-.*)$/.test(name))
    ),
    () => false
  )
  const isLost = !isDescribed && !(yield* has(file)) && !(yield* isEmpty)
  const lost = isLost
    ? Effect.fail(new IoError({ path: folder, problem: "it has neither a manifest nor a journal" }))
    : Effect.void
  const [failure] = [manifest, journal, held, yield* Effect.result(lost)].flatMap((one) =>
    one._tag === "Failure" ? [one.failure] : []
  )
  const known = manifest._tag === "Success" ? manifest.success : null
  const records = journal._tag === "Success" ? journal.success : []
  const last = records.at(-1)
  const isInUse = held._tag === "Success" && held.success !== null
  const whole =
    known?.status === "finished" && failure === undefined && !isInUse
      ? yield* Effect.result(RunFolder.check(folder, known))
      : undefined
  const state: State = isInUse
    ? { kind: "in use", holder: held.success.holder }
    : failure !== undefined
      ? { kind: "unreadable", problem: failure.message }
      : whole?._tag === "Failure"
        ? { kind: "damaged", problem: whole.failure.message }
        : known?.status === "finished"
          ? { kind: "finished" }
          : last?.kind === "failed" && last.problem !== STOPPED
            ? { kind: "failed", problem: last.problem }
            : { kind: "stopped" }
  const found: Found = {
    id: path.basename(path.resolve(folder)),
    folder,
    state,
    manifest: known,
    journal: records,
    started: records.findLast(({ kind }) => kind === "started")?.at ?? null
  }
  return found
})

/** Tests whether a folder is a run: it has a manifest, a journal, or a lock. */
const isRun = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const has = (file: string) => Effect.orElseSucceed(fs.exists(path.join(folder, file)), () => false)
  return (yield* has(files.manifest)) || (yield* has(files.journal)) || (yield* has("lock"))
})

/** Lists the runs in a folder, the last started first; those without a start follow by name. */
export const list = Effect.fn("Runs.list")(function* (out: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  if (!(yield* Effect.orElseSucceed(fs.exists(out), () => false))) return []
  const names = yield* fs
    .readDirectory(out)
    .pipe(Effect.mapError((cause) => new IoError({ path: out, problem: "this folder cannot be read", cause })))
  const folders = names
    .filter((name) => !name.startsWith("."))
    .toSorted()
    .map((name) => path.join(out, name))
  const runs = yield* Effect.filter(folders, isRun)
  const found = yield* Effect.forEach(runs, look)
  return found.toSorted((a, b) => (b.started ?? -Infinity) - (a.started ?? -Infinity) || 0)
})

/**
 * Finds all runs anywhere under a folder, hidden and nested ones included; `unread` lists unreadable folders with the
 * reason, since they may contain runs.
 */
export const everywhere = Effect.fn("Runs.everywhere")(function* (out: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const runs: Array<Found> = []
  const unread: Array<string> = []
  const seen = new Set<string>()
  const walk = (folder: string): Effect.Effect<void, never, FileSystem.FileSystem | Path.Path> =>
    Effect.gen(function* () {
      const info = yield* Effect.result(fs.stat(folder))
      if (info._tag === "Failure") {
        unread.push(ioError(folder, "look for runs here")(info.failure).message)
        return
      }
      if (info.success.type !== "Directory") return
      // Links are followed, and each folder is looked into once.
      const real = yield* Effect.orElseSucceed(fs.realPath(folder), () => folder)
      if (seen.has(real)) return
      seen.add(real)
      const entries = yield* Effect.result(fs.readDirectory(folder))
      if (entries._tag === "Failure") {
        unread.push(ioError(folder, "look for runs here")(entries.failure).message)
        return
      }
      for (const name of entries.success.toSorted()) {
        if (name === STORE && folder === out) continue
        const at = path.join(folder, name)
        if (yield* isRun(at)) runs.push(yield* look(at))
        else yield* walk(at)
      }
    })
  if (yield* Effect.orElseSucceed(fs.exists(out), () => false)) yield* walk(out)
  return { runs, unread }
})

/** Finds the folder of a run by its folder, its id in `out`, or a unique prefix of its id. */
export const find = Effect.fn("Runs.find")(function* (name: string, out: string) {
  const path = yield* Path.Path
  const fs = yield* FileSystem.FileSystem
  if (yield* isRun(name)) return name
  const names = yield* Effect.orElseSucceed(fs.readDirectory(out), (): Array<string> => [])
  const candidates = names.filter((id) => !id.startsWith(".") && id.startsWith(name)).toSorted()
  const runs = yield* Effect.filter(candidates, (id) => isRun(path.join(out, id)))
  const [first, ...others] = runs.includes(name) ? [name] : runs
  if (first === undefined) {
    return yield* new IoError({ path: name, problem: `there is no such run, here or in ${out}: see igm runs` })
  }
  if (others.length > 0) {
    return yield* new IoError({ path: name, problem: `this may be ${runs.join(", ")}: write more of its name` })
  }
  return path.join(out, first)
})

/** A short description of a state. */
export const stateText = (state: State): string => {
  switch (state.kind) {
    case "in use":
      return state.holder === null ? "in use" : `in use by process ${state.holder.pid} on ${state.holder.host}`
    case "unreadable":
      return `cannot be read: ${state.problem}`
    case "damaged":
    case "failed":
      return `${state.kind}: ${state.problem}`
    default:
      return state.kind
  }
}
