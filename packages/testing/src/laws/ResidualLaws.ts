/** Laws of ReconBoost's targets, y − w softmax(Σ others' logits), and of the loss on them. */
import { Float64, Loss, ReconBoost } from "@igm/gradient"
import { Tensor } from "@igm/tensor"
import { type Logits, Logits as LogitsSchema, logitsOf, matrix } from "../Cases.ts"
import { relative } from "../Distance.ts"
import * as Law from "../Law.ts"
import * as Oracle from "../Oracle.ts"

const { ops } = Float64

/** The function under test: the targets. */
export type Residual = typeof ReconBoost.residual

/** The laws. */
export const laws = (residual: Residual = ReconBoost.residual): ReadonlyArray<Law.Law> => {
  const WEIGHT = 0.25
  const labels = ({ batch, classes, seed }: Logits) =>
    Tensor.float64(
      [batch, classes],
      Float64Array.from({ length: batch * classes }, (_, i) =>
        Number(i % classes === (seed + Math.floor(i / classes)) % classes)
      )
    )
  const law = (name: string, tolerance: number, deviation: (of: Logits, y: Float64.Matrix) => number) =>
    Law.make({
      name: `ReconBoost's ${name}`,
      cases: LogitsSchema,
      tolerance,
      deviation: (of) => deviation(of, labels(of))
    })
  return [
    law("gradient is that of −Σ y log p + w Σ softmax(others) log p, by finite differences", 1e-6, (of, y) => {
      const others = logitsOf(of)
      const z = matrix(of.batch, of.classes, of.seed, "own")
      const q = ops.exp(ops.logSoftmax(others.reduce(ops.add)))
      const at = (i: number, by: number) => {
        const data = z.data.slice()
        data[i]! += by
        const moved = Tensor.float64(z.shape, data)
        return Oracle.crossEntropy(moved, y) - WEIGHT * Oracle.crossEntropy(moved, q)
      }
      const expected = z.data.map((_, i) => (at(i, 1e-5) - at(i, -1e-5)) / 2e-5)
      return relative(Loss.crossEntropy(ops, z, residual(y, others, WEIGHT), of.batch).delta.data, expected, 1)
    }),
    law("targets fire: they differ from the labels as soon as there are others", 0, (of, y) => {
      const found = residual(y, logitsOf(of), WEIGHT)
      return relative(found.data, y.data) > WEIGHT / of.classes / 2 &&
        relative(residual(y, [], WEIGHT).data, y.data) === 0
        ? 0
        : 1
    })
  ]
}
