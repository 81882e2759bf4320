/** The one error of this room: a file or folder that could not be read, written or trusted. */
import { Schema } from "effect"

/** Names the file or folder, says what went wrong in words, and keeps the cause. */
export class IoError extends Schema.TaggedError<IoError>()("IoError", {
  path: Schema.String,
  problem: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `${this.path}: ${this.problem}`
  }
}

const words: Record<string, string> = {
  NotFound: "no such file or folder",
  PermissionDenied: "permission denied",
  AlreadyExists: "exists already",
  BadResource: "not a file of the expected kind"
}

const codes: Record<string, string> = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  ENOTDIR: "a part of this path is a file, not a folder",
  EISDIR: "this is a folder, not a file",
  ENOENT: "no such file or folder"
}

/** The code of the system's error behind a cause, such as ENOSPC; undefined where there is none. */
export const codeOf = (cause: unknown): string | undefined => {
  for (let at = cause; typeof at === "object" && at !== null; at = (at as { cause?: unknown }).cause) {
    const { code, reason } = at as { code?: unknown; reason?: unknown }
    if (typeof code === "string") return code
    const nested = (reason as { cause?: { code?: unknown } } | undefined)?.cause?.code
    if (typeof nested === "string") return nested
  }
  return undefined
}

/** An `IoError` for what the file system reported about a path. */
export const ioError =
  (path: string, doing: string) =>
  (cause: unknown): IoError => {
    const reason = (cause as { reason?: { _tag?: string; message?: string } }).reason
    const why = codes[codeOf(cause) ?? ""] ?? words[reason?._tag ?? ""] ?? String((cause as Error).message ?? cause)
    return new IoError({ path, problem: `cannot ${doing}: ${why}`, cause })
  }
