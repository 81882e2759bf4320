/** Slices of the draws of a block. */
import { type Method, Ops } from "@igm/gradient"
import { Tensor } from "@igm/tensor"

/** The draw of the first step. */
export const first = (values: Tensor.Tensor): Tensor.Tensor => {
  const { data, shape } = Tensor.takeRows(values, [0])
  return { ...values, shape: shape.slice(1), data } as Tensor.Tensor
}

/** The draws of steps `from` (inclusive) to `to` (exclusive), without copying. */
export const part = ({ steps, values }: Method.Draws, from: number, to = steps): Method.Draws => {
  const cut = <D extends "int32" | "float64">({ dtype, shape, data }: Tensor.Tensor<D>): Tensor.Tensor<D> => {
    const size = Tensor.sizeOf(shape.slice(1))
    return Tensor.make(dtype, [to - from, ...shape.slice(1)], data.subarray(from * size, to * size) as typeof data)
  }
  return {
    steps: to - from,
    values: Ops.mapNamed(values, (tensor) => (tensor.dtype === "int32" ? cut(tensor) : cut(tensor)))
  }
}
