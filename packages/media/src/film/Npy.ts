/**
 * Reads arrays in NumPy's file format `.npy`, versions 1 to 3: little-endian integers and floats in C order. Arrays of
 * Python objects are refused.
 */
import { Effect, FileSystem } from "effect"
import { MediaError } from "../Errors.ts"

/** The shape, and the values as 32-bit floats in C order. */
export interface Array {
  readonly shape: ReadonlyArray<number>
  readonly data: Float32Array
}

type Reader = (bytes: DataView, at: number) => number

/** Half-precision floats: sign, five bits of exponent, ten of fraction. */
const half: Reader = (bytes, at) => {
  const bits = bytes.getUint16(at, true)
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023]
  const size =
    exponent === 31
      ? fraction === 0
        ? Infinity
        : NaN
      : exponent === 0
        ? fraction * 2 ** -24
        : (1 + fraction / 1024) * 2 ** (exponent - 15)
  return (bits & 0x8000) === 0 ? size : -size
}

const READERS: { readonly [descr: string]: readonly [width: number, read: Reader] } = {
  "|u1": [1, (bytes, at) => bytes.getUint8(at)],
  "|i1": [1, (bytes, at) => bytes.getInt8(at)],
  "<u2": [2, (bytes, at) => bytes.getUint16(at, true)],
  "<i2": [2, (bytes, at) => bytes.getInt16(at, true)],
  "<i4": [4, (bytes, at) => bytes.getInt32(at, true)],
  "<f2": [2, half],
  "<f4": [4, (bytes, at) => bytes.getFloat32(at, true)],
  "<f8": [8, (bytes, at) => bytes.getFloat64(at, true)]
}

const HEADER = /^\{'descr': '([^']+)', 'fortran_order': (True|False), 'shape': \(((?:\d+, ?)*\d*)\), ?\}\s*$/

/** Decodes the bytes of a file. Throws an `Error` with the reason if they are malformed. */
export const decode = (file: Uint8Array): Array => {
  const bytes = new DataView(file.buffer, file.byteOffset, file.byteLength)
  if (String.fromCharCode(...file.subarray(0, 6)) !== "\x93NUMPY") throw new Error("this is not a .npy file")
  if (file.length < 12) throw new Error("truncated: its header is missing")
  const start = file[6] === 1 ? 10 : 12
  const length = file[6] === 1 ? bytes.getUint16(8, true) : bytes.getUint32(8, true)
  if (start + length > file.length) throw new Error("truncated: its header is not whole")
  const header = new TextDecoder().decode(file.subarray(start, start + length))
  const parts = HEADER.exec(header)
  if (parts === null) throw new Error(`its header is not understood: ${header.slice(0, 100).trim()}`)
  const [, descr, fortran, sizes] = parts as unknown as readonly [string, string, string, string]
  const reader = READERS[descr]
  if (reader === undefined) throw new Error(`numbers of type ${descr} are not read`)
  if (fortran === "True") throw new Error("it has columns first: save numpy.ascontiguousarray(x)")
  const shape = sizes.split(",").flatMap((size) => (size.trim() === "" ? [] : [Number(size)]))
  const [width, read] = reader
  const count = shape.reduce((a, b) => a * b, 1)
  const [has, needs] = [file.length - start - length, count * width]
  if (has !== needs)
    throw new Error(`${has < needs ? "truncated: it" : "it"} has ${has} bytes of numbers, not ${needs}`)
  const data = new Float32Array(count)
  for (let i = 0, at = start + length; i < count; i++, at += width) data[i] = read(bytes, at)
  return { shape, data }
}

/** Reads the array in a file. */
export const read = Effect.fn("Npy.read")(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const bytes = yield* fs
    .readFile(path)
    .pipe(Effect.mapError((cause) => new MediaError({ path, problem: "this array cannot be read", cause })))
  return yield* Effect.try({
    try: () => decode(bytes),
    catch: (cause) => new MediaError({ path, problem: (cause as Error).message, cause })
  })
})
