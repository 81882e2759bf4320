/** Operations on matrices in double precision, in plain loops; rows and columns of one repeat where the other has more. */
import { Tensor } from "@igm/tensor"
import type { Ops } from "./Ops.ts"

/** A matrix of doubles. Index vectors are doubles too. */
export type Matrix = Tensor.Tensor<"float64">

/** Rows and columns of a matrix; a vector is one row. */
export const dims = (a: Matrix): readonly [rows: number, columns: number] =>
  a.shape.length === 2 ? [a.shape[0]!, a.shape[1]!] : [1, a.data.length]

/**
 * A function of numbers, on the numbers of a matrix. It is given as its own loop: a function that is called for each number
 * has them put on the heap.
 */
const map =
  (fill: (out: Float64Array, x: Float64Array) => void) =>
  (a: Matrix): Matrix => {
    const out = new Float64Array(a.data.length)
    fill(out, a.data)
    return Tensor.float64(dims(a), out)
  }

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

/** The numbers of a matrix, repeated along an axis of which it has one. */
const spread = (a: Matrix, rows: number, columns: number): Float64Array => {
  const [height, width] = dims(a)
  if (height === rows && width === columns) return a.data
  const [down, across] = [height === 1 ? 0 : width, width === 1 ? 0 : 1]
  const [{ data }, out] = [a, new Float64Array(rows * columns)]
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) out[i * columns + j] = data[i * down + j * across]!
  }
  return out
}

/** A function of two numbers, as its own loop, on those of matrices that broadcast. */
const zip =
  (fill: (out: Float64Array, x: Float64Array, y: Float64Array) => void) =>
  (a: Matrix, b: Matrix): Matrix => {
    const [rows, columns] = common(a, b)
    const out = new Float64Array(rows * columns)
    fill(out, spread(a, rows, columns), spread(b, rows, columns))
    return Tensor.float64([rows, columns], out)
  }

const add = zip((out, x, y) => {
  for (let i = 0; i < out.length; i++) out[i] = x[i]! + y[i]!
})

const where = (mask: Matrix, a: Matrix, b: Matrix): Matrix => {
  const [rows, columns] = common(mask, a, b)
  const [holds, x, y] = [spread(mask, rows, columns), spread(a, rows, columns), spread(b, rows, columns)]
  const out = new Float64Array(rows * columns)
  for (let i = 0; i < out.length; i++) out[i] = holds[i] === 1 ? x[i]! : y[i]!
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
    const [at, row] = [i * columns, i * inner]
    let k = 0
    // Four rows of b at a time, summed in the same order as one by one.
    for (; k + 4 <= inner; k += 4) {
      const [x0, x1, x2, x3] = [left[row + k]!, left[row + k + 1]!, left[row + k + 2]!, left[row + k + 3]!]
      const [from0, from1, from2, from3] = [k * columns, (k + 1) * columns, (k + 2) * columns, (k + 3) * columns]
      for (let j = 0; j < columns; j++) {
        const sum = out[at + j]! + x0 * right[from0 + j]! + x1 * right[from1 + j]!
        out[at + j] = sum + x2 * right[from2 + j]! + x3 * right[from3 + j]!
      }
    }
    for (; k < inner; k++) {
      const [x, from] = [left[row + k]!, k * columns]
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
export const ops: Ops<Matrix> = {
  scalar: (value) => Tensor.float64([1, 1], [value]),
  gemm: (a, b, { transA = false, transB = false, addend } = {}) => {
    const out = product(transA ? transpose(a) : a, transB ? transpose(b) : b)
    return addend === undefined ? out : add(out, addend)
  },
  add,
  subtract: zip((out, x, y) => {
    for (let i = 0; i < out.length; i++) out[i] = x[i]! - y[i]!
  }),
  multiply: zip((out, x, y) => {
    for (let i = 0; i < out.length; i++) out[i] = x[i]! * y[i]!
  }),
  divide: zip((out, x, y) => {
    for (let i = 0; i < out.length; i++) out[i] = x[i]! / y[i]!
  }),
  sqrt: map((out, x) => {
    for (let i = 0; i < out.length; i++) out[i] = Math.sqrt(x[i]!)
  }),
  exp: map((out, x) => {
    for (let i = 0; i < out.length; i++) out[i] = Math.exp(x[i]!)
  }),
  relu: map((out, x) => {
    for (let i = 0; i < out.length; i++) out[i] = Math.max(x[i]!, 0)
  }),
  greater: zip((out, x, y) => {
    for (let i = 0; i < out.length; i++) out[i] = x[i]! > y[i]! ? 1 : 0
  }),
  equal: zip((out, x, y) => {
    for (let i = 0; i < out.length; i++) out[i] = x[i] === y[i] ? 1 : 0
  }),
  where,
  logSoftmax,
  sum,
  sumSquares: ({ data }) => {
    let total = 0
    for (let i = 0; i < data.length; i++) total += data[i]! * data[i]!
    return Tensor.float64([1, 1], [total])
  },
  concat,
  split,
  flatten: (a) => a,
  gather: (table, indices) => Tensor.takeRows(table, indices.data)
}
