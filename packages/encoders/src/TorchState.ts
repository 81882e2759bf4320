/**
 * The tensors that a pickle of torch's describes, by name. A state dict may lie inside of other dicts, beside epochs,
 * optimizers and settings; those that only wrap it (`state_dict`, `model_state_dict`, `model`) leave no trace in the names,
 * and others are joined to them by dots.
 */
import { Tensor } from "@igm/tensor"
import { type DType, type Layout, bytesOf, reach } from "./Elements.ts"
import { Malformed, malformed } from "./Malformed.ts"
import { type Call, type Saved, type Tuple, type Value, is, isTuple } from "./PickleValue.ts"
import * as Names from "./TorchNames.ts"

/** Numbers that tensors are views of, stored beside the pickle. */
export interface Storage {
  readonly key: string
  readonly dtype: DType
  /** How many elements it has. */
  readonly count: number
  /** The element where the views of it begin: 0 but in the oldest files. */
  readonly base: number
}

/** A tensor: elements of a storage, the first of which is element `offset` of the tensor's type. */
export interface View extends Layout {
  readonly storage: string
  readonly dtype: DType
  readonly offset: number
}

const MAX_RANK = 16
/** The most elements of a tensor that has more than its storage, as it repeats them. */
const MAX_REPEATED = 2 ** 22
/** The most entries that are looked through: a dict may be in itself, or a thousand times in others. */
const MAX_ENTRIES = 4_000_000
const MAX_DEPTH = 32

/** Entries of checkpoints that hold nothing but the weights. */
const WRAPPERS = ["state_dict", "model_state_dict", "model"]

const isNatural = (value: Value | undefined): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const naturals = (value: Value | undefined): ReadonlyArray<number> | undefined => {
  if (is(value, "Call") && value.callee === Names.SIZE) return naturals(value.args[0])
  const items = is(value, "List") ? value.items : value
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
  const view = { storage: storage.key, dtype, offset: storage.base + offset, shape, strides }
  const available = Math.floor((storage.count * bytesOf(storage.dtype)) / bytesOf(dtype))
  const length = Tensor.sizeOf(shape)
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
const tensorOf = (value: Value, depth = 0): View | undefined => {
  if (!is(value, "Call") || depth > MAX_DEPTH) return undefined
  const { callee, args, state } = value
  if (Names.tensorMakers.has(callee)) return viewOf(args, callee.endsWith("_v3"))
  if (Names.tensorClasses.has(callee)) return isTuple(state) ? viewOf(state, false) : undefined
  if (Names.parameterMakers.has(callee)) return args[0] === undefined ? undefined : tensorOf(args[0], depth + 1)
  if (callee !== Names.ATTRIBUTED) return undefined
  const [maker, , inner] = args
  if (!is(maker, "Global") || !isTuple(inner)) return malformed("a tensor with attributes is not described as such")
  return tensorOf({ ...value, callee: maker.name, args: inner }, depth + 1)
}

/** The pairs that Python 2 makes a dict of. */
const pairsOf = ({ args: [pairs] }: Call): ReadonlyArray<readonly [Value, Value]> =>
  is(pairs, "List")
    ? pairs.items.flatMap((pair) => {
        const [key, value] = is(pair, "List") ? pair.items : isTuple(pair) ? pair : []
        return key === undefined || value === undefined ? [] : [[key, value] as const]
      })
    : []

const dictOf = (value: Value): ReadonlyMap<Value, Value> | undefined => {
  if (is(value, "Dict")) return value.entries
  if (!is(value, "Call") || !Names.dictMakers.has(value.callee)) return undefined
  return new Map([...pairsOf(value), ...value.entries])
}

const entriesOf = (value: Value): Iterable<readonly [Value, Value]> =>
  is(value, "List") ? value.items.entries() : isTuple(value) ? value.entries() : (dictOf(value) ?? [])

const named = <A>(name: string, read: () => A): A => {
  try {
    return read()
  } catch (cause) {
    throw cause instanceof Malformed ? new Malformed(`${name}: ${cause.message}`) : cause
  }
}

/** Looks through the dicts, lists and tuples of a value for tensors; `looked` counts what it has seen. */
const collect = (root: Value, looked: { count: number }): Map<string, View> => {
  const found = new Map<string, View>()
  const look = (value: Value, name: string, depth: number): void => {
    const tensor = named(name, () => tensorOf(value))
    if (tensor !== undefined) {
      if (found.has(name)) malformed(`two tensors are named ${name}`)
      found.set(name, tensor)
      return
    }
    if (depth > MAX_DEPTH) malformed(`${name}: dicts lie in dicts to a depth of more than ${MAX_DEPTH}`)
    for (const [key, inner] of entriesOf(value)) {
      if (++looked.count > MAX_ENTRIES) malformed(`there are more than ${MAX_ENTRIES} entries`)
      if (typeof key !== "string" && typeof key !== "number") continue
      look(inner, name === "" ? String(key) : `${name}.${key}`, depth + 1)
    }
  }
  look(root, "", 0)
  return found
}

/** The tensors of a pickled state dict or checkpoint, by name. Throws `Malformed`, where it can with the tensor's name. */
export const tensorsOf = (root: Value): ReadonlyMap<string, View> => {
  const looked = { count: 0 }
  const unwrapped = (value: Value, depth: number): Map<string, View> => {
    const dict = dictOf(value)
    if (dict === undefined) return malformed("the pickle is no dict of tensors: save a model's state_dict() instead")
    const inner = WRAPPERS.map((name) => dict.get(name)).filter(
      (wrapped) => wrapped !== undefined && dictOf(wrapped) !== undefined && collect(wrapped, looked).size > 0
    ) as Array<Value>
    const [wrapped] = inner
    const bare = [...dict].some(([key, entry]) => named(String(key), () => tensorOf(entry)) !== undefined)
    return wrapped === undefined || inner.length > 1 || bare || depth > MAX_DEPTH
      ? collect(value, looked)
      : unwrapped(wrapped, depth + 1)
  }
  const tensors = unwrapped(root, 0)
  return tensors.size === 0 ? malformed("there are no tensors in it") : tensors
}
