/**
 * The eager interpreter of `Ops` in double precision: the reference that other interpreters are held to. Tensors of three
 * axes are stacks of matrices: an operation works on each layer of a stack, and a matrix serves all of them.
 */
import { Tensor } from "@igm/tensor"
import type { Ops } from "./Ops.ts"

/** A matrix of doubles. Index vectors are doubles too. */
export type Matrix = Tensor.Tensor<"float64">

/** Rows and columns of a matrix; a vector is one row. */
export const dims = (a: Matrix): readonly [rows: number, columns: number] =>
  a.shape.length === 2 ? [a.shape[0]!, a.shape[1]!] : [1, a.data.length]

const map = (a: Matrix, f: (x: number) => number): Matrix => Tensor.float64(dims(a), a.data.map(f))

/** The shape that matrices broadcast to. */
const common = (...operands: ReadonlyArray<Matrix>): readonly [number, number] => {
  const shapes = operands.map(dims)
  const rows = Math.max(...shapes.map(([r]) => r))
  const columns = Math.max(...shapes.map(([, c]) => c))
  if (shapes.some(([r, c]) => (r !== rows && r !== 1) || (c !== columns && c !== 1))) {
    throw new RangeError(`${shapes.map((shape) => shape.join(" × ")).join(" and ")} do not broadcast`)
  }
  return [rows, columns]
}

/** The strides of rows and columns of a matrix, 0 along an axis that broadcasts. */
const strides = (a: Matrix): readonly [number, number] => {
  const [rows, columns] = dims(a)
  return [rows === 1 ? 0 : columns, columns === 1 ? 0 : 1]
}

const zip = (a: Matrix, b: Matrix, f: (x: number, y: number) => number): Matrix => {
  const [rows, columns] = common(a, b)
  const [[ar, ac], [br, bc]] = [strides(a), strides(b)]
  const out = new Float64Array(rows * columns)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) out[i * columns + j] = f(a.data[i * ar + j * ac]!, b.data[i * br + j * bc]!)
  }
  return Tensor.float64([rows, columns], out)
}

const where = (mask: Matrix, a: Matrix, b: Matrix): Matrix => {
  const [rows, columns] = common(mask, a, b)
  const [[mr, mc], [ar, ac], [br, bc]] = [strides(mask), strides(a), strides(b)]
  const out = new Float64Array(rows * columns)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      out[i * columns + j] = mask.data[i * mr + j * mc] === 1 ? a.data[i * ar + j * ac]! : b.data[i * br + j * bc]!
    }
  }
  return Tensor.float64([rows, columns], out)
}

const transpose = (a: Matrix): Matrix => {
  const [rows, columns] = dims(a)
  const out = new Float64Array(rows * columns)
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = a.data[i * columns + j]!
  return Tensor.float64([columns, rows], out)
}

const product = (a: Matrix, b: Matrix): Matrix => {
  const [rows, inner] = dims(a)
  const [innerB, columns] = dims(b)
  if (inner !== innerB) throw new RangeError(`a product of ${rows} × ${inner} and ${innerB} × ${columns}`)
  const [left, right, out] = [a.data, b.data, new Float64Array(rows * columns)]
  for (let i = 0; i < rows; i++) {
    const at = i * columns
    for (let k = 0; k < inner; k++) {
      const x = left[i * inner + k]!
      const from = k * columns
      for (let j = 0; j < columns; j++) out[at + j]! += x * right[from + j]!
    }
  }
  return Tensor.float64([rows, columns], out)
}

const sum = (a: Matrix, over: "rows" | "columns" | "all"): Matrix => {
  const [rows, columns] = dims(a)
  const out = new Float64Array(over === "rows" ? columns : over === "columns" ? rows : 1)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) out[over === "rows" ? j : over === "columns" ? i : 0]! += a.data[i * columns + j]!
  }
  return Tensor.float64(over === "columns" ? [rows, 1] : [1, out.length], out)
}

const concat = (parts: ReadonlyArray<Matrix>, along: "rows" | "columns"): Matrix => {
  if (along === "columns") return transpose(concat(parts.map(transpose), "rows"))
  const columns = dims(parts[0]!)[1]
  if (parts.some((part) => dims(part)[1] !== columns))
    throw new RangeError("matrices of different widths, one below the other")
  const out = new Float64Array(parts.reduce((total, { data }) => total + data.length, 0))
  let at = 0
  for (const { data } of parts) {
    out.set(data, at)
    at += data.length
  }
  return Tensor.float64([out.length / columns, columns], out)
}

const split = (a: Matrix, widths: ReadonlyArray<number>): ReadonlyArray<Matrix> => {
  const [rows, columns] = dims(a)
  if (widths.reduce((x, y) => x + y, 0) !== columns) throw new RangeError(`${columns} columns in parts of ${widths}`)
  let from = 0
  return widths.map((width) => {
    const out = new Float64Array(rows * width)
    for (let i = 0; i < rows; i++) {
      out.set(a.data.subarray(i * columns + from, i * columns + from + width), i * width)
    }
    from += width
    return Tensor.float64([rows, width], out)
  })
}

const logSoftmax = (a: Matrix): Matrix => {
  const [rows, columns] = dims(a)
  const out = new Float64Array(a.data.length)
  for (let i = 0; i < rows; i++) {
    const row = a.data.subarray(i * columns, (i + 1) * columns)
    const max = row.reduce((x, y) => Math.max(x, y), -Infinity)
    const log = max + Math.log(row.reduce((total, x) => total + Math.exp(x - max), 0))
    for (let j = 0; j < columns; j++) out[i * columns + j] = row[j]! - log
  }
  return Tensor.float64([rows, columns], out)
}

/** `Ops` on matrices. A mask is 1 where it holds. */
const flat: Ops<Matrix> = {
  scalar: (value) => Tensor.float64([1, 1], [value]),
  gemm: (a, b, { transA = false, transB = false, addend } = {}) => {
    const out = product(transA ? transpose(a) : a, transB ? transpose(b) : b)
    return addend === undefined ? out : zip(out, addend, (x, y) => x + y)
  },
  add: (a, b) => zip(a, b, (x, y) => x + y),
  subtract: (a, b) => zip(a, b, (x, y) => x - y),
  multiply: (a, b) => zip(a, b, (x, y) => x * y),
  divide: (a, b) => zip(a, b, (x, y) => x / y),
  sqrt: (a) => map(a, Math.sqrt),
  exp: (a) => map(a, Math.exp),
  relu: (a) => map(a, (x) => Math.max(x, 0)),
  greater: (a, b) => zip(a, b, (x, y) => (x > y ? 1 : 0)),
  equal: (a, b) => zip(a, b, (x, y) => (x === y ? 1 : 0)),
  where,
  logSoftmax,
  sum,
  sumSquares: (a) => Tensor.float64([1, 1], [a.data.reduce((total, x) => total + x * x, 0)]),
  concat,
  split,
  flatten: (a) => a,
  gather: (table, indices) => Tensor.takeRows(table, indices.data)
}

const isStack = ({ shape }: Matrix): boolean => shape.length === 3

/** A layer of a stack; a matrix serves as every layer. */
export const layerOf = (a: Matrix, k: number): Matrix => {
  if (!isStack(a)) return a
  const [layers, rows, columns] = a.shape as readonly [number, number, number]
  const [size, at] = [rows * columns, layers === 1 ? 0 : k]
  return Tensor.float64([rows, columns], a.data.subarray(at * size, (at + 1) * size))
}

/** Applies a function of matrices to each layer of stacks. */
const each = (operands: ReadonlyArray<Matrix>, f: (layers: ReadonlyArray<Matrix>) => Matrix): Matrix => {
  if (!operands.some(isStack)) return f(operands)
  const count = Math.max(...operands.filter(isStack).map(({ shape }) => shape[0]!))
  return stack(Array.from({ length: count }, (_, k) => f(operands.map((a) => layerOf(a, k)))))
}

/** Stacks matrices of one shape (layers × rows × columns). */
export const stack = (layers: ReadonlyArray<Matrix>): Matrix =>
  Tensor.stack(layers as readonly [Matrix, ...ReadonlyArray<Matrix>])

const one =
  (f: (a: Matrix) => Matrix) =>
  (a: Matrix): Matrix =>
    each([a], ([x]) => f(x!))
const two =
  (f: (a: Matrix, b: Matrix) => Matrix) =>
  (a: Matrix, b: Matrix): Matrix =>
    each([a, b], ([x, y]) => f(x!, y!))

/** `Ops` in double precision, on matrices and stacks. */
export const ops: Ops<Matrix> = {
  scalar: flat.scalar,
  gemm: (a, b, { addend, ...options } = {}) =>
    addend === undefined
      ? each([a, b], ([x, y]) => flat.gemm(x!, y!, options))
      : each([a, b, addend], ([x, y, z]) => flat.gemm(x!, y!, { ...options, addend: z! })),
  add: two(flat.add),
  subtract: two(flat.subtract),
  multiply: two(flat.multiply),
  divide: two(flat.divide),
  sqrt: one(flat.sqrt),
  exp: one(flat.exp),
  relu: one(flat.relu),
  greater: two(flat.greater),
  equal: two(flat.equal),
  where: (mask, a, b) => each([mask, a, b], ([m, x, y]) => flat.where(m!, x!, y!)),
  logSoftmax: one(flat.logSoftmax),
  sum: (a, over) => each([a], ([x]) => flat.sum(x!, over)),
  sumSquares: one(flat.sumSquares),
  concat: (parts, along) => each(parts, (layers) => flat.concat(layers, along)),
  split: (a, widths) => {
    if (!isStack(a)) return flat.split(a, widths)
    const layers = Array.from({ length: a.shape[0]! }, (_, k) => flat.split(layerOf(a, k), widths))
    return widths.map((_, i) => stack(layers.map((parts) => parts[i]!)))
  },
  flatten: (a) => Tensor.float64([a.data.length / a.shape.at(-1)!, a.shape.at(-1)!], a.data),
  gather: (table, indices) => {
    if (!isStack(table) && indices.shape.length === 1) return flat.gather(table, indices)
    const [count, width] = dims(indices)
    const layers = Math.max(isStack(table) ? table.shape[0]! : 1, count)
    const row = (k: number) => indices.data.subarray(count === 1 ? 0 : k * width, (count === 1 ? 1 : k + 1) * width)
    return stack(Array.from({ length: layers }, (_, k) => Tensor.takeRows(layerOf(table, k), row(k))))
  }
}
