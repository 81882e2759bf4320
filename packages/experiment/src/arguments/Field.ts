/** A single argument: its annotations, its codec, and its valid values in words. */
import { Schema, SchemaAST } from "effect"

/** A struct of arguments. */
export type Struct = Schema.Struct<Schema.Struct.Fields>

type Field = Schema.Struct.Fields[string]

/** The kinds of values, as a command line tells them apart. */
export type Kind = "text" | "integer" | "number" | "boolean" | "folder" | "file"

/** The annotation that tells the paths of folders and files from other texts. */
export const KIND = "@igm/experiment/Args/kind"

/**
 * The annotation that describes the valid values in words, for schemas whose own checks would report only one condition
 * at a time.
 */
export const DOMAIN = "@igm/experiment/Args/domain"

/** The given arguments as JSON; omitted ones are absent. */
export type Given = { readonly [name: string]: Schema.Json }

/** The schema of a list's values, or of the argument itself if it is no list. */
export const itemOf = (ast: SchemaAST.AST): SchemaAST.AST =>
  SchemaAST.isArrays(ast) ? (ast.rest[0] ?? ast.elements[0] ?? ast) : ast

/** Reads an annotation of an argument, or of its values if it is a list. */
export const annotated = <A>(key: string, { ast }: Field): A | undefined =>
  SchemaAST.resolveAt<A>(key)(ast) ?? SchemaAST.resolveAt<A>(key)(itemOf(ast))

/** The schema of a single argument. */
const codecOf = (name: string, field: Field) => {
  const one: Schema.Top = Schema.Struct({ [name]: field })
  return one as Schema.Codec<unknown, unknown>
}

/** Decodes a single argument. */
export const decodeOne = (name: string, field: Field, given: Given) =>
  Schema.decodeUnknownResult(codecOf(name, field))(given)

/** Encodes a single argument, as it is given. */
export const encodeOne = (name: string, field: Field, decoded: unknown): Schema.Json | undefined =>
  (Schema.encodeUnknownSync(codecOf(name, field))(decoded) as { readonly [name: string]: Schema.Json | undefined })[
    name
  ]

/** Descriptions of the values of each kind, for error messages. */
export const WORDS: { readonly [K in Kind]: string } = {
  text: "a text",
  integer: "a whole number",
  number: "a finite number",
  boolean: "true or false",
  folder: "a folder",
  file: "a file"
}

export const TYPES: { readonly [K in Kind]: string } = {
  text: "string",
  integer: "number",
  number: "number",
  boolean: "boolean",
  folder: "string",
  file: "string"
}

/** The kind of an argument, and its literals if it has some, by which the valid values are described. */
interface Domain {
  readonly kind: Kind
  readonly isList: boolean
  readonly choices: ReadonlyArray<string> | null
}

/** Describes one valid value, if something other than a check does. */
export const oneOf = (field: Field, { choices }: Domain): string | undefined =>
  choices?.map((choice) => JSON.stringify(choice)).join(" or ") ?? annotated<string>(DOMAIN, field)

/** Describes the valid values by the message about one that is invalid, which may be of the right kind. */
export const domainOf = (field: Field, domain: Domain, message: string, isOfKind = true): string => {
  const [first = "", at = ""] = message.split("\n")
  const said = first.replace(/^Expected /, "").replace(/, (?:got|actual) .*$/, "")
  // A check of the list as a whole says what it wants of it.
  if (domain.isList && isOfKind && !/\]\[/.test(at)) return said
  const item = oneOf(field, domain) ?? (isOfKind ? said : WORDS[domain.kind])
  return domain.isList ? `a list, each of it ${item}` : item
}
