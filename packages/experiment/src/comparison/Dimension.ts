/**
 * Dimensions of a space: the values that one setting may have. They are plain data; a value is drawn by a share u in
 * [0, 1] of the dimension, the first value at 0 and the last at 1.
 */
import { Name, Setting } from "@igm/tensor"
import { Predicate, Schema } from "effect"

/** The value of a setting. */
export type Value = number | string | boolean

/** The numbers from one to another, both included: evenly spread, by their logarithm, or the whole ones. */
export interface Range {
  readonly kind: "linear" | "log" | "integer"
  readonly from: number
  readonly to: number
}

/** A list of values. */
export interface Values<V extends Value = Value> {
  readonly kind: "values"
  readonly values: readonly [V, ...ReadonlyArray<V>]
}

/** The values that a setting may have. */
export type Dimension = Range | Values

/** The type of a dimension's values. */
export type ValueOf<D extends Dimension> = D extends Values<infer V> ? V : number

const ranges = {
  linear: { words: "a setting in a range", number: Setting.finite },
  log: { words: "a setting in a logarithmic range", number: Setting.positive },
  integer: { words: "a setting in a range of whole numbers", number: Setting.natural }
}

const List = Schema.Struct({
  values: Schema.Array(Schema.Union([Setting.finite, Schema.String, Schema.Boolean])).check(
    Schema.makeFilter((values) => values.length > 0 && new Set(values).size === values.length, {
      expected: "one value or more, none of them twice"
    })
  )
})

/** Returns a dimension unchanged; the error names the setting, if it is given. Throws a `SettingError`. */
export const checked = <D extends Dimension>(dimension: D, name?: string): D => {
  const named = (words: string) => (name === undefined ? words : `${name}, ${words}`)
  if (dimension.kind === "values") {
    Setting.check(named("a setting with a list of values"), List, { values: dimension.values })
    return dimension
  }
  const { kind, from, to } = dimension
  const of = named(ranges[kind].words)
  Setting.check(of, Schema.Struct({ from: ranges[kind].number, to: ranges[kind].number }), { from, to })
  if (from < to) return dimension
  throw new Setting.SettingError({
    of,
    setting: "from",
    value: String(from),
    domain: `a number below to, which is ${to}`
  })
}

/** Tests if a value has the kind of a dimension. */
export const isDimension = (value: unknown): value is Dimension =>
  Predicate.isObject(value) && "kind" in value && ["values", ...Object.keys(ranges)].includes(value.kind as string)

/** The number of values; infinite for all numbers of a range. */
export const countOf = (dimension: Dimension): number => {
  if (dimension.kind === "values") return dimension.values.length
  return dimension.kind === "integer" ? dimension.to - dimension.from + 1 : Infinity
}

/**
 * Rounds to three significant digits, or as many as tell a thousand numbers of the range apart, so that a number that is
 * printed is the one that was tried.
 */
const rounded = ({ from, to }: Range, x: number): number => {
  const finer = Math.floor(Math.log10(Math.max(Math.abs(from), Math.abs(to)) / (to - from)))
  return Math.min(to, Math.max(from, Number(x.toPrecision(Math.min(17, 3 + Math.max(0, finer))))))
}

/** The value at a share u in [0, 1] of a dimension: the first at 0, the last at 1. */
export const valueAt = (dimension: Dimension, u: number): Value => {
  const place = () => Math.min(countOf(dimension) - 1, Math.floor(u * countOf(dimension)))
  if (dimension.kind === "values") return dimension.values[place()]!
  const { kind, from, to } = dimension
  if (kind === "integer") return from + place()
  if (u <= 0 || u >= 1) return u <= 0 ? from : to
  const between = (a: number, b: number) => a * (1 - u) + b * u
  return rounded(dimension, kind === "log" ? Math.exp(between(Math.log(from), Math.log(to))) : between(from, to))
}

/** Tests if a dimension has a value. */
export const has = (dimension: Dimension, value: Value): boolean => {
  if (dimension.kind === "values") return dimension.values.includes(value)
  const isWithin = typeof value === "number" && value >= dimension.from && value <= dimension.to
  return isWithin && (dimension.kind !== "integer" || Number.isInteger(value))
}

/** Writes a value; words stand in quotes. */
export const valueWords = (value: Value): string => (typeof value === "string" ? Name.shown(value) : String(value))

/** Writes a dimension: "0.1, 0.4, 1.3" or "0.001 to 0.03 (log)". */
export const inWords = (dimension: Dimension): string => {
  if (dimension.kind === "values") return dimension.values.map(valueWords).join(", ")
  const { kind, from, to } = dimension
  return `${from} to ${to}${kind === "linear" ? "" : kind === "log" ? " (log)" : " (whole)"}`
}
