/** The symbolic interpreter of `Ops`: operations append nodes to an ONNX graph. Numbers are float32. */
import type { Ops } from "@igm/gradient"
import type { Builder } from "@igm/onnx"
import { Tensor } from "@igm/tensor"

/** Operations that build a graph, on matrices or on stacks of them (heads × rows × columns). */
export const make = (builder: Builder.Builder, of: "matrices" | "stacks" = "matrices"): Ops.Ops<Builder.Value> => {
  const scalars = new Map<number, Builder.Value>()
  const scalar = (value: number): Builder.Value => {
    const found = scalars.get(value) ?? builder.constant(Tensor.float32([1, 1], [value]))
    scalars.set(value, found)
    return found
  }
  const axes = new Map<string, Builder.Value>()
  const axesOf = (over: "rows" | "columns" | "all"): Builder.Value => {
    const list = { rows: [-2n], columns: [-1n], all: [-2n, -1n] }[over]
    const found = axes.get(over) ?? builder.constant(Tensor.make("int64", [list.length], BigInt64Array.from(list)))
    axes.set(over, found)
    return found
  }
  const unary = (op: string) => (a: Builder.Value) => builder.node(op, [a])
  const binary = (op: string) => (a: Builder.Value, b: Builder.Value) => builder.node(op, [a, b])
  type Gemm = Ops.Ops<Builder.Value>["gemm"]
  const gemm: Gemm = (a, b, { transA = false, transB = false, addend } = {}) =>
    builder.node("Gemm", addend === undefined ? [a, b] : [a, b, addend], {
      transA: Number(transA),
      transB: Number(transB)
    })
  const turned = (a: Builder.Value): Builder.Value => builder.node("Transpose", [a], { perm: [0, 2, 1] })
  const batched: Gemm = (a, b, { transA = false, transB = false, addend } = {}) => {
    const product = builder.node("MatMul", [transA ? turned(a) : a, transB ? turned(b) : b])
    return addend === undefined ? product : builder.node("Add", [product, addend])
  }
  return {
    scalar,
    gemm: of === "matrices" ? gemm : batched,
    add: binary("Add"),
    subtract: binary("Sub"),
    multiply: binary("Mul"),
    divide: binary("Div"),
    sqrt: unary("Sqrt"),
    exp: unary("Exp"),
    relu: unary("Relu"),
    greater: binary("Greater"),
    equal: binary("Equal"),
    where: (mask, a, b) => builder.node("Where", [mask, a, b]),
    logSoftmax: (a) => builder.node("LogSoftmax", [a], { axis: -1 }),
    sum: (a, over) => builder.node("ReduceSum", [a, axesOf(over)], { keepdims: 1 }),
    concat: (parts, along) => builder.node("Concat", parts, { axis: along === "rows" ? -2 : -1 }),
    gather: (table, indices) => builder.node("Gather", [table, indices], { axis: 0 })
  }
}
