/** Values of arguments: their texts on a command line, their checks, and what a program gets. */
import { Name, Setting } from "@igm/tensor"
import { Result, Schema } from "effect"
import { type Given, type Struct, TYPES, WORDS, decodeOne, domainOf, oneOf } from "./Field.ts"
import { type Spec, flagOf, specs } from "./Specs.ts"

/** Parses the text of a single value, or of one value of a list. */
const parse = ({ kind }: Spec, text: string): Schema.Json => {
  if (kind === "boolean") return text === "true" ? true : text === "false" ? false : text
  if (kind !== "integer" && kind !== "number") return text
  return text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text)
}

/**
 * Parses the text of a flag; the values of a list are separated by commas, and a blank text is an empty list. Texts
 * that are no value of the kind stay texts, for the check that follows.
 */
export const parsed = (spec: Spec, text: string): Schema.Json => {
  if (!spec.isList) return parse(spec, text)
  const parts = text.trim() === "" ? [] : text.split(",").map((part) => part.trim())
  return parts.includes("") ? text : parts.map((part) => parse(spec, part))
}

/** Checks a value of an argument: describes the valid values if it is invalid, and gives `null` if it is valid. */
export const fault = (args: Struct, spec: Spec, value: Schema.Json): string | null => {
  const { name, kind, isList } = spec
  const field = args.fields[name]!
  const found = decodeOne(name, field, { [name]: value })
  if (Result.isSuccess(found)) return null
  const all: ReadonlyArray<Schema.Json> = isList && Array.isArray(value) ? value : [value]
  const one = oneOf(field, spec) ?? WORDS[kind]
  if (isList && typeof value === "string") return `a list with one comma between two values, each of it ${one}`
  if (isList && !Array.isArray(value)) return `a list, each of it ${one}`
  if (isList && all.length === 0) return `a list of one at least, each of it ${one}`
  const isOfKind = all.every((item) => typeof item === TYPES[kind])
  return domainOf(field, spec, found.failure.message, isOfKind)
}

/** Applies a function to all paths among the arguments. */
export const mapPaths = (specs: ReadonlyArray<Spec>, given: Given, f: (path: string) => string): Given => {
  const isPath = new Set(specs.flatMap(({ name, kind }) => (kind === "folder" || kind === "file" ? [name] : [])))
  const mapped = (value: Schema.Json): Schema.Json =>
    typeof value === "string" ? f(value) : Array.isArray(value) ? value.map(mapped) : value
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, isPath.has(name) ? mapped(value) : value])
  )
}

/** A value after a round trip through JSON, which has no −0. */
const asWritten = (value: Schema.Json): Schema.Json =>
  Array.isArray(value) ? (value as ReadonlyArray<Schema.Json>).map(asWritten) : value === 0 ? 0 : value

/** Adds the defaults of omitted arguments, as the manifest records them. */
export const completed = (specs: ReadonlyArray<Spec>, given: Given): Given => {
  const fallbacks = specs.flatMap(({ name, fallback }) => (fallback === undefined ? [] : [[name, fallback] as const]))
  const all = Object.entries({ ...Object.fromEntries(fallbacks), ...given })
  return Object.fromEntries(all.map(([name, value]) => [name, asWritten(value)]))
}

/** Decodes arguments. Fails with a `SettingError` that names the first invalid flag. */
export const decode = <S extends Struct>(
  of: string,
  args: S,
  given: Given
): Result.Result<S["Type"], Setting.SettingError> => {
  const all = specs(of, args)
  const missing = all.find(({ name, isRequired }) => isRequired && given[name] === undefined)
  const problem = (setting: string, value: string, domain: string | null) =>
    Result.fail(new Setting.SettingError({ of, setting, value, domain }))
  if (missing !== undefined) {
    return problem(`--${missing.flag}`, "missing", missing.description ?? WORDS[missing.kind])
  }
  const unknown = Object.keys(given).find((name) => !all.some((spec) => spec.name === name))
  if (unknown !== undefined) return problem(`--${flagOf(unknown)}`, "given", null)
  for (const spec of all) {
    const value = given[spec.name]
    const domain = value === undefined ? null : fault(args, spec, value)
    if (value === undefined || domain === null) continue
    return problem(`--${spec.flag}`, typeof value === "string" ? Name.shown(value) : JSON.stringify(value), domain)
  }
  const whole: Schema.Top = args
  return Result.mapError(
    Schema.decodeUnknownResult(whole as Schema.Codec<S["Type"], unknown>)(given),
    ({ message }) => new Setting.SettingError({ of, setting: "the arguments", value: "given so", domain: message })
  )
}
