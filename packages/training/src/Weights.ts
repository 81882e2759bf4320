/** Digests of trained weights, as `@igm/tensor`'s `Digest.ofTensors` makes them, by Node's faster SHA-256. */
import { type Method, Ops } from "@igm/gradient"
import { Digest, Tensor } from "@igm/tensor"
import { createHash } from "node:crypto"

/** The weights as a file stores them: float32 where that loses nothing. */
export const stored = (weights: Ops.Named<Method.HostTensor>): Ops.Named<Tensor.Tensor> =>
  Ops.mapNamed(weights, (w) => (isSingle(w.data) ? Tensor.toFloat32(w) : w))

const isSingle = (numbers: Float64Array): boolean => {
  for (let i = 0; i < numbers.length; i++) if (Math.fround(numbers[i]!) !== numbers[i]) return false
  return true
}

/** The digest of weights as they are stored. */
export const digest = (weights: Ops.Named<Method.HostTensor>): Digest.Digest =>
  Digest.ofJson(
    Ops.mapNamed(stored(weights), (tensor) =>
      createHash("sha256")
        .update(Digest.canonicalJson([tensor.dtype, tensor.shape]))
        .update(Tensor.bytes(tensor))
        .digest("hex")
    )
  )
