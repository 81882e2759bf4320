/**
 * The tensors of a lane that a worker thread holds, as the calling thread tracks them: a tensor that the worker has is
 * sent by its number. The least recently used ones are dropped when they exceed a budget in bytes together, and those
 * that many calls have not used at once: one training after another uses a lane, each with tables of its own.
 */
import { Tensor } from "@igm/tensor"

/** The tracked tensors of a lane in a worker. */
export interface TensorCache {
  /** Begins a call: the tensors that it uses are kept until the next one. */
  readonly begin: () => void
  /** The number of a tensor, if the worker has it. */
  readonly find: (tensor: Tensor.Tensor) => number | undefined
  /** Records that the worker has a tensor under a number. */
  readonly add: (tensor: Tensor.Tensor, id: number) => void
  /** Drops tensors over the budget and those long unused, and returns their numbers. */
  readonly trim: () => ReadonlyArray<number>
}

/** The number of calls after which a tensor that none of them used is dropped; an epoch makes two or three calls. */
const UNUSED = 24

/** A cache with a budget in bytes. */
export const make = (budget: number): TensorCache => {
  const known = new Map<Tensor.Tensor, { readonly id: number; readonly bytes: number; readonly call: number }>()
  let [total, call] = [0, 0]
  return {
    begin: () => void call++,
    find: (tensor) => {
      const found = known.get(tensor)
      if (found === undefined) return undefined
      // The latest comes last.
      known.delete(tensor)
      known.set(tensor, { ...found, call })
      return found.id
    },
    add: (tensor, id) => {
      const bytes = Tensor.sizeOf(tensor.shape) * Tensor.bytesPerElement(tensor.dtype)
      known.set(tensor, { id, bytes, call })
      total += bytes
    },
    trim: () => {
      const forgotten: Array<number> = []
      for (const [tensor, { id, bytes, call: used }] of known) {
        if (used === call || (total <= budget && call - used <= UNUSED)) break
        known.delete(tensor)
        total -= bytes
        forgotten.push(id)
      }
      return forgotten
    }
  }
}
