/**
 * One writer at a time on a folder. The lock is the kernel's, taken by SQLite on the file `lock` in the folder, so that
 * it ends with the process however that ends, and no clock or process list is asked. Beside it `holder.json` tells a
 * person who holds it; nothing depends on that file.
 *
 * The file `lock` stays empty and stays where it is. POSIX drops a lock when its process closes the file by any other
 * handle, so nothing may open `lock` but this module.
 */
import { hostname } from "node:os"
import type { DatabaseSync } from "node:sqlite"
import { DateTime, Effect, FileSystem, Path, Schedule, Schema } from "effect"
import * as AtomicFile from "./AtomicFile.ts"
import * as Folder from "./Folder.ts"
import { ioError } from "./IoError.ts"

/** Who holds a folder, as `holder.json` has it; `since` is UTC in ISO 8601. */
export const Holder = Schema.Struct({
  pid: Schema.Int,
  host: Schema.String,
  since: Schema.String,
  what: Schema.String
})
const HolderFile = Schema.fromJsonString(Holder)

/** The folder is held by another writer, who is named unless it has not written `holder.json` yet. */
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
const isBusy = (cause: unknown) => (cause as { errcode?: unknown }).errcode === SQLITE_BUSY

// Loaded only where it is needed, as Node 22 warns whoever loads it that it is experimental.
const sqliteModule = Effect.promise(() => import("node:sqlite"))

/**
 * Whether a writer holds a folder, and which, if it has said so; `null` if none does. Nothing is written: also a folder
 * that is held by this process or may not be written can be asked about.
 */
export const look = Effect.fn("Lock.look")(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const lock = path.join(folder, "lock")
  const failed = ioError(folder, "see whether this folder is in use")
  if (!(yield* Effect.mapError(fs.exists(lock), failed))) return null
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
  return isHeld ? { holder: yield* holderOf(path.join(folder, "holder.json")) } : null
})

const holderOf = (file: string) =>
  FileSystem.FileSystem.use((fs) => fs.readFileString(file)).pipe(
    Effect.flatMap(Schema.decodeEffect(HolderFile)),
    Effect.orElseSucceed(() => null)
  )

/** Holds a folder, made if need be, until the scope closes; `what` says what for. A holder is not waited for. */
export const hold = Effect.fn("Lock.hold")(function* (folder: string, what: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const lock = path.join(folder, "lock")
  const holderFile = path.join(folder, "holder.json")
  const failed = ioError(folder, "lock this folder")

  const heldByAnother = Effect.flatMap(holderOf(holderFile), (holder) => new LockError({ folder, holder }))
  const sqlite = yield* sqliteModule
  const open = Effect.try({ try: () => new sqlite.DatabaseSync(lock, { timeout: SETTLE_MS }), catch: failed })
  const close = (database: DatabaseSync) => Effect.sync(() => database.close())
  // In memory, SQLite's journal is no file that a killed process leaves behind.
  const take = (database: DatabaseSync) =>
    Effect.try({
      try: () => database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE"),
      catch: (cause) => cause
    }).pipe(
      Effect.catchIf(
        isBusy,
        () => heldByAnother,
        (cause) => Effect.fail(failed(cause))
      ),
      // SQLite opens a file that it may not write for reading, where an exclusive lock excludes nobody.
      Effect.andThen(Effect.mapError(fs.access(lock, { writable: true }), failed))
    )
  const tell = Effect.gen(function* () {
    const since = DateTime.formatIso(yield* DateTime.now)
    const holder = { pid: process.pid, host: hostname(), since, what }
    yield* AtomicFile.write(holderFile, `${JSON.stringify(holder)}\n`)
  })

  yield* Folder.make(folder).pipe(Effect.andThen(fs.access(folder, { writable: true })), Effect.mapError(failed))
  yield* Effect.acquireRelease(
    Effect.tap(open, (database) =>
      take(database).pipe(
        Effect.andThen(tell),
        Effect.onError(() => close(database))
      )
    ),
    (database) => Effect.andThen(Effect.ignore(fs.remove(holderFile)), close(database))
  )
})

const PATIENCE = Schedule.spaced("100 millis")

/** Holds a folder as soon as nobody else does; `onWait` is told once of the holder that is waited for. */
export const wait = Effect.fn("Lock.wait")(function* <R>(
  folder: string,
  what: string,
  onWait: (holder: LockError) => Effect.Effect<void, never, R>
) {
  let told = false
  yield* hold(folder, what).pipe(
    Effect.tapErrorTag("LockError", (error) => {
      // A holder that has not said who it is yet will have by the next time.
      if (told || error.holder === null) return Effect.void
      told = true
      return onWait(error)
    }),
    Effect.retry({ while: ({ _tag }) => _tag === "LockError", schedule: PATIENCE }),
    Effect.catchTag("LockError", Effect.die)
  )
})
