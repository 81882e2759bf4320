/** Distances between numbers and their expected values. */
import { type Float64, Ops } from "@igm/gradient"

/** The largest |a − b|, relative to the largest |b| (or to `floor`, where that is larger); NaN where one is NaN. */
export const relative = (a: ArrayLike<number>, b: ArrayLike<number>, floor = 1e-12): number => {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  let [error, scale] = [0, floor]
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!)
    if (Number.isNaN(difference)) return Number.NaN
    error = Math.max(error, difference)
    scale = Math.max(scale, Math.abs(b[i]!))
  }
  return error / scale
}

/** The largest relative distance among tensors of the same names. */
export const relatives = (a: Ops.Named<Float64.Matrix>, b: Ops.Named<Float64.Matrix>, floor?: number): number =>
  worst(Object.entries(b).map(([name, tensor]) => relative(Ops.get(a, name).data, tensor.data, floor)))

/** The largest of some deviations; NaN where one is. */
export const worst = (deviations: ReadonlyArray<number>): number =>
  deviations.some(Number.isNaN) ? Number.NaN : Math.max(0, ...deviations)

/** The amount by which a number exceeds a bound. */
export const above = (x: number, bound: number): number => (Number.isNaN(x) ? x : Math.max(0, x - bound))
