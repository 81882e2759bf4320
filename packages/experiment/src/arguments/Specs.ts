/** Specifications of a program's arguments: what flags, help, defaults and a JSON schema are derived from. */
import { Setting } from "@igm/tensor"
import { Result, Schema, SchemaAST } from "effect"
import { KIND, type Kind, type Struct, annotated, decodeOne, domainOf, encodeOne, itemOf } from "./Field.ts"

/** The specification of an argument on the command line. */
export interface Spec {
  readonly name: string
  /** The flag without its dashes, in kebab case: `perDigit` is `per-digit`. */
  readonly flag: string
  readonly kind: Kind
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
const KINDS: { readonly [type: string]: Kind } = {
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

/** The flag of an argument, in kebab case. */
export const flagOf = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

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
    const fail = (part: string, value: string, domain: string): never => {
      throw new Setting.SettingError({ of, setting: `the ${part} of args.${name}`, value, domain })
    }
    const misnamed = nameProblem(name, args.fields)
    if (misnamed !== null) fail("name", "not possible", misnamed)
    const found = Schema.decodeUnknownOption(PropertyOrList)(properties[name])
    const one = found._tag === "Some" ? (found.value.items ?? found.value) : {}
    const encoded = SchemaAST.toEncoded(field.ast)
    const kind = BASIC.has(itemOf(encoded)._tag) ? KINDS[one.type ?? ""] : undefined
    const omitted = decodeOne(name, field, {})
    const spec = {
      name,
      flag: flagOf(name),
      kind:
        annotated<Kind>(KIND, field) ??
        kind ??
        fail("type", "none that a flag can have", "a string, a number, a boolean, a literal, or a list of one of them"),
      isList: found._tag === "Some" && found.value.items !== undefined,
      choices: one.enum === undefined ? null : one.enum.map(String),
      description: SchemaAST.resolveAt<string>("description")(field.ast)
    }
    if (Result.isSuccess(omitted)) {
      return { ...spec, isRequired: false, fallback: encodeOne(name, field, omitted.success) }
    }
    if (SchemaAST.isOptional(encoded)) fail("default", "not valid", domainOf(field, spec, omitted.failure.message))
    return { ...spec, isRequired: true, fallback: undefined }
  })
}
