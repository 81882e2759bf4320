/**
 * The eager interpreter of `Ops` in double precision: the reference that other interpreters are held to. Tensors of three
 * axes are stacks of matrices: an operation works on each layer of a stack, and a matrix serves all of them.
 */
import { Tensor } from "@igm/tensor"
import { type Matrix, dims, ops as flat } from "./Matrices.ts"
import type { Ops } from "./Ops.ts"

export { type Matrix, dims } from "./Matrices.ts"

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
