/**
 * Tensors of the host in single precision and back. What an engine made in single precision is made double when it is
 * read, if it is; whatever is lowered is lowered once as long as it lives.
 */
import { Tensor } from "@igm/tensor"

type Single = Tensor.Tensor<"float32">

const origins = new WeakMap<Tensor.Tensor, Single>()
const roundings = new WeakMap<Tensor.Tensor, Single>()

/** The tensor of single precision that a tensor was raised from. */
export const originOf = (tensor: Tensor.Tensor): Single | undefined => origins.get(tensor)

/** In single precision, if it is in double. */
export const lowered = (tensor: Tensor.Tensor): Tensor.Tensor => {
  if (tensor.dtype !== "float64") return tensor
  const found = originOf(tensor) ?? roundings.get(tensor)
  if (found !== undefined) return found
  const rounded = Tensor.toFloat32(tensor)
  roundings.set(tensor, rounded)
  return rounded
}

/** In double precision; lowering that again gives the tensor itself. */
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
