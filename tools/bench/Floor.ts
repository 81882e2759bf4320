/**
 * The floor of a step on the ONNX runtime: the same matrix products, bare, in the same kind of loop. Their operands are
 * given and do not change, and nothing is added, so a step that needs these products cannot be faster.
 */
import { type Ops, Shapes, type Tape } from "@igm/gradient"
import { Builder, Model, type Session } from "@igm/onnx"
import { Keyed, Tensor } from "@igm/tensor"

/** One product: the shapes of its operands as they are given, and which of them are transposed. */
export interface Product {
  readonly a: Shapes.Shape
  readonly b: Shapes.Shape
  readonly transA: boolean
  readonly transB: boolean
}

/** The products of a tape, those outside of the loop left out. */
export const productsOf = (
  tape: Tape.Tape,
  shapes: Ops.Named<Shapes.Shape>,
  isFree: ReadonlyArray<boolean>
): ReadonlyArray<Product> => {
  const all = Shapes.shapesOf(tape, shapes)
  return tape.operations.flatMap(({ op, of, set }, i) => {
    if (op !== "gemm" || isFree[tape.inputs.length + i] === true) return []
    return [{ a: all[of[0]!]!, b: all[of[1]!]!, transA: set?.transA === true, transB: set?.transB === true }]
  })
}

/** A model whose loop has nothing but the products, `unrolled` times. */
export const model = (products: ReadonlyArray<Product>, unrolled: number): Uint8Array => {
  const outer = Builder.make("floor")
  const rounds = outer.input("rounds", "int64", [])
  const operands = products.map(({ a, b }, i) => ({
    a: outer.input(`a${i}`, "float32", a),
    b: outer.input(`b${i}`, "float32", b)
  }))
  const outs = products.map(({ a, b, transA, transB }) => Shapes.ops.gemm(a, b, { transA, transB }))
  const initial = outs.flatMap((shape, i) =>
    Array.from({ length: unrolled }, (_, u) => outer.input(`r${i}.${u}`, "float32", shape))
  )
  const body = outer.nested("products")
  body.input("iteration", "int64", [])
  const goOn = body.input("goOn", "bool", [])
  outs.forEach((shape, i) => {
    for (let u = 0; u < unrolled; u++) body.input(`carried${i}.${u}`, "float32", shape)
  })
  body.result(goOn, "bool", [])
  products.forEach(({ a, transA, transB }, i) => {
    for (let u = 0; u < unrolled; u++) {
      const { a: left, b: right } = operands[i]!
      const isStack = outs[i]!.length === 3
      const turned = (value: Builder.Value, shape: Shapes.Shape, by: boolean) =>
        by ? body.node("Transpose", [value], { perm: shape.length === 3 ? [0, 2, 1] : [1, 0] }) : value
      const product = isStack
        ? body.node("MatMul", [turned(left, a, transA), turned(right, products[i]!.b, transB)])
        : body.node("Gemm", [left, right], { transA: Number(transA), transB: Number(transB) })
      body.result(product, "float32", outs[i]!)
    }
  })
  const results = outer.nodes("Loop", [rounds, { name: "" }, ...initial], initial.length, {
    body: { graph: body.graph() }
  })
  outer.output("last", results[0]!, "float32", outs[0]!)
  return Model.encode({ graph: outer.graph(), opset: 17, metadata: {} })
}

/** Runs the floor's session for as many steps as that many rounds have. */
export const runner = (session: Session, products: ReadonlyArray<Product>, unrolled: number) => {
  const stream = Keyed.stream(["floor"])
  const random = (shape: Shapes.Shape) =>
    Tensor.float32(
      shape,
      Float32Array.from({ length: Tensor.sizeOf(shape) }, () => Keyed.between(stream, -0.1, 0.1))
    )
  const zeros = (shape: Shapes.Shape) => Tensor.float32(shape, new Float32Array(Tensor.sizeOf(shape)))
  const inputs = Object.assign(
    {},
    ...products.map(({ a, b, transA, transB }, i) => ({
      [`a${i}`]: random(a),
      [`b${i}`]: random(b),
      ...Object.fromEntries(
        Array.from({ length: unrolled }, (_, u) => [`r${i}.${u}`, zeros(Shapes.ops.gemm(a, b, { transA, transB }))])
      )
    }))
  ) as { readonly [name: string]: Tensor.Tensor }
  return (rounds: number): ReturnType<Session["run"]> =>
    session.run({ ...inputs, rounds: Tensor.make("int64", [], BigInt64Array.of(BigInt(rounds))) })
}
