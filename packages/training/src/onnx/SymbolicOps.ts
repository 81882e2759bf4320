/** The symbolic interpreter of `Ops`: operations append nodes to an ONNX graph. Numbers are float32. */
import { type Ops, Shapes } from "@igm/gradient"
import type { Builder } from "@igm/onnx"
import { Tensor } from "@igm/tensor"

/** A value of a graph with its shape. */
export interface Symbol extends Builder.Value {
  readonly shape: Shapes.Shape
}

/** Adds a shape to a graph's value. */
export const symbol = ({ name }: Builder.Value, shape: Shapes.Shape): Symbol => ({ name, shape })

const isStack = ({ shape }: Symbol): boolean => shape.length === 3

type Attributes = Parameters<Builder.Builder["node"]>[2]

/** `Ops` that append nodes to a graph. */
export const make = (builder: Builder.Builder): Ops.Ops<Symbol> => {
  /** Memoizes constants of the graph. */
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
  const ones = shared((count: number) => Tensor.float32([1, count], new Float32Array(count).fill(1)))
  const node = (shape: Shapes.Shape, op: string, operands: ReadonlyArray<Symbol>, set?: Attributes): Symbol =>
    symbol(builder.node(op, operands, set), shape)
  const unary =
    (key: "sqrt" | "exp" | "relu", op: string) =>
    (a: Symbol): Symbol =>
      node(Shapes.ops[key](a.shape), op, [a])
  const binary =
    (key: "add" | "subtract" | "multiply" | "divide" | "greater" | "equal", op: string) =>
    (a: Symbol, b: Symbol): Symbol =>
      node(Shapes.ops[key](a.shape, b.shape), op, [a, b])
  const turned = (a: Symbol): Symbol => {
    const [rows, columns] = a.shape.slice(-2)
    const shape = [...a.shape.slice(0, -2), columns!, rows!]
    return node(shape, "Transpose", [a], { perm: isStack(a) ? [0, 2, 1] : [1, 0] })
  }
  const add = binary("add", "Add")
  const gemm: Ops.Ops<Symbol>["gemm"] = (a, b, { transA = false, transB = false, addend } = {}) => {
    const shape = Shapes.ops.gemm(a.shape, b.shape, { transA, transB })
    const operands = addend === undefined ? [a, b] : [a, b, addend]
    if (!operands.some(isStack))
      return node(shape, "Gemm", operands, { transA: Number(transA), transB: Number(transB) })
    const product = node(shape, "MatMul", [transA ? turned(a) : a, transB ? turned(b) : b])
    return addend === undefined ? product : add(product, addend)
  }
  const axes = { rows: [-2], columns: [-1], all: [-2, -1] }
  return {
    scalar: (value) => symbol(scalars(value), [1, 1]),
    gemm,
    add,
    subtract: binary("subtract", "Sub"),
    multiply: binary("multiply", "Mul"),
    divide: binary("divide", "Div"),
    sqrt: unary("sqrt", "Sqrt"),
    exp: unary("exp", "Exp"),
    relu: unary("relu", "Relu"),
    greater: binary("greater", "Greater"),
    equal: binary("equal", "Equal"),
    where: (mask, a, b) => node(Shapes.ops.where(mask.shape, a.shape, b.shape), "Where", [mask, a, b]),
    logSoftmax: (a) => node(a.shape, "LogSoftmax", [a], { axis: -1 }),
    sum: (a, over) => {
      // Rows are added up by a product: it is faster than a reduction, whose order depends on the number of heads besides.
      if (over === "rows" && !Number.isNaN(a.shape.at(-2))) {
        const rows = a.shape.at(-2)!
        return gemm(symbol(ones(rows), [1, rows]), a)
      }
      return symbol(
        builder.node("ReduceSum", [a, integers(axes[over])], { keepdims: 1 }),
        Shapes.ops.sum(a.shape, over)
      )
    },
    sumSquares: (a) => node(Shapes.ops.sumSquares(a.shape), "ReduceSumSquare", [a], { axes: axes.all, keepdims: 1 }),
    concat: (parts, along) => {
      const shape = Shapes.ops.concat(
        parts.map((part) => part.shape),
        along
      )
      return node(shape, "Concat", parts, { axis: along === "rows" ? -2 : -1 })
    },
    split: (a, widths) => {
      const shapes = Shapes.ops.split(a.shape, widths)
      const parts = builder.nodes("Split", [a, integers(widths)], widths.length, { axis: -1 })
      return parts.map((part, i) => symbol(part, shapes[i]!))
    },
    flatten: (a) => node(Shapes.ops.flatten(a.shape), "Reshape", [a, symbol(integers([-1, a.shape.at(-1)!]), [2])]),
    gather: (table, indices) =>
      node(Shapes.ops.gather(table.shape, indices.shape), "Gather", [table, indices], { axis: 0 })
  }
}
