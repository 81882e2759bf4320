/**
 * Sections: typed data, and what is drawn of them. A kind of section is made once, from a schema of its data and a function
 * that draws them; all that the framework offers is made by this same road.
 */
import { Option, Result, Schema } from "effect"
import * as Block from "./Block.ts"
import type { Media } from "./Media.ts"
import { ReportError } from "./ReportError.ts"

const Title = Schema.String.check(
  Schema.makeFilter((title) => (title.trim() === "" ? "a title that is not empty" : undefined))
)

/** A section as `report.json` holds it. */
export const Section = Schema.Struct({
  /** The kind, which says what the data are; kind and title are those of one section alone in a report. */
  kind: Schema.String.check(Schema.isPattern(/^\S+$/)),
  title: Title,
  /** The data: what a replay compares. */
  data: Schema.Json,
  /** The blocks that are drawn; a section without any is not shown. */
  view: Schema.Array(Block.Block),
  /** Words under the report's title without a heading, or a notice in another colour. */
  look: Schema.optionalKey(Schema.Literals(["lead", "notice"])),
  /** Shown by a click on the title. */
  folded: Schema.optionalKey(Schema.Boolean),
  /** The heading on a terminal; sections without it are not shown there. */
  terminal: Schema.optionalKey(Schema.String),
  /** About the machine or the run and not the results, so that a replay does not compare it. */
  surroundings: Schema.optionalKey(Schema.Boolean)
})

/** A section. */
export type Section = typeof Section.Type

/** Options of the display of a section. */
export interface Options {
  readonly look?: "lead" | "notice"
  readonly folded?: boolean
  /** Shown on the terminal as well, under the title or another heading. */
  readonly terminal?: boolean | string
  readonly surroundings?: boolean
  /**
   * Media that the drawing shows, by names in the data (digests), so that their bytes are not part of the compared
   * data.
   */
  readonly media?: Attached
}

type Attached = { readonly [name: string]: Media }

/** The drawing of data. */
export type Draw<A> = (data: A, media: Attached) => ReadonlyArray<Block.Block>

/** A kind of section: a function from a title and data to a section, and what it was made of. */
export interface Kind<A> {
  (title: string, data: A, options?: Options): Section
  readonly kind: string
  readonly data: Schema.Codec<A, Schema.Json>
  readonly draw: Draw<A>
}

/** The name that a section has in a report. */
export const keyOf = ({ kind, title }: Pick<Section, "kind" | "title">): string => `${kind}: ${title}`

/** The data of all sections of a kind, as their type has them; sections of another program's kind of that name are left out. */
export const dataOf = <A>(
  { kind, data: codec }: Pick<Kind<A>, "kind" | "data">,
  { sections }: { readonly sections: ReadonlyArray<Section> }
): ReadonlyArray<A> => {
  const decode = Schema.decodeUnknownOption(codec)
  return sections.flatMap(({ kind: own, data }) => (own === kind ? Option.toArray(decode(data)) : []))
}

const successOf = <A>(at: string, result: Result.Result<A, Schema.SchemaError>): A => {
  if (Result.isSuccess(result)) return result.success
  throw new ReportError({ at, problem: result.failure.message })
}

/**
 * A kind of section. The section that it makes is drawn from its data as they are read from JSON, so that a drawing made
 * anew from `report.json` is the same one. Throws a `ReportError` where data or drawing do not fit their schemas.
 *
 *     const norms = Section.make("norms", {
 *       data: Schema.Record(Schema.String, Schema.Finite),
 *       draw: (norms) => [Block.table(["modality", "mean norm"], Object.entries(norms))]
 *     })
 *     norms("Norms of the training features", { audio: 3.2, image: 1.7 })
 */
export const make = <A, I>(
  kind: string,
  { data: schema, draw }: { readonly data: Schema.Codec<A, I>; readonly draw: Draw<A> },
  defaults: Options = {}
): Kind<A> => {
  const codec = Schema.toCodecJson(schema)
  const encode = Schema.encodeResult(codec)
  const decode = Schema.decodeResult(codec)
  const check = Schema.decodeUnknownResult(Section)
  const section = (title: string, data: A, options: Options = {}): Section => {
    const { media = {}, terminal, look, folded, surroundings } = { ...defaults, ...options }
    const at = `the section "${title}"`
    const json = JSON.parse(JSON.stringify(successOf(at, encode(data)))) as Schema.Json
    const heading = terminal === true ? title : terminal
    const made = {
      kind,
      title,
      data: json,
      view: draw(successOf(at, decode(json)), media),
      ...(look === undefined ? {} : { look }),
      ...(folded === undefined ? {} : { folded }),
      ...(heading === undefined || heading === false ? {} : { terminal: heading }),
      ...(surroundings === undefined ? {} : { surroundings })
    }
    return successOf(at, check(made))
  }
  return Object.assign(section, { kind, data: codec, draw })
}
