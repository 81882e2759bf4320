/**
 * How an experiment names the encoders that `igm encoders add` has put into a folder. A program is a plain function that
 * says what is to be run, so the lock file is read where the encoder is named, and what is missing is thrown; the ONNX file
 * itself is read, and held to its digest, when the encoder is opened.
 */
import type { Digest } from "@igm/tensor"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Catalog from "./Catalog.ts"
import { EncoderError } from "./EncoderError.ts"
import * as EncoderLock from "./EncoderLock.ts"
import { ONNX } from "./EncoderFolder.ts"

/** The description of an encoder of a folder, with features `Width` wide. */
export interface Named<Width extends number = number> {
  readonly name: string
  readonly file: string
  readonly digest: Digest.Digest
  readonly data?: { readonly [path: string]: Digest.Digest }
  readonly inputs: { readonly [name: string]: EncoderLock.Port }
  readonly output: string
  readonly width: Width
}

/** Where the encoders are; `new URL("encoders", import.meta.url)` is a folder beside the program. */
export type Folder = string | URL

/** The folder that `igm encoders` uses unless it is told another, in the working directory. */
export const FOLDER = "encoders"

const pathOf = (folder: Folder): string => (typeof folder === "string" ? folder : fileURLToPath(folder))

/** What is pinned of an encoder. Throws an `EncoderError` that says how to add it. */
const pinOf = (folder: string, name: string, add: string): EncoderLock.Pin => {
  const path = join(folder, EncoderLock.FILE)
  const command = `igm encoders add ${add}${folder === FOLDER ? "" : ` --to ${folder}`}`
  let text: string
  try {
    text = readFileSync(path, "utf8")
  } catch (cause) {
    throw new EncoderError({ path, problem: `there is no lock file with the encoder ${name}: ${command}`, cause })
  }
  const pins = Effect.runSync(Effect.result(EncoderLock.parse(text)))
  if (pins._tag === "Failure") throw new EncoderError({ path, problem: pins.failure })
  const pin = Object.hasOwn(pins.success, name) ? pins.success[name] : undefined
  if (pin === undefined) throw new EncoderError({ path, problem: `it pins no encoder ${name}: ${command}` })
  return pin
}

const described = <Width extends number>(folder: string, name: string, pin: EncoderLock.Pin, width: Width) => {
  const file = join(folder, name, ONNX)
  if (pin.width !== width) {
    throw new EncoderError({ path: file, problem: `the features of ${name} are ${pin.width} wide, not ${width}` })
  }
  const { inputs, output, onnx, data } = pin
  const named: Named<Width> = { name, file, digest: onnx.sha256, inputs, output, width }
  if (data === undefined) return named
  const digests = Object.fromEntries(Object.entries(data).map(([part, { sha256 }]) => [part, sha256]))
  const whole: Named<Width> = { ...named, data: digests }
  return whole
}

/** An encoder of the catalogue. Throws an `EncoderError` where it has not been added. */
export const encoder = <const Name extends Catalog.Name>(
  name: Name,
  options: { readonly folder?: Folder } = {}
): Named<Catalog.Width<Name>> => {
  const folder = pathOf(options.folder ?? FOLDER)
  return described(folder, name, pinOf(folder, name, name), Catalog.catalog[name].width as Catalog.Width<Name>)
}

/** Any encoder, by the name that it was added under and its width. Throws an `EncoderError` where it is not so. */
export const other = <const Width extends number>(
  name: string,
  width: Width,
  options: { readonly folder?: Folder } = {}
): Named<Width> => {
  const folder = pathOf(options.folder ?? FOLDER)
  return described(folder, name, pinOf(folder, name, `FILE.onnx --name ${name}`), width)
}

/** The path of a file that belongs to an encoder, such as a tokenizer's. Throws an `EncoderError` where it has none. */
export const beside = (
  name: string,
  file: string,
  options: { readonly folder?: Folder } = {}
): { readonly file: string; readonly digest: Digest.Digest } => {
  const folder = pathOf(options.folder ?? FOLDER)
  const digest = pinOf(folder, name, name).beside[file]
  const path = join(folder, name, file)
  if (digest === undefined) throw new EncoderError({ path, problem: `no file of this name is pinned with ${name}` })
  return { file: path, digest }
}
