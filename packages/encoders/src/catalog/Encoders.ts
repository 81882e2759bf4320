/**
 * Adds encoders to a folder. One of the catalogue is built from the weights that its authors publish; any other ONNX file
 * can be taken in as it is. Who has the lock file alone gets the same encoders again, or an error that names both digests.
 */
import { FileDigest, ioError } from "@igm/io"
import { Effect, FileSystem, Path } from "effect"
import * as Architecture from "../graphs/Architecture.ts"
import type { Catalog, Entry } from "./Catalog.ts"
import * as EncoderCheck from "./EncoderCheck.ts"
import { EncoderError } from "../EncoderError.ts"
import * as EncoderFolder from "./EncoderFolder.ts"
import * as EncoderLock from "./EncoderLock.ts"
import * as ExternalData from "./ExternalData.ts"
import * as FeatureCheck from "./FeatureCheck.ts"
import * as Golden from "./Golden.ts"
import * as WeightSource from "./WeightSource.ts"
import * as OpenModel from "./OpenModel.ts"
import * as Prefix from "../graphs/Prefix.ts"
import * as Weights from "../weights/Weights.ts"

/** An encoder that a folder holds now. */
export interface Added {
  readonly name: string
  readonly file: string
  readonly pin: EncoderLock.Pin
  /** True where it was there already, as pinned. */
  readonly reused: boolean
  readonly checks: ReadonlyArray<EncoderCheck.Check>
}

/** Options of adding an encoder. */
export interface Options extends EncoderFolder.Options {
  readonly catalog: Catalog
  /** Pins what is found now in the place of what is pinned. */
  readonly repin?: boolean
}

/** Options of adding an encoder of the catalogue. */
export interface PublishedOptions extends Options, WeightSource.Options {
  /** The name in the folder; by default that of the catalogue. */
  readonly name?: string | undefined
  /** The prefix of its weights' names in their file, where that cannot be told. */
  readonly prefix?: string | undefined
  /** The folder of goldens; by default that of the project. */
  readonly goldens?: string
}

const NAME = /^[A-Za-z0-9][\w.-]*$/

const failed = (name: string, problem: string) => new EncoderError({ path: name, problem })

/** Why an encoder cannot have a name, or undefined. */
const misnomer = (catalog: Catalog, name: string, of?: string): string | undefined =>
  NAME.test(name)
    ? name !== of && Object.hasOwn(catalog, name)
      ? "this is the name of an encoder of the catalogue: choose another one"
      : undefined
    : "this cannot be a name: take letters, digits, dots, dashes and underscores"

/** The pin of a name, unless it is to be pinned anew; an error where that is something else. */
const pinOf = Effect.fnUntraced(function* ({ folder, repin = false }: Options, name: string, of?: string) {
  const pins = yield* EncoderLock.read(folder)
  const pin = !repin && Object.hasOwn(pins, name) ? pins[name] : undefined
  if (pin === undefined || pin.of === of) return pin
  return yield* failed(name, `${pin.of ?? "an ONNX file"} has this name already: choose another with --name`)
})

/** Adds an encoder of the catalogue: gets its weights, builds its ONNX file, tries it, and pins it. */
export const add = Effect.fn("Encoders.add")(function* (of: string, options: PublishedOptions) {
  const { catalog, folder, file, revision, name = of } = options
  const entry = Object.hasOwn(catalog, of) ? catalog[of] : undefined
  if (entry === undefined) {
    const names = Object.keys(catalog).join(", ")
    return yield* failed(of, `this is neither an encoder of the catalogue (${names}) nor the path of an .onnx file`)
  }
  const wrong = misnomer(catalog, name, of)
  if (wrong !== undefined) return yield* failed(name, wrong)
  const work = Effect.fnUntraced(function* (scratch: string) {
    const path = yield* Path.Path
    const pin = yield* pinOf(options, name, of)
    if (pin !== undefined && file === undefined && revision === undefined) {
      const isThere = (yield* EncoderFolder.unlike(folder, name, pin)) === undefined
      const at = path.join(folder, name, EncoderFolder.ONNX)
      // What is here as pinned was tried when it was built.
      if (isThere) return { name, file: at, pin, reused: true, checks: [] } satisfies Added
    }
    const material = yield* WeightSource.get(of, entry, options, pin)
    const goldens = (yield* Golden.read(options.goldens ?? Golden.FOLDER)).filter(({ encoder }) => encoder === of)
    const architecture = yield* EncoderCheck.architecture(entry.architecture, goldens, scratch)
    const onnx = path.join(scratch, EncoderFolder.ONNX)
    const { made, prefix } = yield* Effect.gen(function* () {
      const weights = yield* Weights.open(material.weights)
      const { architecture, prefix } = yield* Prefix.locate(entry.architecture, weights, options.prefix ?? pin?.prefix)
      return { made: yield* Architecture.write(architecture, weights, onnx), prefix }
    }).pipe(Effect.scoped)
    const otherModel = EncoderLock.otherModel(pin, made)
    if (otherModel !== undefined) return yield* failed(name, otherModel)
    const weights = yield* EncoderCheck.weights(onnx, goldens, material.sha256)
    const { features, ...ports } = yield* tried(onnx, name, undefined, entry)
    const now: EncoderLock.Pin = {
      of,
      // The same bytes by another way are no news.
      source: pin?.source ?? material.source,
      weights: material.sha256,
      ...(prefix === undefined ? {} : { prefix }),
      onnx: { sha256: made, bytes: yield* bytesOf(onnx) },
      beside: yield* WeightSource.copy(name, material, scratch, pin),
      ...ports
    }
    const at = yield* EncoderFolder.settle(folder, name, scratch, now)
    return { name, file: at, pin: now, reused: false, checks: [architecture, weights, features] } satisfies Added
  })
  return yield* EncoderFolder.use(options, `igm encoders add ${of}`, work)
})

const bytesOf = (file: string) =>
  FileSystem.FileSystem.use((fs) => fs.stat(file)).pipe(
    Effect.map(({ size }) => Number(size)),
    Effect.mapError(ioError(file, "read this file"))
  )

/** Opens a model, holds it to what it should be, where that is known, and tries its features; errors call it `name`. */
const tried = Effect.fnUntraced(
  function* (file: string, name: string, output: string | undefined, entry?: Pick<Entry, "width" | "sample">) {
    const model = yield* OpenModel.open(file, output)
    if (entry !== undefined && model.width !== entry.width) {
      return yield* failed(name, `its features are ${model.width} wide, and should be ${entry.width}`)
    }
    const features = yield* FeatureCheck.make(file, model, entry?.sample)
    return { inputs: model.inputs, output: model.output, width: model.width, features }
  },
  (effect, _, name) => Effect.mapError(effect, (error) => new EncoderError({ ...error, path: name })),
  Effect.scoped
)

/** Takes in an ONNX file as it is, with the files that hold weights of it, under a name of its own. */
export const addOnnx = Effect.fn("Encoders.addOnnx")(function* (
  source: string,
  name: string,
  options: Options & { readonly output?: string | undefined }
) {
  const { catalog, folder, output } = options
  const wrong = misnomer(catalog, name)
  if (wrong !== undefined) return yield* failed(name, wrong)
  const work = Effect.fnUntraced(function* (scratch: string) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const pin = yield* pinOf(options, name)
    const onnx = path.join(scratch, EncoderFolder.ONNX)
    yield* Effect.mapError(fs.copyFile(source, onnx), ioError(source, "read this file"))
    const sha256 = yield* Effect.mapError(FileDigest.of(onnx), ioError(source, "read this file"))
    const other = EncoderLock.otherModel(pin, sha256)
    if (other !== undefined) return yield* failed(name, other)
    const data = yield* ExternalData.copy(source, onnx, pin)
    const { features, ...ports } = yield* tried(onnx, source, output ?? pin?.output).pipe(
      Effect.mapError((error) => {
        const parts = Object.keys(data).join(", ")
        return parts === "" ? error : failed(error.path, `${error.problem}, with its weights in ${parts}`)
      })
    )
    const now: EncoderLock.Pin = {
      source: { kind: "onnx", name: path.basename(source) },
      onnx: { sha256, bytes: yield* bytesOf(onnx) },
      ...(Object.keys(data).length === 0 ? {} : { data }),
      beside: {},
      ...ports
    }
    const at = yield* EncoderFolder.settle(folder, name, scratch, now)
    return { name, file: at, pin: now, reused: false, checks: [features] } satisfies Added
  })
  return yield* EncoderFolder.use(options, `igm encoders add ${source}`, work)
})
