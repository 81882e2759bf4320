/**
 * A folder of encoders as it lies on the disk: for each encoder a folder of its name with `encoder.onnx` and the files that
 * belong to it, and the lock file that pins them. One writer has the folder at a time.
 */
import { AtomicFile, FileDigest, Folder, Lock, ioError } from "@igm/io"
import type { Digest } from "@igm/tensor"
import { Effect, FileSystem, Path } from "effect"
import { posix } from "node:path"
import * as EncoderLock from "./EncoderLock.ts"

/** The ONNX file in an encoder's folder. */
export const ONNX = "encoder.onnx"

/** The folder whose lock a writer holds. */
const LOCK = ".lock"

/** A folder, and who is told once of the process that has it, where one has. */
export interface Options {
  readonly folder: string
  readonly onWait: (message: string) => Effect.Effect<void>
}

/** Holds a folder for work in it; `scratch`, on the same disk, is for what is not finished. */
export const use = <A, E, R>(
  { folder, onWait }: Options,
  what: string,
  work: (scratch: string) => Effect.Effect<A, E, R>
) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    yield* Lock.wait(path.join(folder, LOCK), what, ({ message }) => onWait(message))
    const write = Effect.mapError(ioError(folder, "write into this folder"))
    const ignored = path.join(folder, ".gitignore")
    if (!(yield* write(fs.exists(ignored)))) {
      yield* write(fs.writeFileString(ignored, `*\n!.gitignore\n!${EncoderLock.FILE}\n`))
    }
    // Nobody else is at work here: what is unfinished, a killed process has left.
    for (const left of (yield* write(fs.readDirectory(folder))).filter((name) => name.startsWith(AtomicFile.PARTIAL))) {
      yield* Effect.ignore(fs.remove(path.join(folder, left), { recursive: true }))
    }
    const scratch = yield* write(fs.makeTempDirectoryScoped({ directory: folder, prefix: AtomicFile.PARTIAL }))
    return yield* work(scratch)
  }).pipe(Effect.scoped)

/** The files of an encoder: its ONNX file, those that hold weights of it, and others, with the digests that are pinned. */
const filesOf = ({ onnx, data = {}, beside }: EncoderLock.Pin): ReadonlyMap<string, Digest.Digest> =>
  new Map([
    [ONNX, onnx.sha256],
    ...Object.entries(data).map(([part, { sha256 }]) => [posix.normalize(part), sha256] as const),
    ...Object.entries(beside)
  ])

/** The first file of an encoder that is not as pinned, with what is the matter, or undefined. */
export const unlike = Effect.fnUntraced(function* (folder: string, name: string, pin: EncoderLock.Pin) {
  const path = yield* Path.Path
  for (const [file, sha256] of filesOf(pin)) {
    const at = path.join(folder, name, file)
    const found = yield* Effect.option(FileDigest.of(at))
    if (found._tag === "None") return `${at} is not there, or cannot be read`
    if (found.value !== sha256) return `${at} has SHA-256 ${found.value}, but ${sha256} is pinned`
  }
  return undefined
})

/** Puts an encoder's files in their place, the ONNX file last, and pins it. */
export const settle = Effect.fn("EncoderFolder.settle")(function* (
  folder: string,
  name: string,
  scratch: string,
  pin: EncoderLock.Pin
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const home = path.join(folder, name)
  const placed = Effect.gen(function* () {
    for (const file of [...filesOf(pin).keys()].toReversed()) {
      yield* Folder.make(path.dirname(path.join(home, file)))
      yield* fs.rename(path.join(scratch, file), path.join(home, file))
    }
  })
  yield* Effect.mapError(placed, ioError(home, "write into this folder"))
  yield* EncoderLock.pin(folder, name, pin)
  return path.join(home, ONNX)
})

/** An encoder that is pinned in a folder: its files, and whether they are there. */
export interface Listed {
  readonly name: string
  readonly file: string
  readonly pin: EncoderLock.Pin
  readonly present: boolean
}

/** The encoders that are pinned in a folder. */
export const list = Effect.fn("EncoderFolder.list")(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const pins = yield* EncoderLock.read(folder)
  const exists = (file: string) => Effect.orElseSucceed(fs.exists(file), () => false)
  return yield* Effect.forEach(Object.entries(pins), ([name, pin]) =>
    Effect.forEach(filesOf(pin).keys(), (file) => exists(path.join(folder, name, file))).pipe(
      Effect.map((found): Listed => {
        const present = found.every((is) => is)
        return { name, file: path.join(folder, name, ONNX), pin, present }
      })
    )
  )
})

/** Holds the files of a folder to their digests: what is the matter with each encoder, or undefined. */
export const check = Effect.fn("EncoderFolder.check")(function* (folder: string) {
  const pins = yield* EncoderLock.read(folder)
  return yield* Effect.forEach(Object.entries(pins), ([name, pin]) =>
    Effect.map(unlike(folder, name, pin), (problem) => ({ name, pin, problem }))
  )
})
