/**
 * Weights of an ONNX file that lie in files of their own, beside it or in folders there, as exporters put those of large
 * models. The model names them by their paths, and is not whole without them.
 */
import { FileDigest, Folder, ioError } from "@igm/io"
import { ModelFile } from "@igm/onnx"
import { Effect, FileSystem, Path } from "effect"
import { sep } from "node:path"
import { EncoderError } from "../EncoderError.ts"
import * as EncoderLock from "./EncoderLock.ts"

/** True if a file, wherever links to it lead, lies in one of the folders. */
const liesIn = (folders: ReadonlyArray<string>, file: string): boolean =>
  folders.some((folder) => file.startsWith(folder.endsWith(sep) ? folder : folder + sep))

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
  // In a cache of the hub both are links to files that lie beside each other.
  const homes = yield* Effect.mapError(
    Effect.all([fs.realPath(path.dirname(source)), Effect.map(fs.realPath(source), path.dirname)]),
    ioError(source, "read this file")
  )
  const data = new Map<string, EncoderLock.Pinned>()
  for (const part of external) {
    const from = path.join(path.dirname(source), part)
    const to = path.join(path.dirname(onnx), part)
    if (to === onnx)
      return yield* failed(`its weights lie in ${part}, which is the name that the model gets: rename both`)
    const real = yield* Effect.option(fs.realPath(from))
    if (real._tag === "None") return yield* failed(`its weights lie in ${from}, which is missing`)
    const info = yield* Effect.option(fs.stat(real.value))
    if (info._tag === "None" || info.value.type !== "File") {
      return yield* failed(`its weights lie in ${from}, which is not a file`)
    }
    if (!liesIn(homes, real.value)) {
      return yield* failed(
        `its weights lie in ${part}, which is a link to ${real.value}, not in the folder of the model`
      )
    }
    yield* Effect.mapError(Folder.make(path.dirname(to)), ioError(to, "write this file"))
    yield* Effect.mapError(fs.copyFile(from, to), ioError(from, "copy this file"))
    const read = Effect.mapError(ioError(to, "read this file"))
    const sha256 = yield* read(FileDigest.of(to))
    const other = EncoderLock.otherData(pin, from, part, sha256)
    if (other !== undefined) return yield* failed(other)
    data.set(part, { sha256, bytes: Number((yield* read(fs.stat(to))).size) })
  }
  return Object.fromEntries(data)
})
