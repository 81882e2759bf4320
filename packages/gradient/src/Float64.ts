/** The eager interpreter of `Ops` in double precision: the reference that other interpreters are held to. */
import { Tensor } from "@igm/tensor"
import type { Ops } from "./Ops.ts"

/** A matrix of doubles. Index vectors are doubles too. */
export type Matrix = Tensor.Tensor<"float64">

/** Rows and columns of a matrix; a vector is one row. */
export const dims = (a: Matrix): readonly [rows: number, columns: number] =>
  a.shape.length === 2 ? [a.shape[0]!, a.shape[1]!] : [1, a.data.length]

const map = (a: Matrix, f: (x: number) => number): Matrix => Tensor.float64(dims(a), a.data.map(f))

const broadcast = (f: (...numbers: ReadonlyArray<number>) => number, ...operands: ReadonlyArray<Matrix>): Matrix => {
  const shapes = operands.map(dims)
  const rows = Math.max(...shapes.map(([r]) => r))
  const columns = Math.max(...shapes.map(([, c]) => c))
  if (shapes.some(([r, c]) => (r !== rows && r !== 1) || (c !== columns && c !== 1))) {
    throw new RangeError(`${shapes.map((shape) => shape.join(" × ")).join(" and ")} do not broadcast`)
  }
  const out = new Float64Array(rows * columns)
  const at = operands.map(({ data }, n) => {
    const [r, c] = shapes[n]!
    return (i: number, j: number) => data[(r === 1 ? 0 : i * c) + (c === 1 ? 0 : j)]!
  })
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) out[i * columns + j] = f(...at.map((read) => read(i, j)))
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
  const out = new Float64Array(rows * columns)
  for (let i = 0; i < rows; i++) {
    const row = out.subarray(i * columns, (i + 1) * columns)
    for (let k = 0; k < inner; k++) {
      const x = a.data[i * inner + k]!
      const other = b.data.subarray(k * columns, (k + 1) * columns)
      for (let j = 0; j < columns; j++) row[j]! += x * other[j]!
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
  const out = parts.flatMap((part) => Array.from(part.data))
  return Tensor.float64([out.length / columns, columns], out)
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

/** The operations in double precision. A mask is 1 where it holds. */
export const ops: Ops<Matrix> = {
  scalar: (value) => Tensor.float64([1, 1], [value]),
  gemm: (a, b, { transA = false, transB = false, addend } = {}) => {
    const out = product(transA ? transpose(a) : a, transB ? transpose(b) : b)
    return addend === undefined ? out : broadcast((x, y) => x! + y!, out, addend)
  },
  add: (a, b) => broadcast((x, y) => x! + y!, a, b),
  subtract: (a, b) => broadcast((x, y) => x! - y!, a, b),
  multiply: (a, b) => broadcast((x, y) => x! * y!, a, b),
  divide: (a, b) => broadcast((x, y) => x! / y!, a, b),
  sqrt: (a) => map(a, Math.sqrt),
  exp: (a) => map(a, Math.exp),
  relu: (a) => map(a, (x) => Math.max(x, 0)),
  greater: (a, b) => broadcast((x, y) => (x! > y! ? 1 : 0), a, b),
  equal: (a, b) => broadcast((x, y) => (x === y ? 1 : 0), a, b),
  where: (mask, a, b) => broadcast((m, x, y) => (m === 1 ? x! : y!), mask, a, b),
  logSoftmax,
  sum,
  concat,
  gather: (table, indices) => Tensor.takeRows(table, indices.data)
}
