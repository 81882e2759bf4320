/**
 * The shortest convex combination of two vectors, w a + (1−w) b with w in [0, 1], in closed form: without the bounds w
 * = ⟨b, b − a⟩/‖a − b‖² (Désidéri 2012; Sener and Koltun 2018).
 */
import type { Ops } from "./Ops.ts"

/** The weight w of `a`, from the products ⟨a, a⟩, ⟨a, b⟩ and ⟨b, b⟩ (1 × 1 each); ½ where a = b. */
export const weight = <T>(ops: Ops<T>, aa: T, ab: T, bb: T): T => {
  const [zero, one] = [ops.scalar(0), ops.scalar(1)]
  const apart = ops.add(ops.subtract(aa, ab), ops.subtract(bb, ab))
  const positive = ops.greater(apart, zero)
  const free = ops.divide(ops.subtract(bb, ab), ops.where(positive, apart, one))
  const bounded = ops.subtract(one, ops.relu(ops.subtract(one, ops.relu(free))))
  return ops.where(positive, bounded, ops.scalar(0.5))
}
