/**
 * The arguments of an experiment program: a schema of a struct, from which flags, their help and defaults, and a JSON
 * schema are derived. Strings, integers and finite numbers, booleans, literals, folders, files and lists of them may be
 * arguments; `Schema.optionalKey` makes one optional.
 *
 * ```ts
 * const args = Schema.Struct({
 *   data: Args.Folder.pipe(Args.describe("The recordings")),
 *   tau: Args.NonNegative.pipe(Args.defaultsTo(0.4), Args.describe("The temperature of modification")),
 *   seeds: Args.Seeds.pipe(Args.defaultsTo([1, 2, 3])),
 *   limit: Schema.optionalKey(Args.Count)
 * })
 * ```
 */
import { Name, Setting } from "@igm/tensor"
import { Effect, Result, Schema, SchemaAST } from "effect"

/** A struct of arguments. */
export type Struct = Schema.Struct<Schema.Struct.Fields>

const KIND = "@igm/experiment/Args/kind"

/**
 * The annotation that describes the valid values in words, for schemas whose own checks would report only one condition
 * at a time.
 */
const DOMAIN = "@igm/experiment/Args/domain"

/** The path of a folder: absolute in the program; relative to the run's folder in the manifest, if possible. */
export const Folder = Schema.String.annotate({ [KIND]: "folder", [DOMAIN]: "a folder" })

/** The path of a file: absolute in the program; relative to the run's folder in the manifest, if possible. */
export const File = Schema.String.annotate({ [KIND]: "file", [DOMAIN]: "a file" })

/** A random seed: a non-negative integer. */
export const Seed = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)).annotate({
  [DOMAIN]: "a whole number of at least 0"
})

/** A positive integer. */
export const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)).annotate({
  [DOMAIN]: "a whole number of at least 1"
})

/** A finite number of at least 0. */
export const NonNegative = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0)).annotate({
  [DOMAIN]: "a finite number of at least 0"
})

/** A non-empty list of distinct values. */
export const list = <S extends Schema.Top>(values: S) =>
  Schema.NonEmptyArray(values).check(
    Schema.makeFilter((given: ReadonlyArray<unknown>) => new Set(given).size === given.length, {
      expected: "values, none of them twice"
    })
  )

/** A non-empty list of distinct seeds. */
export const Seeds = list(Seed)

/** Gives an argument a default value. */
export const defaultsTo = <S extends Schema.Top>(value: S["Encoded"]) =>
  Schema.withDecodingDefaultKey<S>(Effect.succeed(value))

/** Describes an argument in a sentence for the help. */
export const describe =
  (description: string) =>
  <S extends Schema.Top>(schema: S): S["Rebuild"] =>
    schema.annotate({ description })

/** The seed of the data, 1 by default; the seeds of the trainings follow it. */
export const seed = Seed.pipe(defaultsTo(1), describe("The seed of the data; the trainings' seeds follow it"))

/** The maximal number of samples of each split, for a quick look. */
export const limit = Schema.optionalKey(Count.pipe(describe("At most so many samples of each split, for a quick look")))

/** The number of augmented views of each training sample. */
export const views = Schema.optionalKey(
  Count.pipe(describe("Take so many augmented views of each training sample in its place"))
)

/** The folder of recordings to use instead of synthetic speech. */
export const speech = Schema.optionalKey(
  Folder.pipe(describe("A folder of recordings {digit}_{speaker}_{take}.wav instead of synthetic speech"))
)

/** The specification of an argument on the command line. */
export interface Spec {
  readonly name: string
  /** The flag without its dashes, in kebab case: `perDigit` is `per-digit`. */
  readonly flag: string
  readonly kind: "text" | "integer" | "number" | "boolean" | "folder" | "file"
  /** `true` if the argument is a list of values of the kind. */
  readonly isList: boolean
  /** The allowed values, if the argument is a literal; otherwise `null`. */
  readonly choices: ReadonlyArray<string> | null
  readonly isRequired: boolean
  /** The default value. */
  readonly fallback: Schema.Json | undefined
  readonly description: string | undefined
}

/** The parts of a program that its argument schema needs. */
interface Described {
  readonly name: string
  readonly description?: string
  readonly args: Struct
  readonly specs: ReadonlyArray<Spec>
}

/** Kinds of arguments by their type in JSON Schema. */
const KINDS: { readonly [type: string]: Spec["kind"] } = {
  string: "text",
  integer: "integer",
  number: "number",
  boolean: "boolean"
}

const Property = Schema.Struct({
  type: Schema.optionalKey(Schema.String),
  enum: Schema.optionalKey(Schema.Array(Schema.Union([Schema.String, Schema.Finite])))
})

const PropertyOrList = Schema.Struct({ ...Property.fields, items: Schema.optionalKey(Property) })

const Document = Schema.Struct({ properties: Schema.Record(Schema.String, Schema.Unknown) })

/**
 * The JSON schema of arguments as Effect derives it; it lacks defaults, and the descriptions of arguments with a
 * default.
 */
export const jsonSchema = (args: Struct): { readonly [key: string]: unknown } =>
  Schema.toJsonSchemaDocument(args).schema as { readonly [key: string]: unknown }

/** The JSON Schema (draft 2020-12) of a program's arguments, with their descriptions and defaults. */
export const schemaOf = ({ name, description, args, specs }: Described): object => {
  const plain = jsonSchema(args)
  const { properties } = Schema.decodeUnknownSync(Document)({ properties: {}, ...plain })
  const whole = specs.map(({ name, description, fallback }) => [
    name,
    {
      ...(properties[name] as object),
      ...(description === undefined ? {} : { description }),
      ...(fallback === undefined ? {} : { default: fallback })
    }
  ])
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: name,
    ...(description === undefined ? {} : { description }),
    ...plain,
    properties: Object.fromEntries(whole) as object,
    additionalProperties: false
  }
}

/** The schema of a list's values, or of the argument itself if it is no list. */
const itemOf = (ast: SchemaAST.AST): SchemaAST.AST =>
  SchemaAST.isArrays(ast) ? (ast.rest[0] ?? ast.elements[0] ?? ast) : ast

/** Reads an annotation of an argument, or of its values if it is a list. */
const annotated = <A>(key: string, { ast }: Schema.Struct.Fields[string]): A | undefined =>
  SchemaAST.resolveAt<A>(key)(ast) ?? SchemaAST.resolveAt<A>(key)(itemOf(ast))

const flagOf = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/** Decodes a single argument. */
const decodeOne = (name: string, field: Schema.Struct.Fields[string], given: Given) => {
  const one: Schema.Top = Schema.Struct({ [name]: field })
  return Schema.decodeUnknownResult(one as Schema.Codec<unknown, unknown>)(given)
}

/**
 * Derives the specifications of a struct's arguments. Throws a `SettingError` for an argument that cannot be written on
 * a command line.
 */
export const specs = (of: string, args: Struct): ReadonlyArray<Spec> => {
  const { properties } = Schema.decodeUnknownSync(Document)({ properties: {}, ...jsonSchema(args) })
  return Object.entries(args.fields).map(([name, field]): Spec => {
    const fail = (domain: string): never => {
      throw new Setting.SettingError({ of, setting: `args.${name}`, value: "another type", domain })
    }
    if (!/^[a-z][A-Za-z0-9]*$/.test(name)) fail("a name of letters and digits that begins with a small letter")
    const found = Schema.decodeUnknownOption(PropertyOrList)(properties[name])
    const one = found._tag === "Some" ? (found.value.items ?? found.value) : {}
    const kind = KINDS[one.type ?? ""] ?? fail("a string, a number, a boolean, a literal, or a list of one of them")
    const marked = annotated<Spec["kind"]>(KIND, field)
    const fallback = decodeOne(name, field, {})
    const value = Result.isSuccess(fallback)
      ? (fallback.success as { readonly [name: string]: Schema.Json | undefined })[name]
      : undefined
    return {
      name,
      flag: flagOf(name),
      kind: marked ?? kind,
      isList: found._tag === "Some" && found.value.items !== undefined,
      choices: one.enum === undefined ? null : one.enum.map(String),
      isRequired: Result.isFailure(fallback),
      fallback: value,
      description: SchemaAST.resolveAt<string>("description")(field.ast)
    }
  })
}

/** The given arguments as JSON; omitted ones are absent. */
export type Given = { readonly [name: string]: Schema.Json }

/** Parses the text of a single value, or of one value of a list. */
const parse = ({ kind }: Spec, text: string): Schema.Json => {
  if (kind === "boolean") return text === "true" ? true : text === "false" ? false : text
  if (kind !== "integer" && kind !== "number") return text
  return text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text)
}

/**
 * Parses the text of a flag; the values of a list are separated by commas. Texts that are no value of the kind stay
 * texts, for the check that follows.
 */
export const parsed = (spec: Spec, text: string): Schema.Json => {
  const number = spec.choices !== null && spec.kind === "text" ? text : undefined
  if (number !== undefined && !spec.isList) return number
  return spec.isList ? text.split(",").map((part) => parse(spec, part.trim())) : parse(spec, text)
}

/** Descriptions of the values of each kind, for error messages. */
const WORDS: { readonly [K in Spec["kind"]]: string } = {
  text: "a text",
  integer: "a whole number",
  number: "a finite number",
  boolean: "true or false",
  folder: "a folder",
  file: "a file"
}

const TYPES: { readonly [K in Spec["kind"]]: string } = {
  text: "string",
  integer: "number",
  number: "number",
  boolean: "boolean",
  folder: "string",
  file: "string"
}

/** Checks a value of an argument: describes the valid values if it is invalid, and gives `null` if it is valid. */
export const fault = (args: Struct, { name, kind, isList, choices }: Spec, value: Schema.Json): string | null => {
  const field = args.fields[name]!
  const found = decodeOne(name, field, { [name]: value })
  if (Result.isSuccess(found)) return null
  const [first = "", at = ""] = found.failure.message.split("\n")
  const said = first.replace(/^Expected /, "").replace(/, (?:got|actual) .*$/, "")
  const one = choices?.map((choice) => JSON.stringify(choice)).join(" or ") ?? annotated<string>(DOMAIN, field)
  const all: ReadonlyArray<Schema.Json> = isList && Array.isArray(value) ? value : [value]
  const isOfKind = all.every((item) => typeof item === TYPES[kind])
  if (isList && !Array.isArray(value)) return `a list, each of it ${one ?? WORDS[kind]}`
  if (isList && all.length === 0) return `a list of one at least, each of it ${one ?? WORDS[kind]}`
  // A check of the list as a whole says what it wants of it.
  if (isList && isOfKind && !/\]\[/.test(at)) return said
  const item = one ?? (isOfKind ? said : WORDS[kind])
  return isList ? `a list, each of it ${item}` : item
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
    return problem(`--${missing.flag}`, "missing", missing.description ?? `a ${missing.kind}`)
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
