import { assert, describe, it } from "@effect/vitest"
import { Tensor } from "@igm/tensor"
import { Distance } from "@igm/testing"
import { Float64, Head, Ops } from "../src/index.ts"

const { ops } = Float64

describe("Head", () => {
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
    assert.strictEqual(Distance.relative(Ops.get(a, "W1").data, Ops.get(b, "W1").data), 0)
    assert.isAbove(Distance.relative(Ops.get(a, "W1").data, Ops.get(other, "W1").data), 0)
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
