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

/** Why bytes are not a safetensors file. */
export class MalformedSafetensors extends Error {
  override readonly name = "MalformedSafetensors"
}

const codes = { float32: "F32", float64: "F64", int32: "I32", int64: "I64", uint8: "U8" } as const satisfies Record<
  DType,
  string
>

const dtypes = new Map<unknown, DType>(Object.entries(codes).map(([dtype, code]) => [code, dtype as DType]))

/** The bytes of a safetensors file. */
export const encode = (tensors: Contents["tensors"], metadata: Contents["metadata"] = {}): Uint8Array => {
  // Wide elements first, so that every tensor is aligned to its own element size.
  const entries = Object.entries(tensors).toSorted(
    ([a, x], [b, y]) => bytesPerElement(y.dtype) - bytesPerElement(x.dtype) || (a < b ? -1 : 1)
  )
  const header: Record<string, unknown> = {}
  const keys = Object.keys(metadata).toSorted()
  if (keys.length > 0) header["__metadata__"] = Object.fromEntries(keys.map((key) => [key, metadata[key]]))
  let offset = 0
  for (const [name, tensor] of entries) {
    const end = offset + tensor.data.byteLength
    header[name] = { dtype: codes[tensor.dtype], shape: tensor.shape, data_offsets: [offset, end] }
    offset = end
  }
  const json = new TextEncoder().encode(JSON.stringify(header))
  const padded = Math.ceil(json.length / 8) * 8
  const out = new Uint8Array(8 + padded + offset).fill(0x20, 8, 8 + padded)
  new DataView(out.buffer).setBigUint64(0, BigInt(padded), true)
  out.set(json, 8)
  let position = 8 + padded
  for (const [, tensor] of entries) {
    out.set(bytes(tensor), position)
    position += tensor.data.byteLength
  }
  return out
}

interface Entry {
  readonly dtype: unknown
  readonly shape: ReadonlyArray<number>
  readonly data_offsets: readonly [number, number]
}

const isNatural = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const isEntry = (value: unknown): value is Entry => {
  const { shape, data_offsets: offsets } = (value ?? {}) as Partial<Entry>
  return Array.isArray(shape) && shape.every(isNatural) && Array.isArray(offsets) && offsets.every(isNatural)
}

/** The contents of a safetensors file. Throws `MalformedSafetensors`, which says what is wrong and where. */
export const decode = (file: Uint8Array): Contents => {
  const fail = (reason: string): never => {
    throw new MalformedSafetensors(reason)
  }
  if (file.byteLength < 8) fail(`${file.byteLength} bytes are too few for a header`)
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true))
  if (8 + length > file.byteLength) fail(`the header needs ${length} bytes, the file ends after ${file.byteLength}`)
  let header: unknown
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(file.subarray(8, 8 + length)))
  } catch (cause) {
    throw new MalformedSafetensors("the header is not JSON", { cause })
  }
  if (typeof header !== "object" || header === null) return fail("the header is not an object")
  const { __metadata__: metadata = {}, ...entries } = header as Record<string, unknown>
  const body = file.subarray(8 + length)
  const tensors: Record<string, Tensor> = {}
  for (const [name, entry] of Object.entries(entries)) {
    if (!isEntry(entry)) return fail(`${name}: no shape or no data_offsets`)
    const dtype = dtypes.get(entry.dtype) ?? fail(`${name}: dtype ${String(entry.dtype)} is not supported`)
    const [start, end] = entry.data_offsets
    if (end > body.byteLength) fail(`${name}: ends at byte ${end} of ${body.byteLength}`)
    if (end - start !== sizeOf(entry.shape) * bytesPerElement(dtype)) fail(`${name}: shape and bytes disagree`)
    tensors[name] = fromBytes(dtype, entry.shape, body.subarray(start, end))
  }
  return { tensors, metadata: metadata as Contents["metadata"] }
}
