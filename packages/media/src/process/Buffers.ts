/**
 * A pool of shared buffers for decoded tensors. A worker thread decodes a sample into them, the caller reads them, and
 * they are then reused for the next sample. There are never more of them than were in use at one time; a buffer that is
 * too small is replaced by a larger one.
 */
import { Memory, Tensor } from "@igm/tensor"
import type { Tensors } from "../Preprocess.ts"

/** The buffers of a pool of threads, on the caller's side. */
export interface Buffers {
  /** Takes free buffers for the next sample's tensors, if there are any. */
  readonly take: () => ReadonlyArray<SharedArrayBuffer>
  /** Returns the buffers of tensors that are no longer read. */
  readonly give: (tensors: Tensors) => void
}

const listed = (tensors: Tensors): ReadonlyArray<Tensor.Tensor> =>
  Tensor.isTensor(tensors) ? [tensors] : Object.values(tensors)

/** Creates an empty pool of buffers. */
export const make = (): Buffers => {
  const spare: Array<SharedArrayBuffer> = []
  /** The buffer sizes of the last sample. */
  let sizes: ReadonlyArray<number> = []
  return {
    take: () => sizes.flatMap((size) => Memory.fitting(spare, size) ?? []),
    give: (tensors) => {
      const own = listed(tensors).map(({ data }) => data.buffer as SharedArrayBuffer)
      sizes = own.map(({ byteLength }) => byteLength)
      spare.push(...own)
    }
  }
}

/**
 * Moves tensors into shared memory: those that are not there yet are copied into the lent buffers, or into new ones,
 * and released.
 */
export const shared = (tensors: Tensors): Tensors => {
  const used = new Set<ArrayBufferLike>()
  const moved = <T extends Tensor.Tensor>(tensor: T): T => {
    const { data } = tensor
    const isThere = data.buffer instanceof SharedArrayBuffer && !used.has(data.buffer)
    used.add(data.buffer)
    if (isThere) return tensor
    const buffer = Memory.take(data.byteLength) ?? new SharedArrayBuffer(data.byteLength)
    return { ...tensor, data: Memory.copy(data, buffer) }
  }
  const out = Tensor.isTensor(tensors)
    ? moved(tensors as Tensor.Tensor<"float32">)
    : Object.fromEntries(Object.entries(tensors).map(([input, tensor]) => [input, moved(tensor)]))
  for (const { data } of listed(tensors)) Memory.release(data)
  return out
}
