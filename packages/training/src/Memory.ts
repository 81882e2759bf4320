/**
 * What a thread has of a lane's tensors, as the other side knows it: tensors are numbered, and one that the thread has is
 * sent by its number. Those that were used longest ago are forgotten where they take more than the budget together.
 */
import { Tensor } from "@igm/tensor"

/** What is known of a thread's tensors. */
export interface Memory {
  /** Begins a call: what it uses is kept until the next one. */
  readonly begin: () => void
  /** The number of a tensor, if the thread has it. */
  readonly find: (tensor: Tensor.Tensor) => number | undefined
  /** Takes down that the thread has a tensor under a number. */
  readonly add: (tensor: Tensor.Tensor, id: number) => void
  /** The numbers that it may forget. */
  readonly trim: () => ReadonlyArray<number>
}

/** A memory of so many bytes. */
export const make = (budget: number): Memory => {
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
        if (total <= budget || used === call) break
        known.delete(tensor)
        total -= bytes
        forgotten.push(id)
      }
      return forgotten
    }
  }
}
