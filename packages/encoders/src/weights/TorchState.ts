/**
 * The tensors that a pickle of torch's describes, by name. A state dict may lie inside of other dicts, beside epochs,
 * tensors of their own, optimizers and settings. Those that only wrap it (`state_dict`, `model_state_dict`, `model_state`,
 * `model`) leave no trace in the names, where one of them alone holds tensors; others are joined to them by dots.
 */
import { Tensor } from "@igm/tensor"
import { Malformed, malformed } from "./Malformed.ts"
import { type Call, type Value, is, isTuple } from "./PickleValue.ts"
import * as Names from "./TorchNames.ts"
import * as TorchTensor from "./TorchTensor.ts"

/** Bounds of what is found: a dict may be in two others, and they in two others each, until its tensors have 2ⁿ names. */
const MAX_DEPTH = 32
const MAX_ENTRIES = 4_000_000
const MAX_TENSORS = 100_000
const MAX_NAME = 500

/** Entries of checkpoints that hold nothing but the weights. */
const WRAPPERS = ["state_dict", "model_state_dict", "model_state", "model"]

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

const isKey = (key: Value): key is string | number => typeof key === "string" || typeof key === "number"

/** True if a value may have others in it. */
const isNested = (value: Value): boolean =>
  typeof value === "object" && value !== null && !(value instanceof Uint8Array)

const joined = (name: string, key: string | number): string => (name === "" ? String(key) : `${name}.${key}`)

/** A name as an error may show it. */
const shown = (name: string): string => (name.length > 60 ? `${name.slice(0, 60)}…` : name).replaceAll(/\p{Cc}/gu, "?")

const named = <A>(name: string, read: () => A): A => {
  try {
    return read()
  } catch (cause) {
    throw cause instanceof Malformed ? new Malformed(`${shown(name)}: ${cause.message}`) : cause
  }
}

/** Looks at a value, and at what is in it: at each once, however many others it is in. */
const search = () => {
  const views = new Map<Value, TorchTensor.View | undefined>()
  const known = new Map<Value, boolean>()

  const viewAt = (value: Value, name: string): TorchTensor.View | undefined => {
    if (!views.has(value))
      views.set(
        value,
        named(name, () => TorchTensor.of(value))
      )
    return views.get(value)
  }

  /** True if a value is a tensor, or has one in it. */
  const holds = (value: Value, name: string, depth = 0): boolean => {
    const before = known.get(value)
    if (before !== undefined) return before
    if (depth > MAX_DEPTH) malformed(`${shown(name)}: dicts lie in dicts to a depth of more than ${MAX_DEPTH}`)
    let found = viewAt(value, name) !== undefined
    for (const [key, inner] of found ? [] : entriesOf(value)) {
      if (isKey(key) && isNested(inner)) found = holds(inner, joined(name, key), depth + 1) || found
    }
    known.set(value, found)
    return found
  }

  /** All tensors in a value, by name. */
  const collect = (root: Value): Map<string, TorchTensor.View> => {
    const found = new Map<string, TorchTensor.View>()
    let [looked, repeated] = [0, 0]
    const look = (value: Value, name: string, depth: number): void => {
      const tensor = viewAt(value, name)
      if (tensor !== undefined) {
        if (name.length > MAX_NAME) malformed(`${shown(name)}: this name has more than ${MAX_NAME} letters`)
        if (found.has(name)) malformed(`two tensors are named ${shown(name)}`)
        if (found.size >= MAX_TENSORS) malformed(`there are more than ${MAX_TENSORS} tensors`)
        if (tensor.repeats) repeated += Tensor.sizeOf(tensor.shape)
        if (repeated > TorchTensor.MAX_REPEATED)
          malformed(`${shown(name)}: tensors repeat the elements of their storages too often`)
        found.set(name, tensor)
        return
      }
      if (depth > MAX_DEPTH) malformed(`${shown(name)}: dicts lie in dicts to a depth of more than ${MAX_DEPTH}`)
      for (const [key, inner] of entriesOf(value)) {
        if (++looked > MAX_ENTRIES) malformed(`there are more than ${MAX_ENTRIES} entries`)
        if (isKey(key) && isNested(inner) && holds(inner, joined(name, key), depth + 1))
          look(inner, joined(name, key), depth + 1)
      }
    }
    look(root, "", 0)
    return found
  }
  return { holds, collect }
}

/** The tensors of a pickled state dict or checkpoint, by name. Throws `Malformed`, where it can with the tensor's name. */
export const tensorsOf = (root: Value): ReadonlyMap<string, TorchTensor.View> => {
  const { holds, collect } = search()
  /**
   * The only dict of tensors that has a wrapper's name, whatever lies beside it; the value itself where there are several.
   */
  const unwrapped = (value: Value): Value => {
    const dict = dictOf(value)
    if (dict === undefined) return malformed("the pickle is no dict of tensors: save a model's state_dict() instead")
    const inner = WRAPPERS.flatMap((name) => {
      const wrapped = dict.get(name)
      return wrapped !== undefined && dictOf(wrapped) !== undefined && holds(wrapped, name) ? [wrapped] : []
    })
    return inner.length === 1 ? unwrapped(inner[0]!) : value
  }
  const tensors = collect(unwrapped(root))
  return tensors.size === 0 ? malformed("there are no tensors in it") : tensors
}
