/**
 * A dense tensor: a dtype, a shape and a typed array in row-major order. It is the value that files, encoders, trainers
 * and reports hand to each other; it has no operations of its own (those are `Ops` in `@igm/gradient`).
 */

interface Arrays {
  readonly float32: Float32Array
  readonly float64: Float64Array
  readonly int32: Int32Array
  readonly int64: BigInt64Array
  readonly uint8: Uint8Array
}

/** The element types that a tensor can hold. */
export type DType = keyof Arrays

/** A row-major tensor whose `data.length` is the product of `shape`. */
export interface Tensor<D extends DType = DType> {
  readonly dtype: D
  readonly shape: ReadonlyArray<number>
  readonly data: Arrays[D]
}

const constructors = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array
} as const

/** The number of bytes of one element. */
export const bytesPerElement = (dtype: DType): number => constructors[dtype].BYTES_PER_ELEMENT

/** The number of elements of a shape; 1 for the shape of a scalar, `[]`. */
export const sizeOf = (shape: ReadonlyArray<number>): number => shape.reduce((n, d) => n * d, 1)

/** A tensor over existing data. Throws a `RangeError` when the data do not fill the shape. */
export const make = <D extends DType>(dtype: D, shape: ReadonlyArray<number>, data: Arrays[D]): Tensor<D> => {
  if (sizeOf(shape) !== data.length) {
    throw new RangeError(`a tensor of shape [${shape.join(", ")}] needs ${sizeOf(shape)} elements, not ${data.length}`)
  }
  return { dtype, shape, data }
}

/** Tests whether a value is a tensor. */
export const isTensor = (value: unknown): value is Tensor => {
  if (typeof value !== "object" || value === null) return false
  const { dtype, shape, data } = value as Partial<Tensor>
  if (typeof dtype !== "string" || !Object.hasOwn(constructors, dtype)) return false
  return Array.isArray(shape) && data instanceof constructors[dtype]
}

/** A float32 tensor of the given numbers. */
export const float32 = (shape: ReadonlyArray<number>, data: ArrayLike<number>): Tensor<"float32"> =>
  make("float32", shape, data instanceof Float32Array ? data : Float32Array.from(data))

/** A float64 tensor of the given numbers. */
export const float64 = (shape: ReadonlyArray<number>, data: ArrayLike<number>): Tensor<"float64"> =>
  make("float64", shape, data instanceof Float64Array ? data : Float64Array.from(data))

/** An int32 tensor of the given numbers. */
export const int32 = (shape: ReadonlyArray<number>, data: ArrayLike<number>): Tensor<"int32"> =>
  make("int32", shape, data instanceof Int32Array ? data : Int32Array.from(data))

/** A float64 tensor of zeros. */
export const zeros = (shape: ReadonlyArray<number>): Tensor<"float64"> =>
  make("float64", shape, new Float64Array(sizeOf(shape)))

/** The bytes of a tensor's data, without copying. */
export const bytes = (tensor: Tensor): Uint8Array =>
  new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength)

/** A tensor over a copy of little-endian bytes. Throws a `RangeError` when they do not fill the shape. */
export const fromBytes = <D extends DType>(dtype: D, shape: ReadonlyArray<number>, raw: Uint8Array): Tensor<D> => {
  if (raw.byteLength !== sizeOf(shape) * bytesPerElement(dtype)) {
    throw new RangeError(`${raw.byteLength} bytes do not hold a ${dtype} tensor of shape [${shape.join(", ")}]`)
  }
  // Not slice(): on Node's Buffer it shares memory, which need not be aligned.
  const copy = Uint8Array.from(raw).buffer
  return make(dtype, shape, new constructors[dtype](copy) as unknown as Arrays[D])
}

const numbers = ({ data }: Tensor): ArrayLike<number> =>
  data instanceof BigInt64Array ? Float64Array.from(data, Number) : data

/** Converts a tensor to float64 (`bigint` elements become numbers). */
export const toFloat64 = (tensor: Tensor): Tensor<"float64"> =>
  tensor.dtype === "float64" ? (tensor as Tensor<"float64">) : float64(tensor.shape, new Float64Array(numbers(tensor)))

/** Converts a tensor to float32, with rounding. */
export const toFloat32 = (tensor: Tensor): Tensor<"float32"> =>
  tensor.dtype === "float32" ? (tensor as Tensor<"float32">) : float32(tensor.shape, new Float32Array(numbers(tensor)))

/** Selects rows of a tensor of rank 1 or more by index, in that order: shape `[indices.length, ...rest]`. */
export const takeRows = <D extends DType>(tensor: Tensor<D>, indices: ArrayLike<number>): Tensor<D> => {
  const [rows = 1, ...rest] = tensor.shape
  const width = sizeOf(rest)
  const out = new constructors[tensor.dtype](indices.length * width) as Arrays[D]
  for (let i = 0; i < indices.length; i++) {
    const row = indices[i]!
    if (!(row >= 0 && row < rows)) throw new RangeError(`row ${row} of a tensor with ${rows} rows`)
    ;(out as Float64Array).set((tensor.data as Float64Array).subarray(row * width, (row + 1) * width), i * width)
  }
  return make(tensor.dtype, [indices.length, ...rest], out)
}

/** The numbers of rows and columns of a matrix. */
const matrixOf = ({ shape }: Tensor): readonly [rows: number, columns: number] => {
  const [rows, columns, ...rest] = shape
  if (rows === undefined || columns === undefined || rest.length > 0) {
    throw new RangeError(`a tensor of shape [${shape.join(", ")}] is no matrix: it has no rows and columns`)
  }
  return [rows, columns]
}

/** Every `step`-th number from `first` to before `end`, as a plain array: what is computed of it is not rounded. */
const every = (tensor: Tensor, first: number, end: number, step: number): ReadonlyArray<number> => {
  const out: Array<number> = []
  for (let i = first; i < end; i += step) out.push(Number(tensor.data[i]))
  return out
}

/** The numbers of a row of a matrix. Throws a `RangeError` for other tensors, and for a row that it does not have. */
export const row = (tensor: Tensor, i: number): ReadonlyArray<number> => {
  const [rows, columns] = matrixOf(tensor)
  if (!(i >= 0 && i < rows)) throw new RangeError(`row ${i} of a tensor with ${rows} rows`)
  return every(tensor, i * columns, (i + 1) * columns, 1)
}

/** The numbers of a column of a matrix. Throws a `RangeError` for other tensors, and for a column that it does not have. */
export const column = (tensor: Tensor, j: number): ReadonlyArray<number> => {
  const [rows, columns] = matrixOf(tensor)
  if (!(j >= 0 && j < columns)) throw new RangeError(`column ${j} of a tensor with ${columns} columns`)
  return every(tensor, j, rows * columns, columns)
}

/** The rows of a matrix. Throws a `RangeError` for other tensors. */
export const rows = (tensor: Tensor): ReadonlyArray<ReadonlyArray<number>> =>
  Array.from({ length: matrixOf(tensor)[0] }, (_, i) => row(tensor, i))

/** The columns of a matrix. Throws a `RangeError` for other tensors. */
export const columns = (tensor: Tensor): ReadonlyArray<ReadonlyArray<number>> =>
  Array.from({ length: matrixOf(tensor)[1] }, (_, j) => column(tensor, j))

/** Stacks tensors of equal shape and dtype along a new leading axis. */
export const stack = <D extends DType>(tensors: readonly [Tensor<D>, ...ReadonlyArray<Tensor<D>>]): Tensor<D> => {
  const { dtype, shape } = tensors[0]
  const size = sizeOf(shape)
  const out = new constructors[dtype](tensors.length * size) as Arrays[D]
  tensors.forEach((tensor, i) => {
    if (tensor.data.length !== size) throw new RangeError("stack: the shapes differ")
    ;(out as Float64Array).set(tensor.data as Float64Array, i * size)
  })
  return make(dtype, [tensors.length, ...shape], out)
}
