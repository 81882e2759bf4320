/**
 * Settings of users: the domains of numbers as schemas, and the check of settings against a schema before anything
 * runs. The error names the setting, its value and its domain.
 */
import { Schema, SchemaIssue } from "effect"
import { shown } from "./Name.ts"

/** A setting is outside of its domain, missing, or unknown. */
export class SettingError extends Schema.TaggedError<SettingError>()("SettingError", {
  /** The thing that is configured, such as a method. */
  of: Schema.String,
  /** The path of the setting, as it is written in a program: `optimizer.rate`. */
  setting: Schema.String,
  /** Its value in printable form. */
  value: Schema.String,
  /** A description of the valid values; null for an unknown setting. */
  domain: Schema.NullOr(Schema.String)
}) {
  override get message(): string {
    const advice = this.domain === null ? "there is no such setting" : `give ${this.domain}`
    return `${this.of}: ${this.setting === "" ? "it" : this.setting} is ${this.value}: ${advice}`
  }
}

/** A domain of numbers, given by a description and a predicate. */
const numbers = (words: string, has: (n: number) => boolean): Schema.Codec<number> =>
  Schema.declare((value): value is number => typeof value === "number" && has(value), { expected: words })

const whole = (least: number, most: number) => (n: number) => Number.isSafeInteger(n) && n >= least && n <= most

/** The largest number of rounds or epochs, so that a typing error does not make a run endless. */
const MANY = 100_000

/** A whole number of at least 1. */
export const count = numbers("a whole number of at least 1", whole(1, Number.MAX_SAFE_INTEGER))

/** A whole number of at least 0. */
export const natural = numbers("a whole number of at least 0", whole(0, Number.MAX_SAFE_INTEGER))

/** A number of repetitions of long work, at least 1. */
export const repeats = numbers("a whole number from 1 to 100000", whole(1, MANY))

/** A number of repetitions of long work, at least 0. */
export const repeatsOrNone = numbers("a whole number from 0 to 100000", whole(0, MANY))

/** The width of a layer: a number of features, hidden units or classes. */
export const width = numbers("a whole number from 1 to 100000", whole(1, MANY))

/** The seed of random numbers: a safe integer, which JSON and file names represent exactly. */
export const seed = numbers("a whole number from 0 to 9007199254740991", whole(0, Number.MAX_SAFE_INTEGER))

/** A finite number. */
export const finite = numbers("a finite number", Number.isFinite)

/** A finite number above 0. */
export const positive = numbers("a finite number above 0", (n) => Number.isFinite(n) && n > 0)

/** A finite number of at least 0. */
export const nonNegative = numbers("a finite number of at least 0", (n) => Number.isFinite(n) && n >= 0)

/** A number of at least 0 that is below 1, such as momentum. */
export const belowOne = numbers("a number of at least 0 and below 1", (n) => n >= 0 && n < 1)

/** A number from 0 to 1, such as a fraction of a whole. */
export const share = numbers("a number from 0 to 1", (n) => n >= 0 && n <= 1)

/** A number above 0 that is at most 1, such as a factor on a learning rate. */
export const factor = numbers("a number above 0 and at most 1", (n) => n > 0 && n <= 1)

/** One of the given words. */
export const oneOf = <const W extends ReadonlyArray<string>>(words: W): Schema.Codec<W[number]> =>
  Schema.Literals(words).annotate({ expected: words.map((word) => JSON.stringify(word)).join(" or ") })

/** Formats a value on one line, and shortens a long one. */
const valueText = (value: unknown): string => {
  if (typeof value === "string") return shown(value)
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value)
  if (value === undefined || value === null || typeof value === "boolean") return String(value)
  return Array.isArray(value) ? "a list" : typeof value === "object" ? "an object" : `a ${typeof value}`
}

const pathText = (path: ReadonlyArray<PropertyKey>): string =>
  path
    .map((part) =>
      typeof part === "number" ? `[${part}]` : `.${/^[\w$-]+$/.test(String(part)) ? String(part) : shown(String(part))}`
    )
    .join("")
    .replace(/^\./, "")

const valueAt = (value: unknown, path: ReadonlyArray<PropertyKey>): unknown =>
  path.reduce<unknown>((at, part) => (at === null || at === undefined ? undefined : Object(at)[part]), value)

const KINDS: { readonly [message: string]: string } = { "Expected array": "a list", "Expected object": "an object" }

const standard = SchemaIssue.makeFormatterStandardSchemaV1()

/** Throws a `SettingError` for the first value that JSON cannot represent, such as NaN. */
export const checkJson = (of: string, value: unknown): void => {
  const visit = (at: unknown, path: ReadonlyArray<PropertyKey>): void => {
    if (typeof at === "object" && at !== null) {
      const isList = Array.isArray(at)
      return Object.entries(at).forEach(([key, one]) => visit(one, [...path, isList ? Number(key) : key]))
    }
    const isJson = at === undefined || at === null || typeof at === "string" || typeof at === "boolean"
    if (isJson || (typeof at === "number" && Number.isFinite(at))) return
    throw new SettingError({
      of,
      setting: pathText(path),
      value: valueText(at),
      domain: "a finite number or other JSON"
    })
  }
  visit(value, [])
}

/** Returns a value unchanged if it matches a schema. Throws a `SettingError` that names the first invalid setting. */
export const check = <A>(of: string, schema: Schema.Codec<A, unknown>, value: unknown): A => {
  const found = Schema.decodeUnknownResult(Schema.toType(schema), { onExcessProperty: "error" })(value)
  if (found._tag === "Success") return value as A
  const { path = [], message } = standard(found.failure.issue).issues[0]!
  const keys = path.map((part) => (typeof part === "object" ? part.key : part))
  const [isUnknown, isMissing] = [message === "Expected no excess property", message === "Missing key"]
  throw new SettingError({
    of,
    setting: pathText(keys),
    value: isMissing ? "missing" : valueText(valueAt(value, keys)),
    domain: isUnknown ? null : isMissing ? "it a value" : (KINDS[message] ?? message.replace(/^Expected /, ""))
  })
}
