/** Tensors as onnxruntime takes and gives them. */
import type { Tensor } from "@igm/tensor"
import { type InferenceSession, Tensor as OrtTensor } from "onnxruntime-node"

type Named = { readonly [name: string]: Tensor.Tensor }

/** Named tensors as onnxruntime takes them, over the same numbers. */
export const toOrt = (tensors: Named): { [name: string]: OrtTensor } =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, { dtype, data, shape }]) => [
      name,
      new OrtTensor(dtype, data as Float32Array, shape as Array<number>)
    ])
  )

/** What onnxruntime gave, copied: it owns its output buffers. */
export const fromOrt = (results: InferenceSession.OnnxValueMapType): Named =>
  Object.fromEntries(
    Object.entries(results).map(([name, value]) => {
      const { type, dims, data } = value as OrtTensor
      return [name, { dtype: type, shape: dims, data: (data as Float32Array).slice() } as unknown as Tensor.Tensor]
    })
  )
