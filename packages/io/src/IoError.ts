/** The error of this package: a file or folder that could not be read, written or trusted. */
import { Schema } from "effect"
import { getSystemErrorMap } from "node:util"

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

/** Explanations of system error codes, with advice. */
const sentences: { readonly [code: string]: string } = {
  ENOENT: "no such file or folder",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EEXIST: "exists already",
  ENOTDIR: "a part of this path is a file, not a folder",
  EISDIR: "this is a folder, not a file",
  ENOTEMPTY: "this folder is not empty",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EFBIG: "files may not become so large here (EFBIG): see `ulimit -f`, or take another disk",
  EMFILE: "this process may not open more files (EMFILE): raise the limit, as by `ulimit -n 4096`, and start it again",
  ENFILE: "the system has too many files open (ENFILE): end other programs, or have its limit raised",
  EIO: "the disk could not read or write it (EIO): it may be failing",
  EBUSY: "another program uses it (EBUSY)",
  ETXTBSY: "a program is being run from this file (ETXTBSY): wait for it, or stop it",
  ENAMETOOLONG: "this name is too long for the file system (ENAMETOOLONG): take a shorter one",
  ELOOP: "its symbolic links lead round in a circle (ELOOP)",
  EXDEV: "this cannot be moved from one disk to another (EXDEV): keep both places on one disk",
  ENOMEM: "the system has no memory left (ENOMEM): end other programs, or use fewer threads",
  EAGAIN:
    "the system can give no more processes, threads or locks now (EAGAIN): end other programs, or raise the limits",
  ESTALE: "the file server no longer knows it (ESTALE): mount it anew"
}

/** The system's own words for a code that has no sentence here. */
const described = (code: string): string | undefined => {
  const [, found] = [...getSystemErrorMap().values()].find(([name]) => name === code) ?? []
  return found === undefined ? undefined : `${found} (${code})`
}

/**
 * Finds the system error code of a cause, such as ENOSPC: as a property, or in the message of an error from another
 * thread; undefined if there is none.
 */
export const codeOf = (cause: unknown): string | undefined => {
  const known = (code: unknown): code is string => typeof code === "string" && described(code) !== undefined
  const named = (text: unknown): string | undefined => {
    const code = typeof text === "string" ? /(?:^|[\s(])(E[A-Z]{2,})(?=[:,)]|$)/m.exec(text)?.[1] : undefined
    return code !== undefined && code in sentences ? code : undefined
  }
  for (let at = cause; at !== undefined && at !== null; at = (at as { cause?: unknown }).cause) {
    const { code, message, reason } = at as { code?: unknown; message?: unknown; reason?: unknown }
    const found = known(code) ? code : (codeOf((reason as { cause?: unknown } | undefined)?.cause) ?? named(message))
    if (found !== undefined) return found
    if (typeof at === "string") return named(at)
  }
  return undefined
}

/** Explains the system error code that an error or its causes contain; undefined for other errors. */
export const systemSaid = (cause: unknown): string | undefined => {
  const code = codeOf(cause)
  return code === undefined ? undefined : (sentences[code] ?? described(code))
}

/** Converts an error of the file system about a path to an `IoError`. */
export const ioError =
  (path: string, doing: string) =>
  (cause: unknown): IoError => {
    const { reason, message } = cause as { reason?: { _tag?: string }; message?: string }
    const why = systemSaid(cause) ?? words[reason?._tag ?? ""] ?? String(message ?? cause)
    return new IoError({ path, problem: `cannot ${doing}: ${why}`, cause })
  }

/** Explanations of the file system's errors without a code. */
const words: { readonly [tag: string]: string } = {
  NotFound: "no such file or folder",
  PermissionDenied: "permission denied",
  AlreadyExists: "exists already",
  BadResource: "not a file of the expected kind"
}
