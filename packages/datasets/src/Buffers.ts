/**
 * Memory of samples that does not wait for a collection of garbage. Buffers of tensors go from thread to thread and come
 * back: there are never more of them than were lent at one time, since one that is too small goes to the thread as well,
 * which lets it go and makes a larger one. What a sample needs on the way to its tensors is let go as soon as it was read.
 *
 * V8 collects such memory when there is enough of it, some tens of megabytes in each thread, at a time that it chooses;
 * with this, what a process holds does not depend on that choice.
 */
import { Tensor } from "@igm/tensor"
import type { Tensors } from "./Dataset.ts"

/** Lets go of numbers that nobody reads any more, unless others lie in the same buffer. */
export const release = ({ buffer, byteLength }: Uint8Array | Tensor.Tensor["data"]): void => {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
}

/** The buffers of a pool of threads, on the side that asks them. */
export interface Buffers {
  /** Buffers for the next sample's tensors, if there are some; they are the thread's then. */
  readonly take: () => Array<ArrayBuffer>
  /** Gives back the buffers of a sample's tensors; without any if they are lost. */
  readonly give: (tensors?: Tensors) => void
}

const listed = (tensors: Tensors): ReadonlyArray<Tensor.Tensor> =>
  Tensor.isTensor(tensors) ? [tensors] : Object.values(tensors)

/** The buffers of tensors, each once. */
export const of = (tensors: Tensors): Array<ArrayBuffer> => [
  ...new Set(listed(tensors).map(({ data }) => data.buffer as ArrayBuffer))
]

/** Takes out the smallest buffer that holds so many bytes, and where there is none the largest. */
const fitting = (spare: Array<ArrayBuffer>, size: number): ArrayBuffer | undefined => {
  const better = (a: number, b: number) => (a >= size && b >= size ? a < b : a > b)
  let best = 0
  for (let i = 1; i < spare.length; i++) if (better(spare[i]!.byteLength, spare[best]!.byteLength)) best = i
  return spare.splice(best, 1)[0]
}

/** No buffers yet. */
export const make = (): Buffers => {
  const spare: Array<ArrayBuffer> = []
  /** Samples whose buffers are in use, here or in a thread. */
  let open = 0
  /** The sizes of the last sample's. */
  let sizes: ReadonlyArray<number> = []
  return {
    take: () => {
      open++
      return sizes.flatMap((size) => fitting(spare, size) ?? [])
    },
    give: (tensors = {}) => {
      open--
      const own = of(tensors)
      if (own.length > 0) sizes = own.map(({ byteLength }) => byteLength)
      spare.push(...own)
      // Nothing is at work: memory that nobody needs is not kept.
      if (open === 0) spare.length = 0
    }
  }
}

/** A tensor's numbers in one of the buffers that holds them, which is taken out, or else in a buffer of their own. */
const moved = <T extends Tensor.Tensor>(tensor: T, buffers: Array<ArrayBuffer>): T => {
  const { data } = tensor
  if (buffers.some(({ byteLength }) => byteLength >= data.byteLength)) {
    const Numbers = data.constructor as new (buffer: ArrayBuffer, offset: number, length: number) => Float64Array
    const copy = new Numbers(fitting(buffers, data.byteLength)!, 0, data.length)
    copy.set(data as Float64Array)
    return { ...tensor, data: copy }
  }
  const isOwn = data.buffer instanceof ArrayBuffer && data.byteLength === data.buffer.byteLength
  return isOwn ? tensor : { ...tensor, data: data.slice() }
}

/** Tensors in buffers that can be handed over: in the given ones as far as they are large enough; the old ones are let go. */
export const handed = (tensors: Tensors, given: ReadonlyArray<ArrayBuffer>): Tensors => {
  const buffers = [...given]
  const out = Tensor.isTensor(tensors)
    ? moved(tensors as Tensor.Tensor<"float32">, buffers)
    : Object.fromEntries(Object.entries(tensors).map(([input, tensor]) => [input, moved(tensor, buffers)]))
  const kept = new Set(of(out))
  for (const { data } of listed(tensors)) if (!kept.has(data.buffer as ArrayBuffer)) release(data)
  return out
}
