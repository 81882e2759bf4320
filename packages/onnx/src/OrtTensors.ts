/** Conversions between tensors and onnxruntime's tensors. */
import type { Tensor } from "@igm/tensor"
import * as Memory from "@igm/tensor/Memory"
import { type InferenceSession, Tensor as OrtTensor } from "onnxruntime-node"

type Named = { readonly [name: string]: Tensor.Tensor }

/** Converts named tensors to onnxruntime's, without copying. */
export const toOrt = (tensors: Named): { [name: string]: OrtTensor } =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, { dtype, data, shape }]) => [
      name,
      new OrtTensor(dtype, data as Float32Array, shape as Array<number>)
    ])
  )

/** Copies the results of onnxruntime, which owns its output buffers, and disposes of these. */
export const fromOrt = (results: InferenceSession.OnnxValueMapType): Named =>
  Object.fromEntries(
    Object.entries(results).map(([name, value]) => {
      const { type, dims, data } = value as OrtTensor
      const own = (data as Float32Array).slice()
      Memory.release(data as Float32Array)
      return [name, { dtype: type, shape: dims, data: own } as unknown as Tensor.Tensor]
    })
  )
