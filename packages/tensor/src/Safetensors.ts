/**
 * The safetensors format: eight bytes with the length of a JSON header, the header, and the tensors' bytes. The same
 * tensors and metadata always give the same bytes: names are sorted, and the header is padded to eight bytes.
 */
import { type DType, type Tensor, bytes, bytesPerElement, fromBytes, sizeOf } from "./Tensor.ts"

/** The contents of a safetensors file. */
export interface Contents {
  readonly tensors: { readonly [name: string]: Tensor }
  readonly metadata: { readonly [key: string]: string }
}

/** The bytes are not a valid safetensors file. */
export class MalformedSafetensors extends Error {
  override readonly name = "MalformedSafetensors"
}

const codes = { float32: "F32", float64: "F64", int32: "I32", int64: "I64", uint8: "U8" } as const satisfies Record<
  DType,
  string
>

const dtypes = new Map<unknown, DType>(Object.entries(codes).map(([dtype, code]) => [code, dtype as DType]))

/** Encodes a safetensors file in parts: the length and header, then the bytes of each tensor, without copying. */
export const parts = (
  tensors: Contents["tensors"],
  metadata: Contents["metadata"] = {}
): readonly [head: Uint8Array, ...ReadonlyArray<Uint8Array>] => {
  // Wide elements first, so that every tensor is aligned to its own element size.
  const entries = Object.entries(tensors).toSorted(
    ([a, x], [b, y]) => bytesPerElement(y.dtype) - bytesPerElement(x.dtype) || (a < b ? -1 : 1)
  )
  const keys = Object.keys(metadata).toSorted()
  const sorted = Object.fromEntries(keys.map((key) => [key, metadata[key]]))
  // Pairs, and not an object that is assigned to: a tensor may be called "__proto__".
  const header: Array<readonly [string, unknown]> = keys.length > 0 ? [["__metadata__", sorted]] : []
  let offset = 0
  for (const [name, tensor] of entries) {
    const end = offset + tensor.data.byteLength
    header.push([name, { dtype: codes[tensor.dtype], shape: tensor.shape, data_offsets: [offset, end] }])
    offset = end
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)))
  const padded = Math.ceil(json.length / 8) * 8
  const head = new Uint8Array(8 + padded).fill(0x20, 8)
  new DataView(head.buffer).setBigUint64(0, BigInt(padded), true)
  head.set(json, 8)
  return [head, ...entries.map(([, tensor]) => bytes(tensor))]
}

/** Encodes a safetensors file. */
export const encode = (tensors: Contents["tensors"], metadata: Contents["metadata"] = {}): Uint8Array => {
  const all = parts(tensors, metadata)
  const out = new Uint8Array(all.reduce((sum, part) => sum + part.length, 0))
  let position = 0
  for (const part of all) {
    out.set(part, position)
    position += part.length
  }
  return out
}

/** A tensor's entry in the header: its dtype and shape, and its range of bytes after the header, `start` to `end`. */
export interface Located {
  readonly dtype: string
  readonly shape: ReadonlyArray<number>
  readonly start: number
  readonly end: number
}

/** A parsed header. */
export interface Header {
  readonly tensors: ReadonlyMap<string, Located>
  readonly metadata: Contents["metadata"]
}

/** The number of bytes of an element, by the format's name of its dtype. */
const sizes: ReadonlyMap<unknown, number> = new Map([
  ...["BOOL", "U8", "I8"].map((code) => [code, 1] as const),
  ...["U16", "I16", "F16", "BF16"].map((code) => [code, 2] as const),
  ...["U32", "I32", "F32"].map((code) => [code, 4] as const),
  ...["U64", "I64", "F64"].map((code) => [code, 8] as const)
])

/** The longest header that the format allows, in bytes. */
const MAX_HEADER = 100_000_000

interface Entry {
  readonly dtype: unknown
  readonly shape: ReadonlyArray<number>
  readonly data_offsets: readonly [number, number]
}

const isNatural = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const isEntry = (value: unknown): value is Entry => {
  const { shape, data_offsets: offsets } = (value ?? {}) as Partial<Entry>
  return (
    Array.isArray(shape) &&
    shape.every(isNatural) &&
    Array.isArray(offsets) &&
    offsets.length === 2 &&
    offsets.every(isNatural)
  )
}

const isMetadata = (value: unknown): value is Contents["metadata"] =>
  typeof value === "object" && value !== null && Object.values(value).every((text) => typeof text === "string")

const fail = (reason: string): never => {
  throw new MalformedSafetensors(reason)
}

/**
 * Reads the length of the header from the first eight bytes of a file of `size` bytes. Throws `MalformedSafetensors` if
 * the file is too short for it.
 */
export const headerLength = (first: Uint8Array, size: number): number => {
  if (first.byteLength < 8) fail(`${first.byteLength} bytes are too few for a header`)
  const length = Number(new DataView(first.buffer, first.byteOffset).getBigUint64(0, true))
  if (8 + length > size) fail(`the header needs ${length} bytes, the file ends after ${size}`)
  if (length > MAX_HEADER) fail(`the header has ${length} bytes, more than the ${MAX_HEADER} that the format allows`)
  return length
}

/**
 * Parses the JSON of a header that is followed by `body` bytes, which its tensors must fill without holes and overlaps.
 * Throws `MalformedSafetensors`, which names the tensor.
 */
export const header = (json: Uint8Array, body: number): Header => {
  let parsed: unknown
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(json))
  } catch (cause) {
    throw new MalformedSafetensors("the header is not JSON", { cause })
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return fail("the header is not an object")
  const { __metadata__: metadata = {}, ...entries } = parsed as Record<string, unknown>
  if (!isMetadata(metadata)) return fail("the header's metadata are not texts by name")
  const tensors = new Map<string, Located>()
  for (const [name, entry] of Object.entries(entries)) {
    if (!isEntry(entry)) return fail(`${name}: no shape or no data_offsets`)
    const size = sizes.get(entry.dtype) ?? fail(`${name}: dtype ${String(entry.dtype)} is not supported`)
    const [start, end] = entry.data_offsets
    if (end > body) fail(`${name}: ends at byte ${end} of ${body}`)
    if (end - start !== sizeOf(entry.shape) * size) fail(`${name}: shape and bytes disagree`)
    tensors.set(name, { dtype: entry.dtype as string, shape: entry.shape, start, end })
  }
  let position = 0
  for (const [name, { start, end }] of [...tensors].toSorted(([, a], [, b]) => a.start - b.start || a.end - b.end)) {
    if (start !== position) fail(`${name}: starts at byte ${start}, where the tensors before it end at ${position}`)
    position = end
  }
  if (position !== body) fail(`the tensors end at byte ${position} of ${body}`)
  return { tensors, metadata }
}

/** Decodes a safetensors file. Throws `MalformedSafetensors`, which says what is wrong and where. */
export const decode = (file: Uint8Array): Contents => {
  const start = 8 + headerLength(file.subarray(0, 8), file.byteLength)
  const body = file.subarray(start)
  const { tensors, metadata } = header(file.subarray(8, start), body.byteLength)
  const read = ([name, located]: readonly [string, Located]) => {
    const dtype = dtypes.get(located.dtype) ?? fail(`${name}: dtype ${located.dtype} has no counterpart here`)
    return [name, fromBytes(dtype, located.shape, body.subarray(located.start, located.end))] as const
  }
  return { tensors: Object.fromEntries([...tensors].map(read)), metadata }
}
