import { assert, describe, it } from "@effect/vitest"
import { Tensor } from "@igm/tensor"
import { Float64, Head, Loss, Ops, Sharpness } from "../src/index.ts"
import { Case, build, distance, distances } from "./cases.ts"

const { ops } = Float64

const explicit = (of: Case) => {
  const { depth, parameters, x, y } = build(of)
  const layers = Head.layers(ops, depth, parameters)
  const pass = Head.forward(ops, layers, x)
  const deltas = Head.backward(ops, layers, pass, Loss.crossEntropy(ops, pass.logits, y, of.batch).delta)
  const factors = { activations: pass.activations, deltas }
  const gradients = Ops.mapNamed(parameters, (_, name) => {
    const i = Number(name.slice(1)) - 1
    return name.startsWith("W")
      ? ops.gemm(deltas[i]!, pass.activations[i]!, { transA: true })
      : ops.sum(deltas[i]!, "rows")
  })
  return { depth, parameters, x, y, layers, factors, gradients }
}

const norm = (data: ArrayLike<number>) => Math.sqrt(Array.from(data).reduce((total, g) => total + g * g, 0))

describe("Sharpness", () => {
  it.prop("norms from batch Gram matrices are the norms of the gradients", { of: Case }, ({ of }) => {
    const { factors, gradients } = explicit(of)
    const squares = Sharpness.squaredNorms(ops, factors)
    for (const [name, g] of Object.entries(gradients)) {
      assert.closeTo(Math.sqrt(Ops.get(squares, name).data[0]!), norm(g.data), 1e-9)
    }
    const all = Object.values(gradients).flatMap((g) => Array.from(g.data))
    assert.closeTo(Sharpness.globalNorm(ops, squares).data[0]!, norm(all), 1e-9)
  })

  it.prop("the low-rank pass is the pass at θ + s ∇L, forward and backward", { of: Case }, ({ of }) => {
    const { depth, parameters, x, y, layers, factors, gradients } = explicit(of)
    const s = ops.scalar(0.37)
    const pass = (through: ReadonlyArray<Head.Layer<Float64.Matrix>>) => {
      const forward = Head.forward(ops, through, x)
      const { delta } = Loss.crossEntropy(ops, forward.logits, y, of.batch)
      return [forward.logits, ...Head.backward(ops, through, forward, delta)]
    }
    const shifted = Ops.mapNamed(parameters, (w, name) => ops.add(w, ops.multiply(s, Ops.get(gradients, name))))
    const there = pass(Head.layers(ops, depth, shifted))
    const lowRank = pass(Sharpness.perturbedLayers(ops, layers, factors, s))
    there.forEach((expected, i) => {
      const error = Math.max(...lowRank[i]!.data.map((value, at) => Math.abs(value - expected.data[at]!)))
      assert.isBelow(error, 1e-9)
    })
  })

  it.prop("the drift moves each tensor by ρ, whatever its gradient's size", { of: Case }, ({ of }) => {
    const { parameters, factors, gradients } = explicit(of)
    const drifted = Sharpness.drifted(ops, parameters, factors, ops.scalar(0.5))
    for (const [name, w] of Object.entries(parameters)) {
      const g = Ops.get(gradients, name)
      const size = norm(g.data)
      const expected = w.data.map((value, i) => value + (size > 0 ? (0.5 * g.data[i]!) / size : 0))
      assert.isBelow(distance(Ops.get(drifted, name).data, expected), 1e-9)
    }
  })

  it("a zero gradient gives no perturbation, where 0/0 would make every weight NaN", () => {
    const zero = { activations: [Tensor.zeros([2, 3])], deltas: [Tensor.zeros([2, 4])] }
    const parameters = { W1: Tensor.float64([4, 3], new Float64Array(12).fill(0.5)), b1: Tensor.zeros([1, 4]) }
    assert.strictEqual(distances(Sharpness.drifted(ops, parameters, zero, ops.scalar(1)), parameters), 0)
    const global = Sharpness.globalNorm(ops, Sharpness.squaredNorms(ops, zero))
    assert.strictEqual(Sharpness.scale(ops, ops.scalar(1), global).data[0], 0)
  })
})
