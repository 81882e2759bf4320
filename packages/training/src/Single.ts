/** Tensors of the host in single precision and back, converted once as long as they live. */
import { Tensor } from "@igm/tensor"

/** Conversions that remember what they made of what. */
export interface Single {
  /** In single precision, if it is in double. */
  readonly lowered: (tensor: Tensor.Tensor) => Tensor.Tensor
  /** In double precision; lowering that again gives the tensor itself. */
  readonly raised: (tensor: Tensor.Tensor) => Tensor.Tensor<"float64">
}

/** Conversions with a memory of their own. */
export const make = (): Single => {
  const known = new WeakMap<Tensor.Tensor, Tensor.Tensor>()
  return {
    lowered: (tensor) => {
      if (tensor.dtype !== "float64") return tensor
      const found = known.get(tensor) ?? Tensor.toFloat32(tensor)
      known.set(tensor, found)
      return found
    },
    raised: (tensor) => {
      const wide = Tensor.toFloat64(tensor)
      if (wide !== tensor) known.set(wide, tensor)
      return wide
    }
  }
}
