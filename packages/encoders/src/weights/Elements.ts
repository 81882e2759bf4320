/**
 * The numbers of a tensor as weight files hold them: little-endian elements of one of the types below, in row-major order or
 * in strides, and what they are in single precision.
 */
import { Tensor } from "@igm/tensor"
import { type Effect } from "effect"
import { type EncoderError } from "../EncoderError.ts"
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

/** Halves by their bits as single precision: the exponent is moved, and the fraction shifted, in the bits themselves. */
const ofHalves = (bits: Uint16Array): Float32Array => {
  const out = new Float32Array(bits.length)
  const words = new Uint32Array(out.buffer)
  for (let i = 0; i < out.length; i++) {
    const [half, fraction] = [bits[i]!, bits[i]! & 0x3ff]
    const exponent = (half >> 10) & 31
    if (exponent === 0) out[i] = (half & 0x8000 ? -1 : 1) * fraction * 2 ** -24
    else if (exponent === 31 && fraction !== 0) out[i] = NaN
    else words[i] = ((half & 0x8000) << 16) | ((exponent === 31 ? 255 : exponent + 112) << 23) | (fraction << 13)
  }
  return out
}

/** An array filled number by number; `TypedArray.from` takes twenty times as long. */
const each = <A>(from: ArrayLike<A>, convert: (element: A) => number): Float32Array => {
  const out = new Float32Array(from.length)
  for (let i = 0; i < out.length; i++) out[i] = convert(from[i]!)
  return out
}

const singles = (bits: Uint16Array): Float32Array => {
  const out = new Uint32Array(bits.length)
  for (let i = 0; i < out.length; i++) out[i] = bits[i]! << 16
  return new Float32Array(out.buffer)
}

/** The numbers in single precision, rounded to the nearest; integers of 64 bits by way of double precision. */
export const toFloat32 = (dtype: DType, { buffer }: Uint8Array<ArrayBuffer>): Float32Array => {
  switch (dtype) {
    case "float32":
      return new Float32Array(buffer)
    case "float64":
      return new Float32Array(new Float64Array(buffer))
    case "float16":
      return ofHalves(new Uint16Array(buffer))
    case "bfloat16":
      return singles(new Uint16Array(buffer))
    case "int64":
      return each(new BigInt64Array(buffer), Number)
    case "uint64":
      return each(new BigUint64Array(buffer), Number)
    case "int32":
      return new Float32Array(new Int32Array(buffer))
    case "uint32":
      return new Float32Array(new Uint32Array(buffer))
    case "int16":
      return new Float32Array(new Int16Array(buffer))
    case "uint16":
      return new Float32Array(new Uint16Array(buffer))
    case "int8":
      return new Float32Array(new Int8Array(buffer))
    case "uint8":
      return new Float32Array(new Uint8Array(buffer))
    case "bool":
      return each(new Uint8Array(buffer), (byte) => (byte === 0 ? 0 : 1))
  }
}

/** The same elements with the bytes of each in the opposite order, in place. */
export const swap = (dtype: DType, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> => {
  const size = bytesOf(dtype)
  for (let i = 0; i < bytes.length; i += size) bytes.subarray(i, i + size).reverse()
  return bytes
}

/** The layout of a tensor's elements in a storage: element (i, j, …) is at `i · strides[0] + j · strides[1] + …`. */
export interface Layout {
  readonly shape: ReadonlyArray<number>
  readonly strides: ReadonlyArray<number>
}

/** True if the elements lie row-major, one after the other. */
export const isRowMajor = ({ shape, strides }: Layout): boolean => {
  let stride = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== stride) return Tensor.sizeOf(shape) === 0
    stride *= shape[axis]!
  }
  return true
}

/** The number of elements of the storage that the layout reaches over, from its first to its last. */
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
