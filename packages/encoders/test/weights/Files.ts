/** Weight files of tests: the committed ones, and bytes that are written to a temporary folder. */
import { Effect, FileSystem, Path } from "effect"
import { fileURLToPath } from "node:url"
import * as Weights from "../../src/weights/Weights.ts"

/** The path of a file that torch or safetensors wrote (`tools/reference/weight_files.py`). */
export const golden = (name: string): string => fileURLToPath(new URL(`../golden/weights/${name}`, import.meta.url))

/** A file with these bytes, which goes with the scope. */
export const written = Effect.fnUntraced(function* (bytes: Uint8Array) {
  const fs = yield* FileSystem.FileSystem
  const file = (yield* Path.Path).join(yield* fs.makeTempDirectoryScoped(), "weights")
  yield* fs.writeFile(file, bytes)
  return file
})

/** All tensors of a file, as arrays of numbers by name, with their shapes. */
export const readAll = Effect.fnUntraced(function* (path: string) {
  const weights = yield* Weights.open(path)
  const tensors = yield* Effect.forEach([...weights.entries.keys()], (name) =>
    weights.read(name).pipe(Effect.map(({ shape, data }) => [name, { shape, data: Array.from(data) }] as const))
  )
  return new Map(tensors)
}, Effect.scoped)

/** The message of the error that a file gives when it is opened, or one of its tensors read. */
export const problem = (bytes: Uint8Array) =>
  written(bytes).pipe(
    Effect.flatMap((path) => Effect.flip(readAll(path))),
    Effect.map(({ problem }) => problem),
    Effect.scoped
  )
