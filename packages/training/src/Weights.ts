/** Digests of trained weights, as `@igm/tensor`'s `Digest.ofTensors` makes them, by Node's faster SHA-256. */
import { type Method, Ops } from "@igm/gradient"
import { Digest, Tensor } from "@igm/tensor"
import { createHash } from "node:crypto"
import * as Single from "./engine/Single.ts"

/** Converts weights to the form in which files store them: float32 where that is exact. */
export const stored = (weights: Ops.Named<Method.HostTensor>): Ops.Named<Tensor.Tensor> =>
  Ops.mapNamed(weights, (w) => Single.originOf(w) ?? (isSingle(w.data) ? Tensor.toFloat32(w) : w))

const isSingle = (numbers: Float64Array): boolean => {
  for (let i = 0; i < numbers.length; i++) if (Math.fround(numbers[i]!) !== numbers[i]) return false
  return true
}

/** Known digests by the identity of tensors, since an epoch leaves most heads unchanged. */
const known = new WeakMap<Method.HostTensor, string>()

const digestOf = (w: Method.HostTensor): string => {
  const found = known.get(w)
  if (found !== undefined) return found
  const { w: tensor } = stored({ w }) as { readonly w: Tensor.Tensor }
  const digest = createHash("sha256")
    .update(Digest.canonicalJson([tensor.dtype, tensor.shape]))
    .update(Tensor.bytes(tensor))
    .digest("hex")
  known.set(w, digest)
  return digest
}

/** The digest of weights in their stored form. */
export const digest = (weights: Ops.Named<Method.HostTensor>): Digest.Digest =>
  Digest.ofJson(Ops.mapNamed(weights, digestOf))
