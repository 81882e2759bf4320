/**
 * A folder of encoders: ONNX files, each in a folder of its name, and the lock file that pins them. An encoder of the
 * catalogue is built from the weights that its authors publish; any other ONNX file can be taken in as it is. Who has the
 * lock file alone gets the same encoders again, or an error that names both digests.
 */
import { FileDigest, Folder, Lock, ioError } from "@igm/io"
import type { Digest } from "@igm/tensor"
import { Effect, Equal, FileSystem, Path } from "effect"
import * as Architecture from "./Architecture.ts"
import type { Catalog, Entry } from "./Catalog.ts"
import * as EncoderCheck from "./EncoderCheck.ts"
import { EncoderError } from "./EncoderError.ts"
import * as EncoderLock from "./EncoderLock.ts"
import * as Golden from "./Golden.ts"
import { Hub } from "./Hub.ts"
import * as OpenModel from "./OpenModel.ts"
import * as OpenWeights from "./OpenWeights.ts"

/** The ONNX file in an encoder's folder. */
export const ONNX = "encoder.onnx"

/** The folder whose lock a writer holds. */
const LOCK = ".lock"

const PARTIAL = ".partial-"

/** An encoder that a folder holds now. */
export interface Added {
  readonly name: string
  readonly file: string
  readonly pin: EncoderLock.Pin
  /** Whether it was there already, as pinned. */
  readonly reused: boolean
  readonly checks: ReadonlyArray<EncoderCheck.Check>
}

/** How an encoder of the catalogue is added. */
export interface Options {
  readonly folder: string
  readonly catalog: Catalog
  /** The name in the folder; by default that of the catalogue. */
  readonly name?: string | undefined
  /** A file of weights on this machine, instead of the published one. */
  readonly file?: string | undefined
  /** A branch, tag or commit of the repository; by default the pinned commit, or else `main`. */
  readonly revision?: string | undefined
  /** Pins what is found now in the place of what is pinned. */
  readonly repin?: boolean
  /** The folder of goldens; by default that of the project. */
  readonly goldens?: string
  /** Told once of the process that has the folder, where one has. */
  readonly onWait: (message: string) => Effect.Effect<void>
}

const NAME = /^[A-Za-z0-9][\w.-]*$/

const failed = (name: string, problem: string) => new EncoderError({ path: name, problem })

/** Holds a folder, and does with it what has to be done; `scratch` is for what is not finished. */
const inFolder = <A, E, R>(
  { folder, onWait }: Pick<Options, "folder" | "onWait">,
  what: string,
  use: (scratch: string) => Effect.Effect<A, E, R>
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
    for (const left of (yield* write(fs.readDirectory(folder))).filter((name) => name.startsWith(PARTIAL))) {
      yield* Effect.ignore(fs.remove(path.join(folder, left), { recursive: true }))
    }
    const scratch = yield* write(fs.makeTempDirectoryScoped({ directory: folder, prefix: PARTIAL }))
    return yield* use(scratch)
  }).pipe(Effect.scoped)

/** The files of an encoder: its ONNX file, and those beside it, with the digests that are pinned. */
const filesOf = ({ onnx, beside }: EncoderLock.Pin): ReadonlyArray<readonly [name: string, sha256: Digest.Digest]> => [
  [ONNX, onnx.sha256],
  ...Object.entries(beside)
]

/** The first file of an encoder that is not as pinned, with what is the matter, or undefined. */
const unlike = Effect.fnUntraced(function* (folder: string, name: string, pin: EncoderLock.Pin) {
  const path = yield* Path.Path
  for (const [file, sha256] of filesOf(pin)) {
    const at = path.join(folder, name, file)
    const found = yield* Effect.option(FileDigest.of(at))
    if (found._tag === "None") return `${at} is not there, or cannot be read`
    if (found.value !== sha256) return `${at} has SHA-256 ${found.value}, but ${sha256} is pinned`
  }
  return undefined
})

/** The weights of an encoder on this machine, with the files beside them. */
const obtain = Effect.fn("Encoders.obtain")(function* (
  name: string,
  entry: Entry,
  { file, revision }: Options,
  pin: EncoderLock.Pin | undefined
) {
  const path = yield* Path.Path
  const { published, weights, beside } = entry
  if (file !== undefined) {
    const source: EncoderLock.Source = { kind: "file", name: path.basename(file) }
    return { source, weights: file, beside: beside.map((one) => path.join(path.dirname(file), one)) }
  }
  if (published.kind === "elsewhere") {
    const get = `get ${weights} from ${published.where} (${entry.licence}), and give it: igm encoders add ${name} --file ${weights}`
    return yield* failed(name, `its authors' weights are not on the hub: ${get}`)
  }
  const { repo } = published
  const hub = yield* Hub
  const pinned = pin?.source.kind === "hub" && pin.source.repo === repo ? pin.source.commit : undefined
  const first = yield* hub.get({ repo, file: weights, revision: revision ?? pinned ?? "main" })
  const others = yield* Effect.forEach(beside, (one) => hub.get({ repo, file: one, revision: first.commit }))
  const source: EncoderLock.Source = { kind: "hub", repo, commit: first.commit }
  return { source, weights: first.path, beside: others.map((one) => one.path) }
})

const digestOf = (file: string) => Effect.mapError(FileDigest.of(file), ioError(file, "read this file"))

/** Puts an encoder's files in their place, the ONNX file last, and pins it. */
const settle = Effect.fn("Encoders.settle")(function* (
  { folder }: Pick<Options, "folder">,
  name: string,
  scratch: string,
  pin: EncoderLock.Pin
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const home = path.join(folder, name)
  const placed = Effect.gen(function* () {
    yield* Folder.make(home)
    for (const [file] of filesOf(pin).toReversed()) {
      yield* fs.rename(path.join(scratch, file), path.join(home, file))
    }
  })
  yield* Effect.mapError(placed, ioError(home, "write into this folder"))
  yield* EncoderLock.pin(folder, name, pin)
  return path.join(home, ONNX)
})

/** Why an encoder cannot have a name, or undefined. */
const misnomer = (catalog: Catalog, name: string, of?: string): string | undefined =>
  NAME.test(name)
    ? name !== of && Object.hasOwn(catalog, name)
      ? "this is the name of an encoder of the catalogue: choose another one"
      : undefined
    : "this cannot be a name: take letters, digits, dots, dashes and underscores"

/** Adds an encoder of the catalogue: gets its weights, builds its ONNX file, tries it, and pins it. */
export const add = Effect.fn("Encoders.add")(function* (of: string, options: Options) {
  const { catalog, folder, file, revision, repin = false, name = of } = options
  const entry = Object.hasOwn(catalog, of) ? catalog[of] : undefined
  if (entry === undefined) {
    const names = Object.keys(catalog).join(", ")
    return yield* failed(of, `this is neither an encoder of the catalogue (${names}) nor the path of an .onnx file`)
  }
  const wrong = misnomer(catalog, name, of)
  if (wrong !== undefined) return yield* failed(name, wrong)
  const work = Effect.fnUntraced(function* (scratch: string) {
    const path = yield* Path.Path
    const old = (yield* EncoderLock.read(folder))[name]
    const pin = repin ? undefined : old
    if (pin !== undefined && pin.of !== of)
      return yield* failed(name, `${pin.of ?? "an ONNX file"} has this name already`)
    // What is here as pinned was tried when it was built.
    if (pin !== undefined && file === undefined && revision === undefined) {
      if ((yield* unlike(folder, name, pin)) === undefined) {
        return { name, file: path.join(folder, name, ONNX), pin, reused: true, checks: [] } satisfies Added
      }
    }
    const found = yield* obtain(of, entry, options, pin)
    const sha256 = yield* digestOf(found.weights)
    const otherWeights = EncoderLock.otherWeights(pin, found.weights, sha256)
    if (otherWeights !== undefined) {
      const isSame = Equal.equals(found.source, pin?.source)
      return yield* failed(name, isSame ? yield* damaged(found.weights, otherWeights) : otherWeights)
    }

    const goldens = (yield* Golden.read(options.goldens ?? Golden.FOLDER)).filter(({ encoder }) => encoder === of)
    const architecture = yield* EncoderCheck.architecture(entry.architecture, goldens, scratch)
    const onnx = path.join(scratch, ONNX)
    const made = yield* OpenWeights.open(found.weights).pipe(
      Effect.flatMap((weights) => Architecture.write(entry.architecture, weights, onnx)),
      Effect.scoped
    )
    const otherModel = EncoderLock.otherModel(pin, made)
    if (otherModel !== undefined) return yield* failed(name, otherModel)
    const weights = yield* EncoderCheck.weights(onnx, goldens, sha256)
    const { features, ...ports } = yield* tried(onnx, undefined, entry)
    const now: EncoderLock.Pin = {
      of,
      // The same bytes by another way are no news.
      source: pin?.source ?? found.source,
      weights: sha256,
      onnx: { sha256: made, bytes: yield* bytesOf(onnx) },
      beside: yield* besides(name, found.beside, scratch, pin),
      ...ports
    }
    const at = yield* settle(options, name, scratch, now)
    return { name, file: at, pin: now, reused: false, checks: [architecture, weights, features] } satisfies Added
  })
  return yield* inFolder(options, `igm encoders add ${of}`, work)
})

/** What to tell of a file that is, at the pinned commit, not what was pinned. */
const damaged = Effect.fnUntraced(function* (file: string, difference: string) {
  const at = yield* FileSystem.FileSystem.use((fs) => fs.realPath(file)).pipe(Effect.orElseSucceed(() => file))
  return `${difference.split(": other weights")[0]} for this very commit: the copy is damaged; delete ${at} and run this again`
})

const bytesOf = (file: string) =>
  FileSystem.FileSystem.use((fs) => fs.stat(file)).pipe(
    Effect.map(({ size }) => Number(size)),
    Effect.mapError(ioError(file, "read this file"))
  )

/** Copies the files that belong to an encoder, and gives their digests. */
const besides = Effect.fnUntraced(function* (
  name: string,
  files: ReadonlyArray<string>,
  scratch: string,
  pin: EncoderLock.Pin | undefined
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const digests: Record<string, Digest.Digest> = {}
  for (const file of files) {
    const base = path.basename(file)
    const copy = path.join(scratch, base)
    yield* Effect.mapError(fs.copyFile(file, copy), ioError(file, `read this file, which belongs to ${name}`))
    const digest = yield* digestOf(copy)
    const pinned = pin?.beside[base]
    if (pinned !== undefined && pinned !== digest) {
      return yield* failed(name, `${file} has SHA-256 ${digest}, but ${pinned} is pinned; --repin takes it over`)
    }
    digests[base] = digest
  }
  return digests
})

/** Opens a model, holds it to what it should be, where that is known, and tries its features. */
const tried = Effect.fnUntraced(function* (
  file: string,
  output: string | undefined,
  entry: Pick<Entry, "width" | "sample"> | undefined
) {
  const model = yield* OpenModel.open(file, output)
  if (entry !== undefined && model.width !== entry.width) {
    return yield* failed(file, `its features are ${model.width} wide, and should be ${entry.width}`)
  }
  const features = yield* EncoderCheck.features(file, model, entry?.sample)
  return { inputs: model.inputs, output: model.output, width: model.width, features }
}, Effect.scoped)

/** Takes in an ONNX file as it is, under a name of its own. */
export const addOnnx = Effect.fn("Encoders.addOnnx")(function* (
  source: string,
  name: string,
  options: Pick<Options, "folder" | "catalog" | "repin" | "onWait"> & { readonly output?: string | undefined }
) {
  const { catalog, folder, output, repin = false } = options
  const wrong = misnomer(catalog, name)
  if (wrong !== undefined) return yield* failed(name, wrong)
  const work = Effect.fnUntraced(function* (scratch: string) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const pin = repin ? undefined : (yield* EncoderLock.read(folder))[name]
    const onnx = path.join(scratch, ONNX)
    yield* Effect.mapError(fs.copyFile(source, onnx), ioError(source, "read this file"))
    const sha256 = yield* digestOf(onnx)
    const other = EncoderLock.otherModel(pin, sha256)
    if (other !== undefined) return yield* failed(name, other)
    const { features, ...ports } = yield* tried(onnx, output, undefined).pipe(
      Effect.mapError((error) => new EncoderError({ ...error, path: source }))
    )
    const now: EncoderLock.Pin = {
      source: { kind: "onnx", name: path.basename(source) },
      onnx: { sha256, bytes: yield* bytesOf(onnx) },
      beside: {},
      ...ports
    }
    const at = yield* settle(options, name, scratch, now)
    return { name, file: at, pin: now, reused: false, checks: [features] } satisfies Added
  })
  return yield* inFolder(options, `igm encoders add ${source}`, work)
})

/** An encoder that is pinned in a folder: its files, and whether they are there. */
export interface Listed {
  readonly name: string
  readonly file: string
  readonly pin: EncoderLock.Pin
  readonly present: boolean
}

/** The encoders that are pinned in a folder. */
export const list = Effect.fn("Encoders.list")(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const pins = yield* EncoderLock.read(folder)
  return yield* Effect.forEach(Object.entries(pins), ([name, pin]) => {
    const file = path.join(folder, name, ONNX)
    return fs.exists(file).pipe(
      Effect.orElseSucceed(() => false),
      Effect.map((present): Listed => ({ name, file, pin, present }))
    )
  })
})

/** Holds the files of a folder to their digests: what is the matter with each encoder, or undefined. */
export const check = Effect.fn("Encoders.check")(function* (folder: string) {
  const pins = yield* EncoderLock.read(folder)
  return yield* Effect.forEach(Object.entries(pins), ([name, pin]) =>
    Effect.map(unlike(folder, name, pin), (problem) => ({ name, pin, problem }))
  )
})
