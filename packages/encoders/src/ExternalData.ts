/**
 * Weights of an ONNX file that lie in files of their own, beside it or in folders there, as exporters put those of large
 * models. The model names them by their paths, and is not whole without them.
 */
import { FileDigest, Folder, ioError } from "@igm/io"
import { ModelFile } from "@igm/onnx"
import { Effect, FileSystem, Path } from "effect"
import { posix } from "node:path"
import { EncoderError } from "./EncoderError.ts"
import * as EncoderLock from "./EncoderLock.ts"

/** Whether a path leads out of the folder that it begins in. */
const leaves = (part: string): boolean =>
  posix.isAbsolute(part) || part.includes("\\") || /^[A-Za-z]:/.test(part) || posix.normalize(part).startsWith("..")

/** Copies the files that hold weights of an ONNX file `source` into the folder of its copy `onnx`; what to pin of them. */
export const copy = Effect.fn("ExternalData.copy")(function* (
  source: string,
  onnx: string,
  pin: EncoderLock.Pin | undefined
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const failed = (problem: string) => new EncoderError({ path: source, problem })
  const { external } = yield* Effect.mapError(ModelFile.read(onnx), ({ problem }) => failed(problem))
  const data: Record<string, EncoderLock.Pinned> = {}
  for (const part of external) {
    const from = path.join(path.dirname(source), part)
    const to = path.join(path.dirname(onnx), part)
    if (leaves(part)) return yield* failed(`its weights lie in ${part}, which is not in the folder of the model`)
    if (to === onnx)
      return yield* failed(`its weights lie in ${part}, which is the name that the model gets: rename both`)
    if (!(yield* Effect.orElseSucceed(fs.exists(from), () => false))) {
      return yield* failed(`its weights lie in ${from}, which is missing`)
    }
    yield* Effect.mapError(Folder.make(path.dirname(to)), ioError(to, "write this file"))
    yield* Effect.mapError(fs.copyFile(from, to), ioError(from, "copy this file"))
    const read = Effect.mapError(ioError(to, "read this file"))
    const sha256 = yield* read(FileDigest.of(to))
    const other = EncoderLock.otherData(pin, from, part, sha256)
    if (other !== undefined) return yield* failed(other)
    data[part] = { sha256, bytes: Number((yield* read(fs.stat(to))).size) }
  }
  return data
})
