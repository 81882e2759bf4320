/**
 * The values that a pickle describes: numbers, texts, bytes, tuples, lists and dicts, and records of what Python would have
 * looked up, called or read from elsewhere.
 */

/** A value that a pickle describes; tuples are arrays, and frozen sets too. */
export type Value = null | boolean | number | bigint | string | Uint8Array | Tuple | List | Dict | Global | Call | Saved
export type Tuple = ReadonlyArray<Value>

/** A list, or a set. */
interface List {
  readonly _tag: "List"
  readonly items: Array<Value>
}

interface Dict {
  readonly _tag: "Dict"
  readonly entries: Map<Value, Value>
}

/** A class or function of Python's, by module and name: `torch.FloatStorage`. */
interface Global {
  readonly _tag: "Global"
  readonly name: string
}

/** The result that a call would have had, with the entries and the state that it was then given. */
export interface Call {
  readonly _tag: "Call"
  readonly callee: string
  readonly args: Tuple
  readonly entries: Map<Value, Value>
  state?: Value
}

/** Something that is stored outside of the pickle. */
export interface Saved {
  readonly _tag: "Saved"
  readonly id: Value
}

/** True if a value is the list, dict, global, call or saved object that `tag` says. */
export const is = <T extends string>(value: Value | undefined, tag: T): value is Extract<Value, { readonly _tag: T }> =>
  typeof value === "object" && value !== null && "_tag" in value && value._tag === tag

/** True if a value is a tuple. */
export const isTuple = (value: Value | undefined): value is Tuple => Array.isArray(value)
