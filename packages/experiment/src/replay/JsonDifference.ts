/**
 * The differences of two JSON values: the path and both values of each innermost difference. There are none if and only
 * if both values have the same canonical JSON; and `apply` with the differences from `a` to `b` turns `a` into `b`.
 */
import type { Digest } from "@igm/tensor"

type Json = Digest.Json

/** A step into a JSON value: a member's name, or an index of a list from 0. */
export type Key = string | number

/** A path at which two values differ; a side without a value there is `undefined`. */
export interface Difference {
  readonly path: ReadonlyArray<Key>
  readonly a: Json | undefined
  readonly b: Json | undefined
}

const isList = (value: Json | undefined): value is ReadonlyArray<Json> => Array.isArray(value)

const isObject = (value: Json | undefined): value is { readonly [key: string]: Json | undefined } =>
  typeof value === "object" && value !== null && !isList(value)

const own = (value: { readonly [key: string]: Json | undefined }, key: string): Json | undefined =>
  Object.hasOwn(value, key) ? value[key] : undefined

/** The differences from `a` to `b`: members are compared by name, list elements by index. */
export const between = (a: Json | undefined, b: Json | undefined): ReadonlyArray<Difference> => {
  const inside = (key: Key, a: Json | undefined, b: Json | undefined) =>
    between(a, b).map((found) => ({ ...found, path: [key, ...found.path] }))
  if (isList(a) && isList(b)) {
    return Array.from({ length: Math.max(a.length, b.length) }, (_, i) => inside(i, a[i], b[i])).flat()
  }
  if (isObject(a) && isObject(b)) {
    return [...new Set([...Object.keys(a), ...Object.keys(b)])]
      .toSorted()
      .flatMap((key) => inside(key, own(a, key), own(b, key)))
  }
  return a === b ? [] : [{ path: [], a, b }]
}

/** Applies differences to `a`. */
export const apply = (a: Json | undefined, differences: ReadonlyArray<Difference>): Json | undefined => {
  const here = differences.find(({ path }) => path.length === 0)
  if (here !== undefined) return here.b
  const byKey = Map.groupBy(differences, ({ path }) => path[0]!)
  const inside = (key: Key, value: Json | undefined) =>
    apply(
      value,
      (byKey.get(key) ?? []).map((found) => ({ ...found, path: found.path.slice(1) }))
    )
  if (isList(a)) {
    const length = Math.max(a.length, ...[...byKey.keys()].map((key) => Number(key) + 1))
    // What is taken away from a list is its end.
    return Array.from({ length }, (_, i) => inside(i, a[i])).filter((item) => item !== undefined)
  }
  if (!isObject(a)) return a
  const members = [...new Set([...Object.keys(a), ...byKey.keys()])].map((key) => [key, inside(key, own(a, `${key}`))])
  return Object.fromEntries(members.filter(([, member]) => member !== undefined)) as Json
}

/** Formats a path: `methods[0].settings.tau`; names that are no identifiers are quoted. */
export const pathText = (path: ReadonlyArray<Key>): string =>
  path
    .map((key, i) => {
      if (typeof key === "number") return `[${key}]`
      if (!/^[\w-]+$/.test(key)) return `[${JSON.stringify(key)}]`
      return i === 0 ? key : `.${key}`
    })
    .join("")
