/** Laws of gradient blending's weights, with the sign of a gain kept and lost. */
import { GradientBlending, Ops } from "@igm/gradient"
import { Seed, matrix } from "../Cases.ts"
import { above, relative, worst } from "../Distance.ts"
import * as Law from "../Law.ts"

/** The function under test: from curves of losses to their weights. */
export type Weights = typeof GradientBlending.weights

/** The laws of gradient blending's weights. */
export const laws = (weights: Weights = GradientBlending.weights): ReadonlyArray<Law.Law> => {
  const law = (name: string, tolerance: number, deviation: (curves: Ops.Named<GradientBlending.Curve>) => number) =>
    Law.make({
      name: `gradient blending's weights ${name}`,
      cases: Seed,
      tolerance,
      deviation: (seed) => {
        const x = matrix(3, 4, seed, "curves").data.map((v) => 1 + 0.3 * v)
        const curve = (i: number): GradientBlending.Curve => ({
          before: { train: x[4 * i]!, valid: x[4 * i + 1]! },
          after: { train: x[4 * i + 2]!, valid: x[4 * i + 3]! }
        })
        return deviation({ audio: curve(0), video: curve(1), sum: curve(2) })
      }
    })
  const gain = ({ before, after }: GradientBlending.Curve) => before.valid - after.valid
  return [
    law("lie on the simplex", 1e-12, (curves) => {
      const found = Object.values(weights(curves))
      return worst([Math.abs(found.reduce((a, b) => a + b, 0) - 1), ...found.map((w) => above(0, w))])
    }),
    law("are 0 for a loss that made the validation loss worse, if another made it better", 0, (curves) => {
      const found = weights(curves)
      if (!Object.values(curves).some((curve) => gain(curve) > 0)) return 0
      return worst(Object.entries(curves).map(([name, curve]) => (gain(curve) < 0 ? found[name]! : 0)))
    }),
    law("are in the ratio of G/O²", 1e-9, (curves) => {
      const raw = Ops.mapNamed(curves, ({ before, after }) => {
        const overfitting = after.valid - after.train - before.valid + before.train
        return Math.max(before.valid - after.valid, 0) / Math.max(overfitting ** 2, 1e-4)
      })
      const found = weights(curves)
      return relative(
        Object.keys(curves).map((a) => found[a]! * raw["sum"]!),
        Object.keys(curves).map((a) => found["sum"]! * raw[a]!),
        1
      )
    }),
    law("are in the ratio of |G/O²| where the sign is lost, however small O is", 1e-9, (curves) => {
      const raw = Ops.mapNamed(curves, ({ before, after }) => {
        const overfitting = after.valid - after.train - before.valid + before.train
        return Math.abs(before.valid - after.valid) / overfitting ** 2
      })
      const total = Object.values(raw).reduce((a, b) => a + b, 0)
      const found = weights(curves, GradientBlending.asInBalanceBenchmark)
      return relative(
        Object.keys(curves).map((a) => found[a]!),
        Object.keys(curves).map((a) => raw[a]! / total),
        1
      )
    })
  ]
}
