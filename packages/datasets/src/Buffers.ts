/**
 * Buffers of decoded tensors, which threads share: the thread that decodes a sample writes into them, who asked reads
 * them, and then they serve the next sample. There are never more of them than were in use at one time; one that is too
 * small is let go, and a larger one is made in its place.
 */
import { Memory, Tensor } from "@igm/tensor"
import type { Tensors } from "./Dataset.ts"

/** The buffers of a pool of threads, on the side that asks them. */
export interface Buffers {
  /** Buffers for the next sample's tensors, if there are some. */
  readonly take: () => ReadonlyArray<SharedArrayBuffer>
  /** Gives back the buffers of tensors that nobody reads any more. */
  readonly give: (tensors: Tensors) => void
}

const listed = (tensors: Tensors): ReadonlyArray<Tensor.Tensor> =>
  Tensor.isTensor(tensors) ? [tensors] : Object.values(tensors)

/** No buffers yet. */
export const make = (): Buffers => {
  const spare: Array<SharedArrayBuffer> = []
  /** The sizes of the last sample's. */
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

/** Tensors in memory that is shared: what does not lie there is copied, to what was lent or to new memory, and let go. */
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
