/** Disks that fail on demand, as layers over the real file system. */
import { Effect, FileSystem, Layer, PlatformError } from "effect"

/** What the system says of a failure, by its code (ENOSPC, EROFS …). */
export const failure = (code: string) =>
  PlatformError.systemError({ _tag: "Unknown", module: "FileSystem", method: "test", cause: { code } })

/** The file system with some of its operations replaced. */
export const replacing = (change: (fs: FileSystem.FileSystem) => Partial<FileSystem.FileSystem>) =>
  Layer.effect(
    FileSystem.FileSystem,
    Effect.map(FileSystem.FileSystem, (fs) => ({ ...fs, ...change(fs) }))
  )

/** The file system whose open files have some of their operations replaced. */
export const replacingFiles = (change: (file: FileSystem.File) => Partial<FileSystem.File>) =>
  replacing((fs) => ({
    open: (path, options) =>
      Effect.map(fs.open(path, options), (file) => Object.create(file, Object.getOwnPropertyDescriptors(change(file))))
  }))

/** A disk without room: every write fails. */
export const full = replacingFiles(() => ({ writeAll: () => Effect.fail(failure("ENOSPC")) }))
