/** The tensors that a pickle of torch's describes: views of storages, which lie beside the pickle. */
import { Tensor } from "@igm/tensor"
import { type DType, type Layout, bytesOf, reach } from "./Elements.ts"
import { malformed } from "./Malformed.ts"
import { type Saved, type Tuple, type Value, is, isTuple } from "./PickleValue.ts"
import * as Names from "./TorchNames.ts"

/** Numbers that tensors are views of, stored beside the pickle. */
export interface Storage {
  readonly key: string
  readonly dtype: DType
  /** The number of its elements. */
  readonly count: number
  /** The element where the views of it begin: 0 but in the oldest files. */
  readonly base: number
}

/** A tensor: elements of a storage, the first of which is element `offset` of the tensor's type. */
export interface View extends Layout {
  readonly storage: string
  readonly dtype: DType
  readonly offset: number
  /** True if it has more elements than its storage, as it repeats them. */
  readonly repeats: boolean
}

const MAX_RANK = 16
/** Calls in calls, at most, that lead to a tensor. */
const MAX_DEPTH = 32
/** The most elements that tensors which repeat those of their storages have, one of them and all together. */
export const MAX_REPEATED = 2 ** 22

const isNatural = (value: Value | undefined): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const naturals = (value: Value | undefined): ReadonlyArray<number> | undefined => {
  const given = is(value, "Call") && value.callee === Names.SIZE ? value.args[0] : value
  const items = is(given, "List") ? given.items : given
  return isTuple(items) && items.length <= MAX_RANK && items.every(isNatural) ? (items as Array<number>) : undefined
}

/** The storage that a pickle has stored elsewhere. Throws `Malformed` where it is something else. */
export const storageOf = ({ id }: Saved): Storage => {
  const [kind, type, key, , count, view = null] = isTuple(id) ? id : []
  const dtype = is(type, "Global") ? Names.storageTypes.get(type.name) : undefined
  const base = view === null ? 0 : isTuple(view) ? view[1] : undefined
  if (kind !== "storage" || dtype === undefined || typeof key !== "string" || !isNatural(count) || !isNatural(base)) {
    return malformed("something else than a storage of numbers is stored beside the pickle")
  }
  return { key, dtype, count, base }
}

const viewOf = ([saved, offset, size, stride, ...rest]: Tuple, hasType: boolean): View => {
  const [shape, strides] = [naturals(size), naturals(stride)]
  if (!is(saved, "Saved") || !isNatural(offset) || shape === undefined || strides?.length !== shape.length) {
    return malformed("a tensor is described by something else than a storage, an offset, a shape and strides")
  }
  const storage = storageOf(saved)
  const type = hasType ? rest[2] : undefined
  const dtype = is(type, "Global") ? Names.dtypes.get(type.name) : hasType ? undefined : storage.dtype
  if (dtype === undefined) return malformed("a tensor has an unknown type of elements")
  const available = Math.floor((storage.count * bytesOf(storage.dtype)) / bytesOf(dtype))
  const length = Tensor.sizeOf(shape)
  const repeats = length > available
  const view = { storage: storage.key, dtype, offset: storage.base + offset, shape, strides, repeats }
  const last = view.offset + reach(view)
  if (length > 0 && last > available) {
    return malformed(`a tensor of shape [${shape.join(", ")}] ends at element ${last} of ${available} in its storage`)
  }
  if (length > Math.max(available, MAX_REPEATED)) {
    return malformed(
      `a tensor of shape [${shape.join(", ")}] repeats the ${available} elements of its storage too often`
    )
  }
  return view
}

/** The tensor that a value describes, if it is one. */
export const of = (value: Value, depth = 0): View | undefined => {
  if (!is(value, "Call") || depth > MAX_DEPTH) return undefined
  const { callee, args, state } = value
  if (Names.tensorMakers.has(callee)) return viewOf(args, callee.endsWith("_v3"))
  if (Names.tensorClasses.has(callee)) return isTuple(state) ? viewOf(state, false) : undefined
  if (Names.parameterMakers.has(callee)) return args[0] === undefined ? undefined : of(args[0], depth + 1)
  if (callee !== Names.ATTRIBUTED) return undefined
  const [maker, , inner] = args
  if (!is(maker, "Global") || !isTuple(inner)) return malformed("a tensor with attributes is not described as such")
  return of({ ...value, callee: maker.name, args: inner }, depth + 1)
}
