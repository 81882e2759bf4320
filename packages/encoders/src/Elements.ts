/**
 * The numbers of a tensor as weight files hold them: little-endian elements of one of the types below, in row-major order or
 * in strides, and what they are in single precision.
 */
import { Tensor } from "@igm/tensor"
import { type Effect } from "effect"
import { type EncoderError } from "./EncoderError.ts"
import { malformed } from "./Malformed.ts"

/** The bytes of an element of each type. */
const sizes = {
  bool: 1,
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  float16: 2,
  bfloat16: 2,
  uint32: 4,
  int32: 4,
  float32: 4,
  uint64: 8,
  int64: 8,
  float64: 8
} as const

/** The element types of weight files. */
export type DType = keyof typeof sizes

/** A tensor in a file: its bytes are read when asked for, and come row-major and little-endian, in memory of their own. */
export interface Stored {
  readonly dtype: DType
  readonly shape: ReadonlyArray<number>
  readonly bytes: Effect.Effect<Uint8Array<ArrayBuffer>, EncoderError>
}

/** The bytes of an element. */
export const bytesOf = (dtype: DType): number => sizes[dtype]

const half = (bits: number): number => {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25))
}

/** The numbers in single precision, rounded to the nearest; integers of 64 bits by way of double precision. */
export const toFloat32 = (dtype: DType, { buffer }: Uint8Array<ArrayBuffer>): Float32Array => {
  switch (dtype) {
    case "float32":
      return new Float32Array(buffer)
    case "float64":
      return Float32Array.from(new Float64Array(buffer))
    case "float16":
      return Float32Array.from(new Uint16Array(buffer), half)
    case "bfloat16":
      return new Float32Array(Uint32Array.from(new Uint16Array(buffer), (bits) => bits << 16).buffer)
    case "int64":
      return Float32Array.from(new BigInt64Array(buffer), Number)
    case "uint64":
      return Float32Array.from(new BigUint64Array(buffer), Number)
    case "int32":
      return Float32Array.from(new Int32Array(buffer))
    case "uint32":
      return Float32Array.from(new Uint32Array(buffer))
    case "int16":
      return Float32Array.from(new Int16Array(buffer))
    case "uint16":
      return Float32Array.from(new Uint16Array(buffer))
    case "int8":
      return Float32Array.from(new Int8Array(buffer))
    case "uint8":
      return Float32Array.from(new Uint8Array(buffer))
    case "bool":
      return Float32Array.from(new Uint8Array(buffer), (byte) => (byte === 0 ? 0 : 1))
  }
}

/** The same elements with the bytes of each in the opposite order, in place. */
export const swap = (dtype: DType, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> => {
  const size = bytesOf(dtype)
  for (let i = 0; i < bytes.length; i += size) bytes.subarray(i, i + size).reverse()
  return bytes
}

/** How the elements of a tensor lie in a storage: element (i, j, …) is at `i · strides[0] + j · strides[1] + …`. */
export interface Layout {
  readonly shape: ReadonlyArray<number>
  readonly strides: ReadonlyArray<number>
}

/** Whether the elements lie row-major, one after the other. */
export const isRowMajor = ({ shape, strides }: Layout): boolean => {
  let stride = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== stride) return Tensor.sizeOf(shape) === 0
    stride *= shape[axis]!
  }
  return true
}

/** How many elements of the storage the layout reaches over, from its first to its last. */
export const reach = ({ shape, strides }: Layout): number =>
  Tensor.sizeOf(shape) === 0 ? 0 : 1 + shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis]!, 0)

type Unsigned = Uint8Array | Uint16Array | Uint32Array | BigUint64Array

const unsigned = (size: number, { buffer }: Uint8Array<ArrayBuffer>): Unsigned => {
  switch (size) {
    case 1:
      return new Uint8Array(buffer)
    case 2:
      return new Uint16Array(buffer)
    case 4:
      return new Uint32Array(buffer)
    case 8:
      return new BigUint64Array(buffer)
    default:
      return malformed(`there are no elements of ${size} bytes`)
  }
}

/** The elements of a layout in row-major order, out of the bytes that it reaches over. */
export const gather = (dtype: DType, layout: Layout, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> => {
  const { shape, strides } = layout
  const size = bytesOf(dtype)
  const out = new Uint8Array(Tensor.sizeOf(shape) * size)
  // The arrays have the same type, whichever it is.
  const from = unsigned(size, bytes) as Uint32Array
  const to = unsigned(size, out) as Uint32Array
  let next = 0
  const copy = (axis: number, at: number): void => {
    if (axis === shape.length) {
      to[next++] = from[at]!
      return
    }
    for (let i = 0; i < shape[axis]!; i++) copy(axis + 1, at + i * strides[axis]!)
  }
  if (to.length > 0) copy(0, 0)
  return out
}
