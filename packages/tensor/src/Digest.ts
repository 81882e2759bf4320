/**
 * SHA-256 digests of values: of bytes, of canonical JSON, and of tensors. Two values with the same digest are the same
 * value, on every machine; keys of cached artifacts and the digests that a run prints are made here.
 */
import { sha256 } from "@noble/hashes/sha2.js"
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js"
import { type Tensor, bytes } from "./Tensor.ts"

/** A lower-case hexadecimal SHA-256. */
export type Digest = string

/** The values of canonical JSON. */
export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json | undefined }

/** The digest of bytes. */
export const ofBytes = (data: Uint8Array): Digest => bytesToHex(sha256(data))

/**
 * JSON with sorted keys, no blanks, and no `undefined` members. Throws a `TypeError` on NaN and infinities, which JSON
 * would turn into `null`.
 */
export const canonicalJson = (value: Json): string => {
  if (typeof value === "number" && !Number.isFinite(value)) throw new TypeError(`${value} is not JSON`)
  if (value === null || typeof value !== "object") return JSON.stringify(value)
  if (isList(value)) return `[${value.map(canonicalJson).join(",")}]`
  const members = Object.entries(value)
    .filter((entry): entry is [string, Json] => entry[1] !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`).join(",")}}`
}

const isList = (value: Json): value is ReadonlyArray<Json> => Array.isArray(value)

/** The digest of a value's canonical JSON. */
export const ofJson = (value: Json): Digest => ofBytes(utf8ToBytes(canonicalJson(value)))

/** The digest of a tensor: dtype, shape and little-endian bytes. */
export const ofTensor = (tensor: Tensor): Digest => {
  const hash = sha256.create()
  hash.update(utf8ToBytes(canonicalJson([tensor.dtype, tensor.shape])))
  hash.update(bytes(tensor))
  return bytesToHex(hash.digest())
}

/** The digest of named tensors, independent of the order of the names. */
export const ofTensors = (tensors: { readonly [name: string]: Tensor }): Digest =>
  ofJson(Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, ofTensor(tensor)])))

/** The first twelve characters, for display. */
export const short = (digest: Digest): string => digest.slice(0, 12)
