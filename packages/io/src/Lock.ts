/**
 * Exclusive and shared locks on folders. The lock is the kernel's, taken by SQLite on the file `lock` in the folder, so
 * that it ends with the process in any case, without clocks or process lists. Beside it, `holder.json` tells people who
 * holds the lock; nothing depends on that file.
 *
 * The file `lock` stays empty. POSIX drops a lock when its process closes the file by any other handle, so only this
 * module may open `lock`. A holder may remove the folder (`discard`): a process that waits for the lock then locks a
 * removed file, notices, and starts again.
 */
import { randomUUID } from "node:crypto"
import { hostname } from "node:os"
import { Data, DateTime, Effect, Exit, FileSystem, Option, Path, Schedule, Schema, Scope } from "effect"
import * as AtomicFile from "./AtomicFile.ts"
import * as Folder from "./Folder.ts"
import { IoError, codeOf as errorCode, ioError } from "./IoError.ts"

/** The file that a holder has locked. */
export const FILE = "lock"

/** The file that names the holder for people. */
export const HOLDER = "holder.json"

/** The schema of `holder.json`, which describes the process that holds a folder; `since` is UTC in ISO 8601. */
export const Holder = Schema.Struct({
  pid: Schema.Int,
  host: Schema.String,
  since: Schema.String,
  what: Schema.String
})
const HolderFile = Schema.fromJsonString(Holder)

/** Another process holds the folder; it is named unless it has not written `holder.json` yet. */
export class LockError extends Schema.TaggedError<LockError>()("LockError", {
  folder: Schema.String,
  holder: Schema.NullOr(Holder)
}) {
  override get message(): string {
    const { folder, holder } = this
    const who =
      holder === null
        ? "another writer"
        : `process ${holder.pid} on ${holder.host} (${holder.what}) since ${holder.since}`
    return `${folder} is in use by ${who}: wait for it, or stop it`
  }
}

// Two who ask in the same instant stand in each other's way; SQLite then asks again, for at most this long.
const SETTLE_MS = 250
const SQLITE_BUSY = 5
const SQLITE_CANTOPEN = 14
const SQLITE_NOTADB = 26
const codeOf = (cause: unknown) => (cause as { errcode?: unknown }).errcode
const isBusy = (cause: unknown) => codeOf(cause) === SQLITE_BUSY

/** Converts an error of SQLite to an `IoError`. */
const failing = (folder: string, doing: string) => (cause: unknown) =>
  codeOf(cause) === SQLITE_NOTADB
    ? new IoError({
        path: `${folder}/lock`,
        problem: "this file holds something, and no lock does: remove it, if no other igm uses the folder",
        cause
      })
    : ioError(folder, doing)(cause)

/** The folder was removed or replaced while its lock was taken: try again. */
class Moved extends Data.TaggedError("Moved")<{ readonly folder: string }> {}

/** The number of times that the lock is tried on a folder that others keep removing. */
const TRIES = 100

/** Tries again if the folder was removed meanwhile. */
const anew = <A, E, R>(once: Effect.Effect<A, E | Moved, R>) =>
  once.pipe(
    Effect.retry({ while: (error) => error instanceof Moved, times: TRIES }),
    Effect.catchIf(
      (error) => error instanceof Moved,
      ({ folder }) =>
        Effect.fail(
          new IoError({
            path: folder,
            problem: "cannot lock this folder: it is removed again and again, or a link to nowhere"
          })
        ),
      (error) => Effect.fail(error as Exclude<E, Moved>)
    )
  )

// Loaded only where it is needed, as Node 22 warns whoever loads it that it is experimental.
const sqliteModule = Effect.promise(() => import("node:sqlite"))

/**
 * Finds out whether a process holds a folder, and which one, if it has said so; `null` if none does. Writes nothing, so
 * that it also works on a folder that this process holds or may not write to.
 */
export const look = Effect.fn("Lock.look")(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const lock = path.join(folder, FILE)
  const failed = failing(folder, "see whether this folder is in use")
  if (!(yield* Effect.mapError(fs.exists(lock), failed))) return null
  const { type } = yield* Effect.mapError(fs.stat(lock), failed)
  if (type !== "File") return yield* new IoError({ path: lock, problem: "this is no file, and no lock: remove it" })
  const sqlite = yield* sqliteModule
  const isHeld = yield* Effect.try({
    try: () => {
      const database = new sqlite.DatabaseSync(lock, { readOnly: true })
      try {
        database.exec("SELECT 1 FROM sqlite_master")
        return false
      } catch (cause) {
        if (isBusy(cause)) return true
        throw cause
      } finally {
        database.close()
      }
    },
    catch: failed
  })
  return isHeld ? { holder: yield* holderOf(path.join(folder, HOLDER)) } : null
})

const holderOf = (file: string) =>
  FileSystem.FileSystem.use((fs) => fs.readFileString(file)).pipe(
    Effect.flatMap(Schema.decodeEffect(HolderFile)),
    Effect.orElseSucceed(() => null)
  )

/** The inode number of a file, unique while the file is open somewhere; undefined if there is no file. */
const numberOf = (file: string) =>
  FileSystem.FileSystem.use((fs) => fs.stat(file)).pipe(
    Effect.map(({ ino }) => Option.getOrUndefined(ino)),
    Effect.orElseSucceed(() => undefined)
  )

/** Runs an effect in a scope that closes with the surrounding one, or immediately on failure. */
const attempt = <A, E, R>(once: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const inner = yield* Scope.fork(yield* Effect.scope)
    return yield* once.pipe(
      Scope.provide(inner),
      Effect.onError((cause) => Scope.close(inner, Exit.failCause(cause)))
    )
  })

/** Options of taking a lock. */
interface Taking {
  readonly sql: string
  /** The time in milliseconds for which SQLite retries, which blocks the thread. */
  readonly settle: number
  readonly readOnly: boolean
}

/**
 * Takes a folder's lock until the scope closes, and returns the inode number of its file. Fails with `Moved` if the
 * file is gone.
 */
const take = Effect.fnUntraced(function* (folder: string, { sql, settle, readOnly }: Taking) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const lock = path.join(folder, FILE)
  const failed = failing(folder, "lock this folder")
  const sqlite = yield* sqliteModule
  const moved = new Moved({ folder })
  const refused = Effect.fnUntraced(function* (cause: unknown) {
    if (isBusy(cause)) return yield* new LockError({ folder, holder: yield* holderOf(path.join(folder, HOLDER)) })
    const isGone = codeOf(cause) === SQLITE_CANTOPEN && (yield* numberOf(folder)) === undefined
    return yield* Effect.fail(isGone ? moved : failed(cause))
  })

  const info = yield* Effect.option(fs.stat(lock))
  if (Option.isSome(info) && info.value.type !== "File") {
    return yield* new IoError({ path: lock, problem: "this is no file, and no lock: remove it" })
  }
  const before = yield* numberOf(lock)
  const open = Effect.try({
    try: () => new sqlite.DatabaseSync(lock, { timeout: settle, readOnly }),
    catch: (cause) => cause
  })
  const database = yield* Effect.acquireRelease(open, (database) => Effect.sync(() => database.close())).pipe(
    Effect.catch(refused)
  )
  yield* Effect.try({ try: () => database.exec(sql), catch: (cause) => cause }).pipe(Effect.catch(refused))
  const after = yield* numberOf(lock)
  if (before === undefined || before !== after) return yield* moved
  // SQLite opens a file that it may not write for reading, where an exclusive lock excludes nobody.
  if (!readOnly) yield* Effect.mapError(fs.access(lock, { writable: true }), failed)
  return after
})

/** Tests whether an error means that writing is not permitted. */
const mayNot = (error: unknown): boolean => ["EACCES", "EPERM", "EROFS"].includes(errorCode(error) ?? "")

/** Creates a folder and checks that it is writable. */
const prepare = (folder: string) =>
  FileSystem.FileSystem.use((fs) =>
    Folder.make(folder).pipe(
      Effect.andThen(fs.access(folder, { writable: true })),
      Effect.mapError((error) =>
        error.reason._tag === "NotFound" ? new Moved({ folder }) : ioError(folder, "lock this folder")(error)
      )
    )
  )

const holding = Effect.fnUntraced(function* (folder: string, what: string, settle: number) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const holderFile = path.join(folder, HOLDER)
  // In memory, SQLite's journal is no file that a killed process leaves behind.
  const sql = "PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE"
  const once = Effect.gen(function* () {
    yield* prepare(folder)
    const number = yield* take(folder, { sql, settle, readOnly: false })
    yield* Effect.addFinalizer(() =>
      // Where the folder was discarded, another may be in its place, with a holder of its own.
      Effect.flatMap(numberOf(path.join(folder, FILE)), (now) =>
        now === number ? Effect.ignore(fs.remove(holderFile)) : Effect.void
      ).pipe(Effect.provideService(FileSystem.FileSystem, fs))
    )
    const since = DateTime.formatIso(yield* DateTime.now)
    const holder = { pid: process.pid, host: hostname(), since, what }
    yield* AtomicFile.write(holderFile, `${JSON.stringify(holder)}\n`)
  })
  yield* anew(attempt(once))
})

/**
 * Holds a folder exclusively until the scope closes, and creates it if necessary; `what` describes the purpose. Fails
 * with a `LockError` if another process holds it.
 */
export const hold = Effect.fn("Lock.hold")((folder: string, what: string) => holding(folder, what, SETTLE_MS))

const PATIENCE = Schedule.spaced("100 millis")

/** Retries while another process holds the folder; `onWait` is called once with the holder. */
const patiently = Effect.fnUntraced(function* <A, E, R, R2>(
  once: Effect.Effect<A, E | LockError, R>,
  onWait: (holder: LockError) => Effect.Effect<void, never, R2>
) {
  let told = false
  return yield* once.pipe(
    Effect.tapError((error) => {
      // A holder that has not said who it is yet will have by the next time.
      if (told || !(error instanceof LockError) || error.holder === null) return Effect.void
      told = true
      return onWait(error)
    }),
    Effect.retry({ while: (error) => error instanceof LockError, schedule: PATIENCE }),
    Effect.catchIf(
      (error) => error instanceof LockError,
      (error) => Effect.die(error),
      (error) => Effect.fail(error as Exclude<E, LockError>)
    )
  )
})

/** Holds a folder exclusively, after waiting for other holders; `onWait` is called once with the holder. */
export const wait = Effect.fn("Lock.wait")(
  <R>(folder: string, what: string, onWait: (holder: LockError) => Effect.Effect<void, never, R>) =>
    patiently(holding(folder, what, 0), onWait)
)

/**
 * Shares a folder with any number of others until the scope closes, after waiting for an exclusive holder, and creates
 * it if necessary. In a folder without write permission the existing lock is shared; if there is none, nobody can hold
 * the folder.
 */
export const share = Effect.fn("Lock.share")(function* <R>(
  folder: string,
  onWait: (holder: LockError) => Effect.Effect<void, never, R>
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const once = Effect.gen(function* () {
    const readOnly = yield* prepare(folder).pipe(
      Effect.as(false),
      Effect.catchIf(mayNot, () => Effect.succeed(true))
    )
    const hasLock = Effect.isSuccess(fs.access(path.join(folder, FILE), { readable: true }))
    if (readOnly && !(yield* hasLock)) return
    yield* take(folder, { sql: "BEGIN; SELECT 1 FROM sqlite_master", settle: 0, readOnly })
  })
  yield* patiently(anew(attempt(once)), onWait)
})

/**
 * Removes a folder that this process holds. It is first moved into another folder of the same disk, so that others find
 * it complete or gone, and nobody locks it during the removal.
 */
export const discard = Effect.fn("Lock.discard")(function* (folder: string, into: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const aside = path.join(into, `${AtomicFile.PARTIAL}discarded-${randomUUID()}`)
  yield* fs.rename(folder, aside)
  yield* fs.remove(aside, { recursive: true, force: true }).pipe(
    // A process that a killed one had started may still be writing there.
    Effect.retry({ schedule: Schedule.spaced("100 millis"), times: 20 }),
    Effect.ignore
  )
})
