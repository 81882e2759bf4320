import { assert, describe, it } from "@effect/vitest"
import { Tensor } from "@igm/tensor"
import { Float64, Head, Loss, Ops } from "../src/index.ts"
import { Case, build, distance } from "./cases.ts"

const { ops } = Float64

const lossOf = (depth: number, parameters: Ops.Named<Float64.Matrix>, x: Float64.Matrix, y: Float64.Matrix) => {
  const { logits } = Head.forward(ops, Head.layers(ops, depth, parameters), x)
  return Loss.crossEntropy(ops, logits, y, x.shape[0]!).loss.data[0]!
}

describe("Head", () => {
  it.prop(
    "gradients are those of the loss: central differences agree in every parameter",
    { of: Case },
    ({ of }) => {
      const { depth, parameters, x, y } = build(of)
      const layers = Head.layers(ops, depth, parameters)
      const pass = Head.forward(ops, layers, x)
      const deltas = Head.backward(ops, layers, pass, Loss.crossEntropy(ops, pass.logits, y, of.batch).delta)
      const h = 1e-6
      for (const [name, w] of Object.entries(parameters)) {
        const i = Number(name.slice(1)) - 1
        const gradient = name.startsWith("W")
          ? ops.gemm(deltas[i]!, pass.activations[i]!, { transA: true })
          : ops.sum(deltas[i]!, "rows")
        const numeric = Array.from(w.data, (_, at) => {
          const shifted = (by: number) => {
            const data = w.data.slice()
            data[at]! += by
            return lossOf(depth, { ...parameters, [name]: Tensor.float64(w.shape, data) }, x, y)
          }
          return (shifted(h) - shifted(-h)) / (2 * h)
        })
        const error = Math.max(...numeric.map((value, at) => Math.abs(value - gradient.data[at]!)))
        assert.isBelow(error, 1e-6, name)
      }
    },
    { arbitrary: { runs: 60 } }
  )

  it("has ReLU after the first layer only, as the paper's head has", () => {
    const parameters = {
      W1: Tensor.float64([1, 1], [1]),
      b1: Tensor.float64([1, 1], [0]),
      W2: Tensor.float64([1, 1], [-1]),
      b2: Tensor.float64([1, 1], [0]),
      W3: Tensor.float64([2, 1], [1, 2]),
      b3: Tensor.float64([1, 2], [0, 0])
    }
    const logits = (x: number) =>
      Array.from(Head.forward(ops, Head.layers(ops, 3, parameters), Tensor.float64([1, 1], [x])).logits.data)
    assert.deepStrictEqual(logits(3), [-3, -6])
    assert.deepStrictEqual(logits(-3), [0, 0])
  })

  it("starts within ±1/√in, from the seed alone", () => {
    const head = Head.make(100, 8, 3)
    const [a, b, other] = [Head.init(head, [1]), Head.init(head, [1]), Head.init(head, [2])]
    assert.strictEqual(distance(Ops.get(a, "W1").data, Ops.get(b, "W1").data), 0)
    assert.isAbove(distance(Ops.get(a, "W1").data, Ops.get(other, "W1").data), 0)
    assert.isAtMost(Math.max(...Ops.get(a, "W1").data.map(Math.abs)), 0.1)
    assert.deepStrictEqual(
      Object.entries(a).map(([name, { shape }]) => [name, shape]),
      [
        ["W1", [8, 100]],
        ["b1", [1, 8]],
        ["W2", [3, 8]],
        ["b2", [1, 3]]
      ]
    )
  })
})
