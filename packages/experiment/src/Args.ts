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
export const Folder = Schema.String.check(Schema.isNonEmpty()).annotate({ [KIND]: "folder", [DOMAIN]: "a folder" })

/** The path of a file: absolute in the program; relative to the run's folder in the manifest, if possible. */
export const File = Schema.String.check(Schema.isNonEmpty()).annotate({ [KIND]: "file", [DOMAIN]: "a file" })

/** A non-negative integer. */
export const Natural = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)).annotate({
  [DOMAIN]: "a whole number of at least 0"
})

/** A random seed: a non-negative integer. */
export const Seed = Natural.annotate({ [DOMAIN]: "a whole number of at least 0" })

/** A positive integer. */
export const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)).annotate({
  [DOMAIN]: "a whole number of at least 1"
})

/** A finite number of at least 0. */
export const NonNegative = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0)).annotate({
  [DOMAIN]: "a finite number of at least 0"
})

/** A finite number above 0. */
export const Positive = Schema.Finite.check(Schema.isGreaterThan(0)).annotate({
  [DOMAIN]: "a finite number above 0"
})

/** A number from 0 to 1, such as a probability or a share. */
export const Fraction = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })).annotate({
  [DOMAIN]: "a number from 0 to 1"
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

/** The schema of a single argument. */
const codecOf = (name: string, field: Schema.Struct.Fields[string]) => {
  const one: Schema.Top = Schema.Struct({ [name]: field })
  return one as Schema.Codec<unknown, unknown>
}

/** Decodes a single argument. */
const decodeOne = (name: string, field: Schema.Struct.Fields[string], given: Given) =>
  Schema.decodeUnknownResult(codecOf(name, field))(given)

/** Encodes a single argument, as it is given. */
const encodeOne = (name: string, field: Schema.Struct.Fields[string], decoded: unknown): Schema.Json | undefined =>
  (Schema.encodeUnknownSync(codecOf(name, field))(decoded) as { readonly [name: string]: Schema.Json | undefined })[
    name
  ]

/** The schemas of encoded values that a text on a command line can be. */
const BASIC = new Set<string>(["String", "Number", "Boolean", "Literal", "TemplateLiteral", "Enum", "Union"])

/** Describes the problem of an argument's name among others, if there is one. */
const nameProblem = (name: string, all: Struct["fields"]): string | null => {
  if (!/^[a-z][A-Za-z0-9]*$/.test(name)) return "a name of letters and digits that begins with a small letter"
  if (name in {}) return "another name: every object has something of this one"
  const [, negated] = /^no-(.+)$/.exec(flagOf(name)) ?? []
  const other = Object.keys(all).find((other) => flagOf(other) === negated && all[other]!.ast._tag === "Boolean")
  return other === undefined ? null : `another name: this flag turns ${other} off`
}

/**
 * Derives the specifications of a struct's arguments. Throws a `SettingError` for an argument that cannot be written on
 * a command line, and for a default that the argument may not have.
 */
export const specs = (of: string, args: Struct): ReadonlyArray<Spec> => {
  const { properties } = Schema.decodeUnknownSync(Document)({ properties: {}, ...jsonSchema(args) })
  return Object.entries(args.fields).map(([name, field]): Spec => {
    const fail = (value: string, domain: string): never => {
      throw new Setting.SettingError({ of, setting: `args.${name}`, value, domain })
    }
    const misnamed = nameProblem(name, args.fields)
    if (misnamed !== null) fail("so named", misnamed)
    const found = Schema.decodeUnknownOption(PropertyOrList)(properties[name])
    const one = found._tag === "Some" ? (found.value.items ?? found.value) : {}
    const encoded = SchemaAST.toEncoded(field.ast)
    const kind = BASIC.has(itemOf(encoded)._tag) ? KINDS[one.type ?? ""] : undefined
    const omitted = decodeOne(name, field, {})
    const spec = {
      name,
      flag: flagOf(name),
      kind:
        annotated<Spec["kind"]>(KIND, field) ??
        kind ??
        fail("another type", "a string, a number, a boolean, a literal, or a list of one of them"),
      isList: found._tag === "Some" && found.value.items !== undefined,
      choices: one.enum === undefined ? null : one.enum.map(String),
      description: SchemaAST.resolveAt<string>("description")(field.ast)
    }
    if (Result.isSuccess(omitted)) {
      return { ...spec, isRequired: false, fallback: encodeOne(name, field, omitted.success) }
    }
    if (SchemaAST.isOptional(encoded)) fail("not so by default", domainOf(field, spec, omitted.failure.message))
    return { ...spec, isRequired: true, fallback: undefined }
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
 * Parses the text of a flag; the values of a list are separated by commas, and a blank text is an empty list. Texts
 * that are no value of the kind stay texts, for the check that follows.
 */
export const parsed = (spec: Spec, text: string): Schema.Json => {
  if (!spec.isList) return parse(spec, text)
  const parts = text.trim() === "" ? [] : text.split(",").map((part) => part.trim())
  return parts.includes("") ? text : parts.map((part) => parse(spec, part))
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

/** The parts of a specification by which the valid values are described. */
type Domain = Pick<Spec, "kind" | "isList" | "choices">

/** Describes one valid value, if something other than a check does. */
const oneOf = (field: Schema.Struct.Fields[string], { choices }: Domain): string | undefined =>
  choices?.map((choice) => JSON.stringify(choice)).join(" or ") ?? annotated<string>(DOMAIN, field)

/** Describes the valid values by the message about one that is invalid, which may be of the right kind. */
const domainOf = (field: Schema.Struct.Fields[string], domain: Domain, message: string, isOfKind = true): string => {
  const [first = "", at = ""] = message.split("\n")
  const said = first.replace(/^Expected /, "").replace(/, (?:got|actual) .*$/, "")
  // A check of the list as a whole says what it wants of it.
  if (domain.isList && isOfKind && !/\]\[/.test(at)) return said
  const item = oneOf(field, domain) ?? (isOfKind ? said : WORDS[domain.kind])
  return domain.isList ? `a list, each of it ${item}` : item
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
