/** Tensors as onnxruntime takes and gives them. */
import { Memory, type Tensor } from "@igm/tensor"
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

/** What onnxruntime gave, copied: it owns its output buffers, which are let go. */
export const fromOrt = (results: InferenceSession.OnnxValueMapType): Named =>
  Object.fromEntries(
    Object.entries(results).map(([name, value]) => {
      const { type, dims, data } = value as OrtTensor
      const own = (data as Float32Array).slice()
      Memory.release(data as Float32Array)
      return [name, { dtype: type, shape: dims, data: own } as unknown as Tensor.Tensor]
    })
  )
