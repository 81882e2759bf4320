/** Laws of every modification matrix P = exp(−τ (Y − λmin I)/(λmax − λmin)), made from batch means Z with Y = Zᵀ Z. */
import { Float64, Modification, Moment } from "@igm/gradient"
import { Tensor } from "@igm/tensor"
import { Schema } from "effect"
import { Batch, type Means, Means as MeansSchema, matrix, meansOf, rotation, sceneOf } from "../Cases.ts"
import { above, relative, worst } from "../Distance.ts"
import * as Law from "../Law.ts"
import { inputsOf, norm } from "../Oracle.ts"

const { ops } = Float64

/** The function under test: from batch means (batches × d) and τ to P (d × d). */
export type OfMeans = (means: Float64.Matrix, tau: number) => Float64.Matrix

const own: OfMeans = (means, tau) => Modification.ofMeans(means, tau).matrix

/** Extreme eigenvalues that rounding does not blur: the laws of the exact form use them. */
const ends = ({ width, ...rest }: Means): { readonly min: number; readonly max: number } => {
  const values = Modification.eigenvalues(Moment.ofMeans(meansOf({ width, ...rest })))
  return { min: Math.min(...values), max: Math.max(...values) }
}

const transposed = (a: Float64.Matrix): Float64.Matrix =>
  ops.gemm(a, Modification.identity(a.shape[0]!), { transA: true })

const inner = (a: Float64.Matrix, b: Float64.Matrix): number => ops.sum(ops.multiply(a, b), "all").data[0]!

/** The laws. */
export const laws = (ofMeans: OfMeans = own): ReadonlyArray<Law.Law> => {
  const law = (name: string, tolerance: number, deviation: (of: Means, p: Float64.Matrix) => number) =>
    Law.make({
      name: `P ${name}`,
      cases: MeansSchema,
      tolerance,
      deviation: (of) => deviation(of, ofMeans(meansOf(of), of.tau))
    })
  const gradient = (of: Means) => matrix(3, of.width, of.seed, "gradient")
  return [
    law("is symmetric", 1e-13, (_, p) => relative(p.data, transposed(p).data)),
    law("has eigenvalues from e^−τ to 1", 1e-12, (of, p) => {
      const values = Modification.eigenvalues(p)
      return worst(values.map((value) => Math.max(above(value, 1), above(Math.exp(-of.tau), value))))
    }),
    law("shrinks the strongest direction by e^−τ and leaves the weakest", 1e-11, (of, p) => {
      const { min, max } = ends(of)
      if (!(max - min > 1e-12 * max)) return relative(p.data, Modification.identity(of.width).data)
      const values = Modification.eigenvalues(p)
      return Math.max(Math.abs(Math.min(...values) - Math.exp(-of.tau)), Math.abs(Math.max(...values) - 1))
    }),
    law("is the identity for τ = 0", 1e-13, (of) =>
      relative(ofMeans(meansOf(of), 0).data, Modification.identity(of.width).data)
    ),
    law("does not depend on the moment's scale: P(cY) = P(Y)", 1e-9, (of, p) =>
      relative(ofMeans(ops.multiply(meansOf(of), ops.scalar(37)), of.tau).data, p.data)
    ),
    law("turns with the features: P(Rᵀ Y R) = Rᵀ P(Y) R", 1e-9, (of, p) => {
      const r = rotation(of.width, of.seed, "rotation")
      const turned = ofMeans(ops.gemm(meansOf(of), r), of.tau)
      return relative(turned.data, ops.gemm(ops.gemm(r, p, { transA: true }), r).data)
    }),
    law("keeps the gradient's direction: ⟨G, G P⟩ ≥ e^−τ ‖G‖²", 1e-12, (of, p) => {
      const g = gradient(of)
      return above(Math.exp(-of.tau) * inner(g, g), inner(g, ops.gemm(g, p))) / inner(g, g)
    }),
    law("makes no gradient longer: ‖G P‖ ≤ ‖G‖", 1e-12, (of, p) => {
      const g = gradient(of)
      return above(norm([ops.gemm(g, p)]) / norm([g]), 1)
    }),
    law("fires: a generic gradient is changed, unless τ = 0 or the spectrum is flat", 0, (of, p) => {
      const { min, max } = ends(of)
      if (of.tau < 1e-6 || !(max - min > 1e-9 * max)) return 0
      const g = gradient(of)
      return relative(ops.gemm(g, p).data, g.data) > 1e-12 ? 0 : 1
    }),
    law("is the matrix exponential of −τ (Y − λmin I)/(λmax − λmin)", 1e-9, (of, p) => {
      const { min, max } = ends(of)
      return relative(p.data, Modification.exponential(Moment.ofMeans(meansOf(of)), of.tau, [min, max], 60).data)
    }),
    law("in thin form is P by the eigenvectors of Y", 1e-9, (of, p) =>
      relative(p.data, Modification.ofMoment(Moment.ofMeans(meansOf(of)), of.tau).matrix.data)
    ),
    law("is finite, and the identity for zero features", 0, (of, p) => {
      const nothing = ofMeans(Tensor.zeros([of.batches, of.width]), of.tau)
      return p.data.every(Number.isFinite) ? relative(nothing.data, Modification.identity(of.width).data) : Number.NaN
    })
  ]
}

/** The function under test: the batch means of each layer's input. */
export type MeansOfHead = typeof Moment.meansOfHead

/** The laws of moments. */
export const momentLaws = (meansOfHead: MeansOfHead = Moment.meansOfHead): ReadonlyArray<Law.Law> => [
  Law.make({
    name: "the moment is Σ z̄ z̄ᵀ over whole batches of each layer's input, uncentred",
    cases: Batch,
    tolerance: 1e-9,
    deviation: (of) => {
      const { head, parameters } = sceneOf(of)
      const x = matrix(of.batch * 4 - 1, of.features, of.seed, "all")
      const order = Array.from({ length: x.shape[0]! }, (_, i) => i).toReversed()
      const found = meansOfHead(head, parameters, x, order, of.batch)
      const layers = Array.from({ length: head.widths.length - 1 }, (_, i) => i)
      return worst(
        layers.map((i) => {
          const d = head.widths[i]!
          const expected = new Float64Array(d * d)
          for (let b = 0; (b + 1) * of.batch <= order.length; b++) {
            const rows = Tensor.takeRows(x, order.slice(b * of.batch, (b + 1) * of.batch))
            const input = inputsOf(parameters, rows)[i]!
            const mean = Array.from({ length: d }, (_, j) => {
              let total = 0
              for (let row = 0; row < of.batch; row++) total += input.data[row * d + j]!
              return total / of.batch
            })
            for (let j = 0; j < d; j++) for (let k = 0; k < d; k++) expected[j * d + k]! += mean[j]! * mean[k]!
          }
          return relative(Moment.ofMeans(found[i]!).data, expected)
        })
      )
    }
  })
]

/** The function under test: the layers whose P multiplies a layer. */
export type Partners = (
  widths: ReadonlyArray<number>,
  previous: ReadonlyArray<number>,
  l: number
) => ReadonlyArray<number>

const Widths = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3 }))).check(
  Schema.isMinLength(2),
  Schema.isMaxLength(5)
)

/** The laws of matching layers by position, as in the paper. */
export const matchingLaws = (
  partners: Partners = (widths, previous, l) => Modification.partners("position", widths, previous, l)
): ReadonlyArray<Law.Law> => [
  Law.make({
    name: "a layer is modified by the P of the layer as far from the output, if that has an input of its width",
    cases: Schema.Struct({ widths: Widths, previous: Widths }),
    tolerance: 0,
    deviation: ({ widths, previous }) =>
      worst(
        widths.slice(1).map((_, i) => {
          const fromOutput = widths.length - 1 - i
          const input = previous[previous.length - 1 - fromOutput]
          const expected = input === widths[i] ? [previous.length - fromOutput] : []
          return JSON.stringify(partners(widths, previous, i + 1)) === JSON.stringify(expected) ? 0 : 1
        })
      )
  })
]
