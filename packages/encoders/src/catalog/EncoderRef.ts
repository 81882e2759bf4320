/**
 * References to the encoders that `igm encoders add` has put into a folder, by name. The lock file alone is read where an
 * encoder is named; the ONNX file itself is read, and held to its digest, when the encoder is opened.
 */
import type { Digest } from "@igm/tensor"
import { Effect, FileSystem, Result } from "effect"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { EncoderError } from "../EncoderError.ts"
import * as Catalog from "./Catalog.ts"
import { ONNX } from "./EncoderFolder.ts"
import * as EncoderLock from "./EncoderLock.ts"

/** The description of an encoder of a folder, with features `Width` wide. */
export interface EncoderRef<Width extends number = number> {
  readonly name: string
  readonly file: string
  readonly digest: Digest.Digest
  readonly data?: { readonly [path: string]: Digest.Digest }
  readonly inputs: { readonly [name: string]: EncoderLock.Port }
  readonly output: string
  readonly width: Width
}

/** A file that belongs to an encoder, and its SHA-256. */
export interface Beside {
  readonly file: string
  readonly digest: Digest.Digest
}

/** The folder of encoders; `new URL("encoders", import.meta.url)` is one beside the program. */
export type Folder = string | URL

/** The folder that `igm encoders` uses unless it is told another, in the working directory. */
export const FOLDER = "encoders"

/** Names the folder of an encoder. */
export interface Options {
  readonly folder?: Folder
}

type Found<A> = Result.Result<A, EncoderError>

const failed = (path: string, problem: string, cause?: unknown): Found<never> =>
  Result.fail(new EncoderError({ path, problem, ...(cause === undefined ? {} : { cause }) }))

/** Something that is looked up in the lock file of a folder. */
interface Lookup<A> {
  readonly path: string
  /** The command that adds the encoder. */
  readonly command: string
  readonly name: string
  readonly of: (pin: EncoderLock.Pin) => Found<A>
}

const lookup = <A>(
  { folder = FOLDER }: Options,
  name: string,
  add: string,
  of: (pin: EncoderLock.Pin, folder: string) => Found<A>
): Lookup<A> => {
  const at = typeof folder === "string" ? folder : fileURLToPath(folder)
  const command = `igm encoders add ${add}${at === FOLDER ? "" : ` --to ${at}`}`
  return { path: join(at, EncoderLock.FILE), command, name, of: (pin) => of(pin, at) }
}

/** Finds a lookup's result in the text of its lock file. */
const foundIn = <A>({ path, command, name, of }: Lookup<A>, text: string): Found<A> => {
  const pins = EncoderLock.parse(text)
  if (Result.isFailure(pins)) return failed(path, pins.failure)
  const pin = Object.hasOwn(pins.success, name) ? pins.success[name] : undefined
  return pin === undefined ? failed(path, `it pins no encoder ${name}: ${command}`) : of(pin)
}

const unlocked = ({ path, name, command }: Lookup<unknown>, cause: unknown) =>
  failed(path, `there is no lock file with the encoder ${name}: ${command}`, cause)

const read = Effect.fn("EncoderRef.read")(function* <A>(wanted: Lookup<A>) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* Effect.result(fs.readFileString(wanted.path))
  return yield* Effect.fromResult(
    Result.isFailure(text) ? unlocked(wanted, text.failure) : foundIn(wanted, text.success)
  )
})

const described =
  <Width extends number>(name: string, width: Width) =>
  ({ width: found, inputs, output, onnx, data }: EncoderLock.Pin, folder: string): Found<EncoderRef<Width>> => {
    const file = join(folder, name, ONNX)
    if (found !== width) return failed(file, `the features of ${name} are ${found} wide, not ${width}`)
    const digests = Object.entries(data ?? {}).map(([part, { sha256 }]) => [part, sha256])
    return Result.succeed({
      name,
      file,
      digest: onnx.sha256,
      ...(data === undefined ? {} : { data: Object.fromEntries(digests) as NonNullable<EncoderRef["data"]> }),
      inputs,
      output,
      width
    })
  }

const ofCatalog = <Name extends Catalog.Name>(name: Name, options: Options) =>
  lookup(options, name, name, (pin, folder) =>
    described(name, Catalog.catalog[name].width as Catalog.Width<Name>)(pin, folder)
  )

const ofAny = <Width extends number>(name: string, width: Width, options: Options) =>
  lookup(options, name, `FILE.onnx --name ${name}`, described(name, width))

const ofFile = (name: string, file: string, options: Options) =>
  lookup<Beside>(options, name, name, ({ beside }, folder) => {
    const path = join(folder, name, file)
    const digest = Object.hasOwn(beside, file) ? beside[file] : undefined
    return digest === undefined
      ? failed(path, `no file of this name is pinned with ${name}`)
      : Result.succeed({ file: path, digest })
  })

/** Gets an encoder of the catalogue; fails where it has not been added. */
export const get = <const Name extends Catalog.Name>(name: Name, options: Options = {}) =>
  read(ofCatalog(name, options))

/** Gets any encoder, by the name that it was added under and its width; fails where it is not so. */
export const getOther = <const Width extends number>(name: string, width: Width, options: Options = {}) =>
  read(ofAny(name, width, options))

/** Gets a file that belongs to an encoder, such as a tokenizer's; fails where it has none. */
export const getBeside = (name: string, file: string, options: Options = {}) => read(ofFile(name, file, options))
