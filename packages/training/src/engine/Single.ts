/**
 * Conversions of host tensors to single precision and back, memoized. Results that an engine computed in single
 * precision are converted to double precision lazily, when they are read.
 */
import { Tensor } from "@igm/tensor"

type Single = Tensor.Tensor<"float32">

const origins = new WeakMap<Tensor.Tensor, Single>()
const roundings = new WeakMap<Tensor.Tensor, Single>()

/** The float32 tensor that a tensor was converted from, if there is one. */
export const originOf = (tensor: Tensor.Tensor): Single | undefined => origins.get(tensor)

/** Converts a float64 tensor to float32; leaves others as they are. */
export const lowered = (tensor: Tensor.Tensor): Tensor.Tensor => {
  if (tensor.dtype !== "float64") return tensor
  const found = originOf(tensor) ?? roundings.get(tensor)
  if (found !== undefined) return found
  const rounded = Tensor.toFloat32(tensor)
  roundings.set(tensor, rounded)
  return rounded
}

/** Converts a tensor to float64, lazily; converting back gives the tensor itself. */
export const raised = (tensor: Tensor.Tensor): Tensor.Tensor<"float64"> => {
  if (tensor.dtype !== "float32") return Tensor.toFloat64(tensor)
  const single = tensor as Single
  let made: Float64Array | undefined
  const wide: Tensor.Tensor<"float64"> = {
    dtype: "float64",
    shape: single.shape,
    get data() {
      made ??= Tensor.toFloat64(single).data
      return made
    }
  }
  origins.set(wide, single)
  return wide
}
