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

/** A model whose Scan has nothing but the products. */
export const model = (products: ReadonlyArray<Product>): Uint8Array => {
  const outer = Builder.make("floor")
  const operands = products.map(({ a, b }, i) => ({
    a: outer.input(`a${i}`, "float32", a),
    b: outer.input(`b${i}`, "float32", b)
  }))
  const shapes = products.map(({ a, b, transA, transB }) => Shapes.ops.gemm(a, b, { transA, transB }))
  const initial = shapes.map((shape, i) => outer.input(`r${i}`, "float32", shape))
  const steps = outer.input("steps", "float32", ["steps", 1])
  const body = outer.nested("products")
  shapes.forEach((shape, i) => body.input(`carried${i}`, "float32", shape))
  body.input("step", "float32", [1])
  products.forEach(({ a, b, transA, transB }, i) => {
    const turned = (value: Builder.Value, shape: Shapes.Shape, by: boolean) =>
      by ? body.node("Transpose", [value], { perm: shape.length === 3 ? [0, 2, 1] : [1, 0] }) : value
    const { a: left, b: right } = operands[i]!
    const product =
      shapes[i]!.length === 3
        ? body.node("MatMul", [turned(left, a, transA), turned(right, b, transB)])
        : body.node("Gemm", [left, right], { transA: Number(transA), transB: Number(transB) })
    body.result(product, "float32", shapes[i]!)
  })
  const results = outer.nodes("Scan", [...initial, steps], initial.length, {
    body: { graph: body.graph() },
    num_scan_inputs: 1
  })
  outer.output("last", results[0]!, "float32", shapes[0]!)
  return Model.encode({ graph: outer.graph(), opset: 17, metadata: {} })
}

/** Runs the floor's session for so many steps. */
export const runner = (session: Session, products: ReadonlyArray<Product>) => {
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
      [`r${i}`]: zeros(Shapes.ops.gemm(a, b, { transA, transB }))
    }))
  ) as { readonly [name: string]: Tensor.Tensor }
  return (steps: number): ReturnType<Session["run"]> => session.run({ ...inputs, steps: zeros([steps, 1]) })
}
