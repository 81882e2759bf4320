/** The SHA-256 of a file, read in pieces: a file of any size takes little memory. */
import type { Digest } from "@igm/tensor"
import { Effect, FileSystem } from "effect"
import { createHash } from "node:crypto"

/** The number of bytes that are read at a time. */
const PIECE = 2 ** 17

/** The text in place of the digest of anything that is not a file. */
export const NONE = "not a file"

/** The digest of a file's bytes; `NONE` for a pipe, a device or a socket. */
export const of = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  // A pipe would be waited for, and a device may have no end.
  const { type } = yield* fs.stat(path)
  if (type !== "File" && type !== "Directory") return NONE
  const file = yield* fs.open(path)
  const hash = createHash("sha256")
  const piece = new Uint8Array(PIECE)
  for (let count = yield* file.read(piece); count > 0; count = yield* file.read(piece)) {
    hash.update(piece.subarray(0, count))
  }
  const digest: Digest.Digest = hash.digest("hex")
  return digest
}, Effect.scoped)
