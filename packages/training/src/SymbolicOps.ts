/** The symbolic interpreter of `Ops`: operations append nodes to an ONNX graph. Numbers are float32. */
import type { Ops } from "@igm/gradient"
import type { Builder } from "@igm/onnx"
import { Tensor } from "@igm/tensor"

/** A value of a graph with its number of axes: 2 of a matrix, 3 of a stack, 1 or 2 of indices. */
export interface Symbol extends Builder.Value {
  readonly rank: number
}

/** A graph's value of that many axes. */
export const symbol = ({ name }: Builder.Value, rank: number): Symbol => ({ name, rank })

const highest = (operands: ReadonlyArray<Symbol>): number => Math.max(...operands.map(({ rank }) => rank))

/** Operations that build a graph. */
export const make = (builder: Builder.Builder): Ops.Ops<Symbol> => {
  /** What is made once and shared. */
  const shared = <K>(of: (key: K) => Tensor.Tensor) => {
    const known = new Map<string, Builder.Value>()
    return (key: K): Builder.Value => {
      const name = JSON.stringify(key)
      const found = known.get(name) ?? builder.constant(of(key))
      known.set(name, found)
      return found
    }
  }
  const integers = shared((list: ReadonlyArray<number>) =>
    Tensor.make("int64", [list.length], BigInt64Array.from(list, BigInt))
  )
  const scalars = shared((value: number) => Tensor.float32([1, 1], [value]))
  const node = (op: string, operands: ReadonlyArray<Symbol>, attributes?: Parameters<typeof builder.node>[2]): Symbol =>
    symbol(builder.node(op, operands, attributes), highest(operands))
  const unary = (op: string) => (a: Symbol) => node(op, [a])
  const binary = (op: string) => (a: Symbol, b: Symbol) => node(op, [a, b])
  const turned = (a: Symbol): Symbol => node("Transpose", [a], { perm: a.rank === 3 ? [0, 2, 1] : [1, 0] })
  const axes = { rows: [-2], columns: [-1], all: [-2, -1] }
  return {
    scalar: (value) => symbol(scalars(value), 2),
    gemm: (a, b, { transA = false, transB = false, addend } = {}) => {
      const operands = addend === undefined ? [a, b] : [a, b, addend]
      if (highest(operands) === 2) return node("Gemm", operands, { transA: Number(transA), transB: Number(transB) })
      const product = node("MatMul", [transA ? turned(a) : a, transB ? turned(b) : b])
      return addend === undefined ? product : node("Add", [product, addend])
    },
    add: binary("Add"),
    subtract: binary("Sub"),
    multiply: binary("Mul"),
    divide: binary("Div"),
    sqrt: unary("Sqrt"),
    exp: unary("Exp"),
    relu: unary("Relu"),
    greater: binary("Greater"),
    equal: binary("Equal"),
    where: (mask, a, b) => node("Where", [mask, a, b]),
    logSoftmax: (a) => node("LogSoftmax", [a], { axis: -1 }),
    sum: (a, over) => symbol(builder.node("ReduceSum", [a, integers(axes[over])], { keepdims: 1 }), a.rank),
    sumSquares: (a) => node("ReduceSumSquare", [a], { axes: axes.all, keepdims: 1 }),
    concat: (parts, along) => {
      const rank = highest(parts)
      return symbol(builder.node("Concat", parts, { axis: along === "rows" ? -2 : -1 }), rank)
    },
    split: (a, widths) =>
      builder
        .nodes("Split", [a, integers(widths)], widths.length, { axis: -1 })
        .map((part) => symbol(part, a.rank)),
    gather: (table, indices) =>
      symbol(builder.node("Gather", [table, indices], { axis: 0 }), table.rank - 1 + indices.rank)
  }
}
