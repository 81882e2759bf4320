/**
 * An interpreter of `Ops` that computes shapes only, and the cost of a tape by it: multiply-adds of its matrix
 * products, and numbers that its operations read and write.
 */
import { type Named, type Ops } from "./Ops.ts"
import * as Tape from "./Tape.ts"

/**
 * The shape of a value: rows and columns of a matrix, heads × rows × columns of a stack, or the length of an index
 * vector. NaN is an unknown size.
 */
export type Shape = ReadonlyArray<number>

const wider = (a: number, b: number): number => (a === 1 ? b : a)

const broadcast = (...shapes: ReadonlyArray<Shape>): Shape =>
  shapes.reduce((a, b) => {
    const rank = Math.max(a.length, b.length)
    const [x, y] = [a, b].map((shape) => [...Array<number>(rank - shape.length).fill(1), ...shape])
    return x!.map((size, i) => wider(size, y![i]!))
  })

const heads = (...shapes: ReadonlyArray<Shape>): Shape =>
  broadcast(...shapes.map((shape) => [...shape.slice(0, -2), 1])).slice(0, -1)
const rows = (shape: Shape): number => shape.at(-2)!
const columns = (shape: Shape): number => shape.at(-1)!
const same = (a: Shape): Shape => a
const total = (sizes: ReadonlyArray<number>): number => sizes.reduce((a, b) => a + b, 0)

/** `Ops` on shapes. */
export const ops: Ops<Shape> = {
  scalar: () => [1, 1],
  gemm: (a, b, { transA = false, transB = false } = {}) => [
    ...heads(a, b),
    transA ? columns(a) : rows(a),
    transB ? rows(b) : columns(b)
  ],
  add: broadcast,
  subtract: broadcast,
  multiply: broadcast,
  divide: broadcast,
  sqrt: same,
  exp: same,
  relu: same,
  greater: broadcast,
  equal: broadcast,
  where: broadcast,
  logSoftmax: same,
  sum: (a, over) => [...heads(a), over === "columns" ? rows(a) : 1, over === "rows" ? columns(a) : 1],
  sumSquares: (a) => [...heads(a), 1, 1],
  concat: (parts, along) => [
    ...heads(...parts),
    along === "rows" ? total(parts.map(rows)) : rows(parts[0]!),
    along === "columns" ? total(parts.map(columns)) : columns(parts[0]!)
  ],
  split: (a, widths) => widths.map((width) => [...a.slice(0, -1), width]),
  flatten: (a) => [a.slice(0, -1).reduce((x, y) => x * y, 1), columns(a)],
  gather: (table, indices) => [...indices, ...table.slice(1)]
}

/** The cost of a tape. */
export interface Cost {
  readonly products: number
  /** Multiply-adds of the products. */
  readonly multiplyAdds: number
  readonly operations: number
  /** Numbers read and written by all operations, one after another. */
  readonly moved: number
  /** Numbers that have to be read or written at least once: what is given, gathered rows but not tables, and what is made. */
  readonly least: number
}

/** The shape of each value of a tape, for inputs of the given shapes; a split has none. */
export const shapesOf = (tape: Tape.Tape, shapes: Named<Shape>): ReadonlyArray<Shape> => {
  const known: Array<Shape> = tape.inputs.map((name) => shapes[name]!)
  Tape.runWhere<Shape>(
    tape,
    (_, compute) => {
      const made = compute(ops)
      known.push("parts" in made ? [] : made)
      return made
    },
    shapes
  )
  return known
}

/** The cost of a tape for inputs of the given shapes; operations that are marked in `isFree` do not count. */
export const costOf = (tape: Tape.Tape, shapes: Named<Shape>, isFree: ReadonlyArray<boolean> = []): Cost => {
  const { inputs, operations, outputs } = tape
  const sizes = shapesOf(tape, shapes)
  const size = (at: Tape.Value): number => sizes[at]!.reduce((a, b) => a * b, 1)
  const tables = new Set(operations.flatMap(({ op, of }) => (op === "gather" ? [of[0]!] : [])))
  const given = inputs.flatMap((_, at) => (tables.has(at) ? [] : [size(at)]))
  const cost = { products: 0, multiplyAdds: 0, operations: 0, moved: 0, least: 0 }
  cost.least = total(given) + total(Object.values(outputs).map(size))
  operations.forEach(({ op, of, set }, i) => {
    const at = inputs.length + i
    if (isFree[at] === true || op === "scalar" || op === "part") return
    cost.operations++
    cost.moved += size(at) + total(of.map((value) => (op === "gather" ? 0 : size(value))))
    if (op === "gather") cost.least += size(at)
    if (op === "gemm") {
      const a = sizes[of[0]!]!
      cost.products++
      cost.multiplyAdds += size(at) * (set?.transA === true ? rows(a) : columns(a))
    }
  })
  return cost
}
