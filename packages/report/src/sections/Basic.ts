/** Sections of one's own in one line: a table, a chart, text, a picture, any JSON, facts, settings. */
import { Digest, Name } from "@igm/tensor"
import { Schema } from "effect"
import * as Block from "../Block.ts"
import * as Media from "../Media.ts"
import { ReportError } from "../ReportError.ts"
import * as Section from "../Section.ts"

const Cells = Schema.Struct({
  header: Schema.Array(Schema.String),
  rows: Schema.Array(Schema.Array(Schema.Union([Schema.String, Schema.Finite]))),
  digits: Schema.optionalKey(
    Schema.Record(Schema.String, Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 })))
  )
}).check(
  Schema.makeFilter(({ header, digits = {} }) => {
    const unknown = Object.keys(digits).find((name) => !header.includes(name))
    return unknown === undefined ? undefined : `digits of columns of the table, and ${Name.shown(unknown)} is none`
  })
)

const tables = Section.make("table", {
  data: Cells,
  draw: ({ header, rows, digits }) => [Block.table(header, rows, { digits })]
})

/**
 * A table; every row has as many cells as the header. With `{ terminal: true }` the terminal and `igm show` have it too.
 * The numbers of a column have equal digits: the largest has four significant ones, unless `digits` gives the number of
 * decimals by the column's header.
 *
 *     Report.table("Widths", ["modality", "width"], [["audio", 512], ["video", 512]])
 *     Report.table("Norms", ["modality", "norm"], Object.entries(norms), { digits: { norm: 1 } })
 */
export const table = (
  title: string,
  header: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<Block.Cell>>,
  { digits, ...options }: Section.Options & { readonly digits?: { readonly [header: string]: number } } = {}
): Section.Section => tables(title, { header, rows, ...(digits === undefined ? {} : { digits }) }, options)

/** A value as JSON has it. */
const plain = (value: unknown): Schema.Json => JSON.parse(JSON.stringify(value ?? null)) as Schema.Json

const charts = Section.make("chart", {
  data: Schema.Struct({ name: Schema.String, spec: Schema.Json }),
  draw: ({ name, spec }) => [Block.chart(name, spec as object)]
})

/** The name of a chart's file, from its title; of a title without letters and digits, from its digest. */
const fileOf = (title: string): string => {
  const name = Array.from(Name.slug(title)).slice(0, 60).join("")
  return name === "" ? `chart-${Digest.ofJson(title).slice(0, 8)}` : name
}

/** A chart from a Vega-Lite specification that holds its data; the run's `figures/` have it by its title. */
export const chart = (title: string, spec: object, options?: Section.Options): Section.Section =>
  charts(title, { name: fileOf(title), spec: plain(spec) }, options)

const texts = Section.make("text", {
  data: Schema.Struct({ lines: Schema.Array(Schema.String), list: Schema.Boolean }),
  draw: ({ lines, list }) => (list ? [Block.list(lines)] : lines.map((line) => Block.paragraph([line])))
})

/** Paragraphs, or a list. With `{ look: "notice" }` it stands out. */
export const text = (
  title: string,
  lines: string | ReadonlyArray<string>,
  { list = false, ...options }: Section.Options & { readonly list?: boolean } = {}
): Section.Section => texts(title, { lines: typeof lines === "string" ? [lines] : lines, list }, options)

const pictures = Section.make("picture", {
  data: Schema.Struct({ digest: Schema.String, alt: Schema.String }),
  draw: ({ digest, alt }, attached) => {
    const found = attached[digest]
    return found?.kind === "image" ? [Block.picture(found, alt)] : []
  }
})

/** A picture from a file's bytes. Throws a `ReportError` for a media type that no page shows. */
export const picture = (
  title: string,
  { alt, ...raw }: { readonly type: string; readonly bytes: Uint8Array; readonly alt: string; readonly tiny?: boolean },
  options?: Section.Options
): Section.Section => {
  const media = Media.of({ kind: "image", ...raw })
  if (media.kind === "fault") throw new ReportError({ at: `the section "${title}"`, problem: media.problem })
  const digest = Digest.ofBytes(raw.bytes)
  return pictures(title, { digest, alt }, { ...options, media: { [digest]: media } })
}

const values = Section.make("json", {
  data: Schema.Json,
  draw: (value) => [Block.code("value", JSON.stringify(value, null, 2), false)]
})

/** Any value that is JSON. */
export const json = (title: string, value: Schema.Json, options?: Section.Options): Section.Section =>
  values(title, value, options)

const named = Section.make("facts", {
  data: Schema.Array(Schema.Struct({ name: Schema.String, value: Schema.String })),
  draw: (facts) => (facts.length === 0 ? [] : [Block.facts(facts)])
})

/** Names with their values. */
export const facts = (
  title: string,
  record: { readonly [name: string]: Block.Cell },
  options?: Section.Options
): Section.Section =>
  named(
    title,
    Object.entries(record).map(([name, value]) => ({ name, value: String(value) })),
    options
  )

const parameters = Section.make("settings", {
  data: Schema.Array(Schema.Struct({ name: Schema.String, value: Schema.Json })),
  draw: (settings) => settings.map(({ name, value }) => Block.code(name, JSON.stringify(value, null, 2)))
})

/** All parameters of methods and of other parts, each unfolded by a click; what of them is not JSON is left out. */
export const settings = (
  settings: ReadonlyArray<{ readonly name: string; readonly value: unknown }>
): Section.Section =>
  parameters(
    "Settings",
    settings.map(({ name, value }) => ({ name, value: plain(value) }))
  )
