/**
 * Rules that balance jointly trained heads. s_m is the batch's sum of softmax(o_m)[y], the confidence of head m alone
 * in the labels.
 */
import * as MinNorm from "../ops/MinNorm.ts"
import { type Named, type Ops, get, mapNamed } from "../ops/Ops.ts"
import type * as Sharpness from "../step/Sharpness.ts"
import type { Balance, Seen } from "../step/JointStep.ts"

/** No balance: the plain sum of logits. */
export const plain: Balance = {
  name: "plain",
  noise: false,
  shares: (ops, { heads }) => mapNamed(heads, () => ({ sum: ops.scalar(1), own: null }))
}

/** s_m of each head (1 × 1). */
export const confidences = <T>(ops: Ops<T>, { heads, y }: Seen<T>): Named<T> =>
  mapNamed(heads, ({ softmax }) => ops.sum(ops.multiply(softmax, y), "all"))

/** Selects x where a > b, and `otherwise` elsewhere. */
const whereGreater = <T>(ops: Ops<T>, a: T, b: T, x: T, otherwise: T): T => ops.where(ops.greater(a, b), x, otherwise)

/** 1 − tanh(x) = 2 e^−2x/(1 + e^−2x): the difference itself would lose its digits. */
const oneMinusTanh = <T>(ops: Ops<T>, x: T): T => {
  const power = ops.exp(ops.multiply(ops.scalar(-2), x))
  return ops.divide(ops.multiply(ops.scalar(2), power), ops.add(ops.scalar(1), power))
}

/**
 * OGM-GE (Peng et al., CVPR 2022), on all tensors of a head: ρ_m = s_m over the mean s of the other heads, and
 * k_m = 1 − tanh(α ρ_m) where ρ_m > 1, else 1. With noise, N(0, std(g)) is added to each tensor's gradient. Input: alpha.
 */
export const ogm = (noise: boolean): Balance => ({
  name: noise ? "ogm-ge" : "ogm",
  noise,
  shares: (ops, seen) => {
    const s = confidences(ops, seen)
    const one = ops.scalar(1)
    return mapNamed(s, (own, head) => {
      const others = Object.keys(s).flatMap((name) => (name === head ? [] : [get(s, name)]))
      if (others.length === 0) return { sum: one, own: null }
      const rest = ops.multiply(others.reduce(ops.add), ops.scalar(1 / others.length))
      const positive = ops.greater(rest, ops.scalar(0))
      // Where the others have no confidence at all, ρ is infinite and k is as small as it gets.
      const ratio = ops.where(positive, ops.divide(own, ops.where(positive, rest, one)), ops.scalar(1e3))
      const slowed = oneMinusTanh(ops, ops.multiply(get(seen.inputs, "alpha"), ratio))
      return { sum: whereGreater(ops, own, rest, slowed, one), own: null }
    })
  }
})

/** ⟨Δ₁ᵀ A, Δ₂ᵀ A⟩ over all of a head's tensors (1 × 1), from Gram matrices of the batch. */
const inner = <T>(ops: Ops<T>, a: Sharpness.Factors<T>, b: Sharpness.Factors<T>): T =>
  a.deltas
    .map((delta, i) => {
      const [other, x] = [b.deltas[i]!, a.activations[i]!]
      const grams = ops.multiply(ops.gemm(delta, other, { transB: true }), ops.gemm(x, x, { transB: true }))
      const biases = ops.multiply(ops.sum(delta, "rows"), ops.sum(other, "rows"))
      return ops.add(ops.sum(grams, "all"), ops.sum(biases, "all"))
    })
    .reduce(ops.add)

/**
 * MMPareto (Wei and Hu, ICML 2024), head by head: of the sum's gradient g and the head's own gradient u, the weights are
 * ½ and ½ where they agree, cos(g, u) > 0, and those of the shortest vector between them where not. The result, twice
 * the weighted mean, is stretched to the length of g + u where it is shorter, and then by 1.5.
 */
export const mmPareto: Balance = {
  name: "mm-pareto",
  noise: false,
  shares: (ops, { heads }) =>
    mapNamed(heads, ({ sum, own: makeOwn }) => {
      const own = makeOwn()
      const [gg, gu, uu] = [inner(ops, sum, sum), inner(ops, sum, own), inner(ops, own, own)]
      const [zero, one, two] = [ops.scalar(0), ops.scalar(1), ops.scalar(2)]
      const product = ops.multiply(gg, uu)
      // A gradient that is nothing beside the other (1e-5 of its length) disagrees with nothing.
      const most = ops.add(gg, uu)
      const least = ops.multiply(ops.scalar(1e-10), ops.multiply(most, most))
      const shortest = whereGreater(ops, product, least, MinNorm.weight(ops, gg, gu, uu), ops.scalar(0.5))
      const w = whereGreater(ops, gu, zero, ops.scalar(0.5), shortest)
      const [a, b] = [ops.multiply(two, w), ops.multiply(two, ops.subtract(one, w))]
      const square = (x: typeof w, y: typeof w): typeof w => {
        const cross = ops.multiply(two, ops.multiply(ops.multiply(x, y), gu))
        const own = ops.add(ops.multiply(ops.multiply(x, x), gg), ops.multiply(ops.multiply(y, y), uu))
        return ops.relu(ops.add(own, cross))
      }
      const [found, plain] = [square(a, b), square(one, one)]
      const short = ops.greater(plain, found)
      // Of opposite gradients nothing but rounding is left: then there is no direction to stretch.
      const crossed = ops.subtract(product, ops.multiply(gu, gu))
      const apart = whereGreater(ops, crossed, ops.multiply(ops.scalar(1e-6), product), one, zero)
      const some = ops.greater(whereGreater(ops, gu, zero, one, apart), zero)
      const positive = whereGreater(ops, found, zero, found, one)
      const ratio = ops.where(some, ops.sqrt(ops.divide(plain, positive)), one)
      const stretch = ops.multiply(ops.scalar(1.5), ops.where(short, ratio, one))
      return { sum: ops.multiply(stretch, a), own: ops.multiply(stretch, b) }
    })
}

/** Fixed weights of the losses: G_m = w ∂L_sum + w_m ∂L_own,m. Inputs: `weight` and `weight/HEAD` (1 × 1 each). */
export const blend: Balance = {
  name: "blend",
  noise: false,
  shares: (_, { heads, inputs }) =>
    mapNamed(heads, (_, head) => ({ sum: get(inputs, "weight"), own: get(inputs, `weight/${head}`) }))
}
