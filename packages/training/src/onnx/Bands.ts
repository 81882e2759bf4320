/**
 * Large matrices in bands of rows. A step makes several passes over a large weight; done band by band, intermediate
 * results stay in the processor's nearer cache. Elementwise operations work band by band, and so do products that
 * result in a banded matrix or take one transposed; other operations work on the whole matrix.
 */
import { type Ops, Shapes } from "@igm/gradient"
import type { Builder } from "@igm/onnx"
import { Tensor } from "@igm/tensor"
import { type Symbol, symbol } from "./SymbolicOps.ts"

/** A value, optionally with the bands of rows that it consists of. */
export type Banded = Symbol & { readonly bands?: ReadonlyArray<Symbol> }

/** The number of entries in a band of a matrix, and in a band of each layer of a stack. */
const [ALONE, STACKED] = [1 << 15, 1 << 13]

/** The fewest rows of a band. */
const FEWEST = 16

/**
 * The heights of the bands of a matrix, or of each layer of a stack; a single number where division is not worthwhile.
 * They do not depend on the number of layers, since products of other sizes may sum in another order.
 */
export const heights = (shape: Shapes.Shape): ReadonlyArray<number> => {
  const [rows, columns] = shape.slice(-2) as [number, number]
  const count = Math.ceil((rows * columns) / (shape.length === 3 ? STACKED : ALONE))
  const bands = Math.max(1, Math.min(count, Math.floor(rows / FEWEST)))
  const start = (i: number): number => Math.floor((i * rows) / bands)
  return Array.from({ length: bands }, (_, i) => start(i + 1) - start(i))
}

/** Concatenates bands to a banded value. */
export const of = (bands: readonly [Symbol, ...ReadonlyArray<Symbol>]): Banded => {
  if (bands.length === 1) return bands[0]
  const shapes = bands.map(({ shape }) => shape)
  return { name: "", shape: Shapes.ops.concat(shapes, "rows"), bands }
}

/** Splits a value into parts of the given numbers of rows or columns. */
export const divided = (
  builder: Builder.Builder,
  a: Symbol,
  sizes: ReadonlyArray<number>,
  along: "rows" | "columns"
): ReadonlyArray<Symbol> => {
  if (sizes.length === 1) return [a]
  const heads = a.shape.slice(0, -2)
  const [rows, columns] = a.shape.slice(-2) as [number, number]
  const parts = builder.constant(Tensor.make("int64", [sizes.length], BigInt64Array.from(sizes, BigInt)))
  return builder
    .nodes("Split", [a, parts], sizes.length, { axis: along === "rows" ? -2 : -1 })
    .map((part, i) => symbol(part, along === "rows" ? [...heads, sizes[i]!, columns] : [...heads, rows, sizes[i]!]))
}

/** `Ops` on values that may be banded, by `Ops` on plain values. */
export const make = (builder: Builder.Builder, ops: Ops.Ops<Symbol>): Ops.Ops<Banded> => {
  const whole = (a: Banded): Symbol => (a.bands === undefined ? a : ops.concat(a.bands, "rows"))
  const heightsOf = (bands: ReadonlyArray<Symbol>) => bands.map(({ shape }) => shape.at(-2)!)
  const banded = (bands: ReadonlyArray<Symbol>): Banded => of(bands as [Symbol, ...Array<Symbol>])

  /**
   * Applies an elementwise operation band by band: each operand is banded already, is split, or has one row that
   * broadcasts to all bands.
   */
  const each = (operands: ReadonlyArray<Banded>, compute: (...of: ReadonlyArray<Symbol>) => Symbol): Banded => {
    const bands = operands.find((a) => a.bands !== undefined)?.bands
    if (bands === undefined) return compute(...operands)
    const parts = operands.map((a) => {
      if (a.bands !== undefined) return a.bands
      return a.shape.at(-2) === 1 ? bands.map(() => a) : divided(builder, a, heightsOf(bands), "rows")
    })
    return banded(bands.map((_, i) => compute(...parts.map((part) => part[i]!))))
  }
  const unary = (key: "sqrt" | "exp" | "relu") => (a: Banded) => each([a], (x) => ops[key](x!))
  const binary = (key: "add" | "subtract" | "multiply" | "divide" | "greater" | "equal") => (a: Banded, b: Banded) =>
    each([a, b], (x, y) => ops[key](x!, y!))

  const gemm: Ops.Ops<Banded>["gemm"] = (a, b, { addend, ...trans } = {}) => {
    const bands = addend?.bands
    if (bands !== undefined && trans.transA === true) {
      const [left, right] = [divided(builder, whole(a), heightsOf(bands), "columns"), whole(b)]
      return banded(bands.map((band, i) => ops.gemm(left[i]!, right, { ...trans, addend: band })))
    }
    if (b.bands !== undefined && trans.transB === true) {
      const left = whole(a)
      const product = ops.concat(
        b.bands.map((band) => ops.gemm(left, band, trans)),
        "columns"
      )
      return addend === undefined ? product : ops.add(product, whole(addend))
    }
    return ops.gemm(whole(a), whole(b), addend === undefined ? trans : { ...trans, addend: whole(addend) })
  }
  return {
    scalar: ops.scalar,
    gemm,
    add: binary("add"),
    subtract: binary("subtract"),
    multiply: binary("multiply"),
    divide: binary("divide"),
    sqrt: unary("sqrt"),
    exp: unary("exp"),
    relu: unary("relu"),
    greater: binary("greater"),
    equal: binary("equal"),
    where: (mask, a, b) => each([mask, a, b], (m, x, y) => ops.where(m!, x!, y!)),
    logSoftmax: (a) => ops.logSoftmax(whole(a)),
    sum: (a, over) => ops.sum(whole(a), over),
    sumSquares: (a) => ops.sumSquares(whole(a)),
    concat: (all, along) => ops.concat(all.map(whole), along),
    split: (a, widths) => ops.split(whole(a), widths),
    flatten: (a) => ops.flatten(whole(a)),
    gather: (table, indices) => ops.gather(whole(table), whole(indices))
  }
}
