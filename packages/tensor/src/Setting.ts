/**
 * What a person may set: the domains of numbers as schemas, and the check of settings against a schema before anything
 * runs. Its error names the setting, its value and its domain.
 */
import { Schema, SchemaIssue } from "effect"
import { shown } from "./Name.ts"

/** A setting outside of its domain, one that is missing, or one that does not exist. */
export class SettingError extends Schema.TaggedError<SettingError>()("SettingError", {
  /** What is set up, such as a method. */
  of: Schema.String,
  /** The setting, as it is written in a program: `optimizer.rate`. */
  setting: Schema.String,
  /** Its value, as it can be printed. */
  value: Schema.String,
  /** What may stand there; nothing where there is no such setting. */
  domain: Schema.NullOr(Schema.String)
}) {
  override get message(): string {
    const advice = this.domain === null ? "there is no such setting" : `give ${this.domain}`
    return `${this.of}: ${this.setting === "" ? "it" : this.setting} is ${this.value}: ${advice}`
  }
}

/** A domain of numbers, in words and as a test. */
const numbers = (words: string, has: (n: number) => boolean): Schema.Codec<number> =>
  Schema.declare((value): value is number => typeof value === "number" && has(value), { expected: words })

const whole = (least: number, most: number) => (n: number) => Number.isSafeInteger(n) && n >= least && n <= most

/** Of what makes a run longer, so that a slip of the pen does not make it endless: rounds, epochs. */
const MANY = 100_000

/** A whole number of at least 1. */
export const count = numbers("a whole number of at least 1", whole(1, Number.MAX_SAFE_INTEGER))

/** A whole number of at least 0. */
export const natural = numbers("a whole number of at least 0", whole(0, Number.MAX_SAFE_INTEGER))

/** How often something long is done. */
export const repeats = numbers("a whole number from 1 to 100000", whole(1, MANY))

/** How often something long is done, or not at all. */
export const repeatsOrNone = numbers("a whole number from 0 to 100000", whole(0, MANY))

/** How many numbers stand side by side: features, hidden units, classes. */
export const width = numbers("a whole number from 1 to 100000", whole(1, MANY))

/** The seed of random numbers, a safe integer so that JSON and a file's name hold it exactly. */
export const seed = numbers("a whole number from 0 to 9007199254740991", whole(0, Number.MAX_SAFE_INTEGER))

/** A finite number. */
export const finite = numbers("a finite number", Number.isFinite)

/** A finite number above 0. */
export const positive = numbers("a finite number above 0", (n) => Number.isFinite(n) && n > 0)

/** A finite number of at least 0. */
export const nonNegative = numbers("a finite number of at least 0", (n) => Number.isFinite(n) && n >= 0)

/** A number of at least 0 that is below 1, such as momentum. */
export const belowOne = numbers("a number of at least 0 and below 1", (n) => n >= 0 && n < 1)

/** A share of a whole. */
export const share = numbers("a number from 0 to 1", (n) => n >= 0 && n <= 1)

/** A number above 0 that is at most 1, such as what a rate is multiplied by. */
export const factor = numbers("a number above 0 and at most 1", (n) => n > 0 && n <= 1)

/** One of some words. */
export const oneOf = <const W extends ReadonlyArray<string>>(words: W): Schema.Codec<W[number]> =>
  Schema.Literals(words).annotate({ expected: words.map((word) => JSON.stringify(word)).join(" or ") })

/** A value as it can be printed, in one line and not all of a long one. */
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

/** Throws a `SettingError` for the first value that JSON has no word for, such as NaN. */
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

/** A value as it was given, if a schema says that it may be so. Throws a `SettingError` that names the first setting at fault. */
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
