import { assert, describe, it } from "@effect/vitest"
import { Keyed, Tensor } from "@igm/tensor"
import { Schema } from "effect"
import { adapt } from "../../src/graphs/Adaptation.ts"
import * as BatchNorm from "../../src/graphs/BatchNorm.ts"

const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 31 }))

const numbers = (seed: number, name: string, count: number) =>
  Float32Array.from(Keyed.normals(Keyed.stream([seed, name]), count))

/** What a convolution gives at one place: the products of its kernels (out × …) with what lies under them. */
const convolved = (weight: Tensor.Tensor<"float32">, under: ArrayLike<number>) => {
  const [out] = weight.shape as [number]
  const size = weight.data.length / out
  return Array.from({ length: out }, (_, o) =>
    weight.data.subarray(o * size, (o + 1) * size).reduce((sum, w, i) => sum + w * under[i]!, 0)
  )
}

describe("BatchNorm", () => {
  it.prop("a folded convolution is the convolution and then the normalisation", [Seed], ([seed]) => {
    const [out, size] = [5, 12]
    const weight = Tensor.float32([out, 3, 2, 2], numbers(seed, "weight", out * size))
    const norm = {
      gamma: numbers(seed, "gamma", out),
      beta: numbers(seed, "beta", out),
      mean: numbers(seed, "mean", out),
      variance: numbers(seed, "variance", out).map((x) => x * x),
      epsilon: 1e-3
    }
    const under = numbers(seed, "x", size)
    const bias = BatchNorm.foldedBias(norm)
    convolved(BatchNorm.foldedWeight(weight, norm), under).forEach((y, o) => {
      const before = (convolved(weight, under)[o]! - norm.mean[o]!) / Math.sqrt(norm.variance[o]! + norm.epsilon)
      const expected = norm.gamma[o]! * before + norm.beta[o]!
      const scale = Math.abs(norm.gamma[o]!) / Math.sqrt(norm.variance[o]! + norm.epsilon)
      assert.closeTo(y + bias.data[o]!, expected, 1e-5 * (1 + scale * 10))
    })
  })
})

describe("Adaptation", () => {
  it.prop("k equal channels come out as three equal ones did: as they are, or times k / 3", [Seed], ([seed]) => {
    const weight = Tensor.float32([4, 3, 2, 2], numbers(seed, "weight", 48))
    const channel = numbers(seed, "x", 4)
    const copies = (count: number, factor: number) =>
      Array.from({ length: count }, () => Array.from(channel, (x) => x * factor)).flat()
    for (const channels of [1, 2]) {
      for (const [how, factor] of [["sum", 1] as const, ["mean", channels / 3] as const]) {
        const adapted = adapt(weight, channels, how)
        assert.deepStrictEqual(adapted.shape, [4, channels, 2, 2])
        const expected = convolved(weight, copies(3, factor))
        convolved(adapted, copies(channels, 1)).forEach((y, o) => assert.closeTo(y, expected[o]!, 1e-5))
      }
    }
  })
})
