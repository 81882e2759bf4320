/**
 * Batches of samples. Samples go together if their tensors have the same shape, after the free sizes of an encoder whose
 * inputs may be padded have been filled up with zeros to the next multiple. What a sample is padded to depends on the
 * sample alone, and not on what it happens to share a batch with: neither do its features.
 */
import { type Memory, Tensor } from "@igm/tensor"
import type { Ports } from "../graphs/Port.ts"

type Named = { readonly [input: string]: Tensor.Tensor }

/** A decoded sample, and which one it is. */
export interface Item {
  readonly at: number
  readonly tensors: Named
}

/** The shape that a sample's tensor has in a batch; without a multiple it is the tensor's own. */
const shapeIn = (port: Ports[string], { shape }: Tensor.Tensor, multiple: number): ReadonlyArray<number> =>
  shape.map((size, axis) =>
    typeof port.shape[axis] === "string" ? Math.max(1, Math.ceil(size / multiple)) * multiple : size
  )

const shapesIn = (ports: Ports, { tensors }: Item, multiple: number): string =>
  JSON.stringify(Object.entries(ports).map(([name, port]) => shapeIn(port, tensors[name]!, multiple)))

/** Collects samples into batches. */
export interface Collector<I extends Item> {
  /** The batches that are full with this sample. */
  readonly add: (item: I) => ReadonlyArray<ReadonlyArray<I>>
  /** Gives the batches that are left at the end. */
  readonly rest: () => ReadonlyArray<ReadonlyArray<I>>
}

/** Collects batches of `size` samples; if `most` samples wait for others of their shape, the largest group goes as it is. */
export const collector = <I extends Item>(ports: Ports, size: number, most: number, multiple: number): Collector<I> => {
  const groups = new Map<string, Array<I>>()
  let waiting = 0
  const leave = (key: string): ReadonlyArray<I> => {
    const group = groups.get(key)!
    groups.delete(key)
    waiting -= group.length
    return group
  }
  return {
    add: (item) => {
      const key = shapesIn(ports, item, multiple)
      const group = groups.get(key) ?? []
      groups.set(key, group)
      group.push(item)
      waiting++
      if (group.length === size) return [leave(key)]
      if (waiting < most) return []
      const [largest] = [...groups].reduce((a, b) => (b[1].length > a[1].length ? b : a))
      return [leave(largest)]
    },
    rest: () => [...groups.keys()].map(leave)
  }
}

type Numbers = Float32Array | BigInt64Array

/** Copies a tensor's numbers into one of the same rank that is as large or larger, from `offset` on; what is left is 0. */
const place = (out: Numbers, shape: ReadonlyArray<number>, tensor: Tensor.Tensor, offset: number): void => {
  const whole = out as unknown as Float64Array
  const data = tensor.data as Float64Array
  const size = Tensor.sizeOf(shape)
  if (data.length === size) return whole.set(data, offset)
  new Uint8Array(out.buffer).fill(0, offset * out.BYTES_PER_ELEMENT, (offset + size) * out.BYTES_PER_ELEMENT)
  const copy = (axis: number, to: number, from: number): void => {
    const [own, wide] = [tensor.shape.slice(axis + 1), shape.slice(axis + 1)].map(Tensor.sizeOf) as [number, number]
    for (let i = 0; i < tensor.shape[axis]!; i++) {
      const [target, source] = [to + i * wide, from + i * own]
      if (axis === shape.length - 1) whole[target] = data[source]!
      else if (own === wide) whole.set(data.subarray(source, source + own), target)
      else copy(axis + 1, target, source)
    }
  }
  copy(0, offset, 0)
}

/** The tensors of a batch, with a leading axis of samples that go together, in memory that may have been used before. */
export const stack = (ports: Ports, items: ReadonlyArray<Item>, multiple: number, memory: Memory.Pool): Named =>
  Object.fromEntries(
    Object.entries(ports).map(([name, port]) => {
      const shape = shapeIn(port, items[0]!.tensors[name]!, multiple)
      const size = Tensor.sizeOf(shape)
      const Numbers = port.dtype === "int64" ? BigInt64Array : Float32Array
      const count = items.length * size
      const data = new Numbers(memory.take(count * Numbers.BYTES_PER_ELEMENT) as ArrayBuffer, 0, count)
      items.forEach(({ tensors }, i) => place(data, shape, tensors[name]!, i * size))
      return [name, Tensor.make(port.dtype, [items.length, ...shape], data)]
    })
  )

/** Gives the buffers of a batch back, which nobody reads any more. */
export const give = (batch: Named, memory: Memory.Pool): void =>
  Object.values(batch).forEach(({ data }) => memory.give(data.buffer))

/** Samples `from` … `to` − 1 of a batch, over the same numbers. */
export const part = (batch: Named, from: number, to: number): Named =>
  Object.fromEntries(
    Object.entries(batch).map(([name, tensor]) => {
      const shape = tensor.shape.slice(1)
      const size = Tensor.sizeOf(shape)
      return [name, Tensor.make(tensor.dtype, [to - from, ...shape], tensor.data.subarray(from * size, to * size))]
    })
  )
