/**
 * Where two JSON values differ: the path and both values of each innermost place. Two values have the same canonical JSON
 * if and only if there is no difference; and `apply` with the differences from `a` to `b` turns `a` into `b`.
 */
import type { Digest } from "@igm/tensor"

type Json = Digest.Json

/** A step into a JSON value: a member's name, or a place in a list from 0. */
export type Key = string | number

/** A place where two values differ; one side is `undefined` where only the other has something. */
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

/** The differences from `a` to `b`, members by name and lists by place. */
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

/** The value that the differences lead to from `a`. */
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

/** A path as a person writes it: `methods[0].settings.tau`; names that are no words are quoted. */
export const pathText = (path: ReadonlyArray<Key>): string =>
  path
    .map((key, i) => {
      if (typeof key === "number") return `[${key}]`
      if (!/^[\w-]+$/.test(key)) return `[${JSON.stringify(key)}]`
      return i === 0 ? key : `.${key}`
    })
    .join("")
