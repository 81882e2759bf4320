/**
 * Rules that balance jointly trained heads. s_m is the batch's sum of softmax(o_m)[y], the confidence of head m alone
 * in the labels.
 */
import * as MinNorm from "../ops/MinNorm.ts"
import * as Head from "../step/Head.ts"
import { type Named, type Ops, get, mapNamed } from "../ops/Ops.ts"
import type * as Sharpness from "../step/Sharpness.ts"
import { type Balance, type Seen, type Share, type Tensors, isAmong } from "../step/JointStep.ts"

/** No balance: the plain sum of logits. */
export const plain: Balance = {
  name: "plain",
  noise: null,
  shares: (ops, { heads }) => mapNamed(heads, () => () => ({ sum: ops.scalar(1), own: null }))
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

/** The switches of OGM-GE. */
export interface OgmForm {
  /** True for OGM-GE, which adds N(0, std(g) + floor) to the gradient of each tensor that it changes; false for OGM. */
  readonly noise: boolean
  /** The floor of the noise's deviation: 1e-8 in the released code, so that a zero gradient gets noise too. */
  readonly floor: number
  /**
   * The tensors that are slowed. The released code changes kernels of convolutions in the encoders alone; in a head the
   * nearest thing is `"hidden weights"`.
   */
  readonly tensors: Extract<Tensors, "all" | "hidden weights">
}

/** OGM-GE on all tensors of a head, without a floor. */
export const ogmOnHeads: OgmForm = { noise: true, floor: 0, tensors: "all" }

/**
 * OGM-GE (Peng et al., CVPR 2022): ρ_m = s_m over the mean s of the other heads, and k_m = 1 − tanh(α ρ_m) where
 * ρ_m > 1, else 1, multiplies the gradients of head m. Input: alpha.
 */
export const ogm = ({ noise, floor, tensors }: OgmForm = ogmOnHeads): Balance => ({
  name: [
    "ogm",
    noise ? "-ge" : "",
    tensors === "all" ? "" : ` on ${tensors}`,
    floor === 0 ? "" : ` above ${floor}`
  ].join(""),
  noise: noise ? { tensors, floor } : null,
  shares: (ops, seen) => {
    const s = confidences(ops, seen)
    const one = ops.scalar(1)
    return mapNamed(s, (own, head) => {
      const others = Object.keys(s).flatMap((name) => (name === head ? [] : [get(s, name)]))
      if (others.length === 0) return () => ({ sum: one, own: null })
      const rest = ops.multiply(others.reduce(ops.add), ops.scalar(1 / others.length))
      const positive = ops.greater(rest, ops.scalar(0))
      // Where the others have no confidence at all, ρ is infinite and k is as small as it gets.
      const ratio = ops.where(positive, ops.divide(own, ops.where(positive, rest, one)), ops.scalar(1e3))
      const slowed = oneMinusTanh(ops, ops.multiply(get(seen.inputs, "alpha"), ratio))
      const [share, whole] = [whereGreater(ops, own, rest, slowed, one), one]
      const depth = get(seen.heads, head).sum.deltas.length
      return (tensor) => ({ sum: isAmong(tensors, depth, tensor) ? share : whole, own: null })
    })
  }
})

/** ‖g‖², ⟨g, u⟩ and ‖u‖² of two gradients g and u (1 × 1 each). */
interface Products<T> {
  readonly gg: T
  readonly gu: T
  readonly uu: T
}

/** ⟨Δ₁ᵀ A, Δ₂ᵀ A⟩ of a tensor of a head (1 × 1), from Gram matrices of the batch. */
const inner = <T>(ops: Ops<T>, a: Sharpness.Factors<T>, b: Sharpness.Factors<T>, name: string): T => {
  const i = Head.layerOf(name) - 1
  const [delta, other, x] = [a.deltas[i]!, b.deltas[i]!, a.activations[i]!]
  if (!Head.isWeight(name)) return ops.sum(ops.multiply(ops.sum(delta, "rows"), ops.sum(other, "rows")), "all")
  return ops.sum(ops.multiply(ops.gemm(delta, other, { transB: true }), ops.gemm(x, x, { transB: true })), "all")
}

/** The weight w of g in MMPareto's w g + (1−w) u: ½ where they agree, else that of the shortest vector between them. */
const weightOf = <T>(ops: Ops<T>, { gg, gu, uu }: Products<T>): T => {
  // A gradient that is nothing beside the other (1e-5 of its length) disagrees with nothing.
  const most = ops.add(gg, uu)
  const least = ops.multiply(ops.scalar(1e-10), ops.multiply(most, most))
  const shortest = MinNorm.weight(ops, gg, gu, uu)
  const apart = whereGreater(ops, ops.multiply(gg, uu), least, shortest, ops.scalar(0.5))
  return whereGreater(ops, gu, ops.scalar(0), ops.scalar(0.5), apart)
}

/**
 * ‖g + u‖/‖a g + b u‖ where that is above 1, else 1; 1 as well where the two parts all but cancel, so that next to
 * nothing but rounding is left to lengthen.
 */
const lengthening = <T>(ops: Ops<T>, { gg, gu, uu }: Products<T>, a: T, b: T): T => {
  const one = ops.scalar(1)
  const parts = (x: T, y: T): T => ops.add(ops.multiply(ops.multiply(x, x), gg), ops.multiply(ops.multiply(y, y), uu))
  const square = (x: T, y: T): T =>
    ops.relu(ops.add(parts(x, y), ops.multiply(ops.scalar(2), ops.multiply(ops.multiply(x, y), gu))))
  const [found, plain] = [square(a, b), square(one, one)]
  const some = ops.greater(found, ops.multiply(ops.scalar(5e-7), parts(a, b)))
  const ratio = ops.sqrt(ops.divide(plain, ops.where(some, found, one)))
  return ops.where(ops.greater(plain, found), ops.where(some, ratio, one), one)
}

/** The switches of MMPareto. */
export interface ParetoForm {
  /** The vector that is lengthened to ‖g + u‖: a head's whole gradient (paper), or each tensor's by itself (code). */
  readonly lengthened: "head" | "tensor"
  /** The tensors that are balanced. The released code follows g + u in the last layers, which it calls heads. */
  readonly tensors: Extract<Tensors, "all" | "hidden">
  /** The factor on the result: 1.5 in the released code. */
  readonly factor: number
}

/** MMPareto on all tensors of a head, lengthened as one vector. */
export const paretoOnHeads: ParetoForm = { lengthened: "head", tensors: "all", factor: 1.5 }

/** The switches of MMPareto's released code. */
export const paretoAsReleased: ParetoForm = { lengthened: "tensor", tensors: "hidden", factor: 1.5 }

/**
 * MMPareto (Wei and Hu, ICML 2024), head by head: of the sum's gradient g and the head's own gradient u, the weights are
 * ½ and ½ where they agree, cos(g, u) > 0, and those of the shortest vector between them where not. The result, twice
 * the weighted mean, is lengthened to ‖g + u‖ where it is shorter, and multiplied by 1.5.
 */
export const mmPareto = ({ lengthened, tensors, factor }: ParetoForm = paretoOnHeads): Balance => ({
  name: [
    "mm-pareto",
    lengthened === "head" ? "" : " by tensor",
    tensors === "all" ? "" : ` on ${tensors}`,
    factor === 1.5 ? "" : ` times ${factor}`
  ].join(""),
  noise: null,
  shares: (ops, { heads }) =>
    mapNamed(heads, ({ sum, own: makeOwn }) => {
      const own = makeOwn()
      const depth = sum.deltas.length
      const one = ops.scalar(1)
      const plain: Share<typeof one> = { sum: one, own: one }
      const balanced = sum.deltas.flatMap((_, i) => {
        const names = [`W${i + 1}`, `b${i + 1}`].filter((name) => isAmong(tensors, depth, name))
        return names.length === 0 ? [] : [names]
      })
      if (balanced.length === 0) return () => plain
      const productsOf = (name: string): Products<typeof one> => ({
        gg: inner(ops, sum, sum, name),
        gu: inner(ops, sum, own, name),
        uu: inner(ops, own, own, name)
      })
      const each = Object.fromEntries(balanced.flat().map((name) => [name, productsOf(name)]))
      const total = (of: keyof Products<unknown>) =>
        balanced.map((layer) => layer.map((name) => get(each, name)[of]).reduce(ops.add)).reduce(ops.add)
      const whole = { gg: total("gg"), gu: total("gu"), uu: total("uu") }
      const [two, w] = [ops.scalar(2), weightOf(ops, whole)]
      const [a, b] = [ops.multiply(two, w), ops.multiply(two, ops.subtract(one, w))]
      const shareOf = (products: Products<typeof one>): Share<typeof one> => {
        const stretch = ops.multiply(ops.scalar(factor), lengthening(ops, products, a, b))
        return { sum: ops.multiply(stretch, a), own: ops.multiply(stretch, b) }
      }
      const shares = lengthened === "head" ? mapNamed(each, () => shareOf(whole)) : mapNamed(each, shareOf)
      return (tensor) => shares[tensor] ?? plain
    })
})

/** Fixed weights of the losses: G_m = w ∂L_sum + w_m ∂L_own,m. Inputs: `weight` and `weight/HEAD` (1 × 1 each). */
export const blend: Balance = {
  name: "blend",
  noise: null,
  shares: (_, { heads, inputs }) =>
    mapNamed(heads, (_, head) => () => ({ sum: get(inputs, "weight"), own: get(inputs, `weight/${head}`) }))
}
