/**
 * Blocks: the few things that a section is drawn from. They are plain data, so that the page, the terminal's tables and
 * `igm show` are drawn from `report.json` alone, without the code of the program that made the report.
 */
import { Predicate, Schema } from "effect"
import * as Digits from "./Digits.ts"
import * as Media from "./Media.ts"
import { addressIn } from "./draw/VegaAddress.ts"

const Index = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/** A line of text: its name in bold before it, a code behind it, or all of it in bold. */
const Line = Schema.Union([
  Schema.String,
  Schema.Struct({
    text: Schema.String,
    name: Schema.optionalKey(Schema.String),
    code: Schema.optionalKey(Schema.String),
    strong: Schema.optionalKey(Schema.Boolean)
  })
])

/** A line of text. */
export type Line = typeof Line.Type

/** A table of texts; a row and a column may be marked, and notes stand below it. */
const Table = Schema.Struct({
  kind: Schema.Literal("table"),
  header: Schema.Array(Schema.String).check(Schema.isMinLength(1)),
  rows: Schema.Array(Schema.Array(Schema.String)),
  markedRow: Schema.optionalKey(Index),
  markedColumn: Schema.optionalKey(Index),
  notes: Schema.Array(Schema.String)
}).check(
  Schema.makeFilter(({ header, rows }) => {
    const row = rows.findIndex((cells) => cells.length !== header.length)
    return row < 0
      ? undefined
      : `a table whose rows are as long as its header: row ${row + 1} has ${rows[row]!.length} cells, and the header ${header.length}`
  })
)

/** A table of texts. */
export type Table = typeof Table.Type

/** A chart as a Vega-Lite specification with its data; one that asks for data or pictures from an address is refused. */
const Chart = Schema.Struct({
  kind: Schema.Literal("chart"),
  /** The chart's file is named by it. */
  name: Schema.String.check(Schema.isPattern(/^[\p{L}\p{N}\p{M}-]{1,60}$/u)),
  spec: Schema.Record(Schema.String, Schema.Json).check(
    Schema.makeFilter((spec) => {
      const address = addressIn(spec)
      return address === undefined ? undefined : `a chart that holds its data, and loads nothing from ${address}`
    })
  )
})

/** A chart. */
export type Chart = typeof Chart.Type

/**
 * Lines of text: one paragraph, or a list. A headline is larger; small print stands in a softer colour, and on a terminal
 * at the end of everything.
 */
const Text = Schema.Struct({
  kind: Schema.Literal("text"),
  lines: Schema.Array(Line),
  list: Schema.Boolean,
  tone: Schema.Literals(["plain", "headline", "small print"])
})

/** Lines of text. */
export type Text = typeof Text.Type

/** A picture with the words that stand for it where it cannot be seen. */
const Picture = Schema.Struct({ kind: Schema.Literal("picture"), picture: Media.Picture, alt: Schema.String })

/** A card: something to look at, listen to or read, and bars of shares in [0, 1]. */
const Card = Schema.Struct({
  title: Schema.String,
  subtitle: Schema.String,
  media: Schema.Array(Schema.Struct({ alt: Schema.String, media: Media.Media })),
  bars: Schema.Array(
    Schema.Struct({ name: Schema.String, share: Schema.Finite, text: Schema.String, right: Schema.Boolean })
  )
})

/** A card. */
export type Card = typeof Card.Type

/** Cards beside each other. */
const Samples = Schema.Struct({ kind: Schema.Literal("samples"), cards: Schema.Array(Card) })

/** Names with their values. */
const Facts = Schema.Struct({
  kind: Schema.Literal("facts"),
  facts: Schema.Array(Schema.Struct({ name: Schema.String, value: Schema.String }))
})

/** A text of several lines as it is, unfolded by a click on its title. */
const Code = Schema.Struct({
  kind: Schema.Literal("code"),
  title: Schema.String,
  text: Schema.String,
  folded: Schema.Boolean
})

/** A block. */
export const Block = Schema.Union([Table, Chart, Text, Picture, Samples, Facts, Code])

/** A block. */
export type Block = typeof Block.Type

/** A cell of a table. */
export type Cell = string | number

/** Options of a table. */
export interface TableOptions {
  readonly markedRow?: number
  readonly markedColumn?: number
  readonly notes?: ReadonlyArray<string>
  /** The number of decimals of the numbers in a column, by the column's header. */
  readonly digits?: { readonly [header: string]: number } | undefined
}

/** A table. The numbers of a column have equal digits: those that are asked for, or some four significant ones. */
export const table = (
  header: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<Cell>>,
  { notes = [], digits = {}, ...marked }: TableOptions = {}
): Block => {
  const writers = header.map((name, c) => {
    const numbers = rows.map((row) => row[c]).filter(Predicate.isNumber)
    return Digits.writer(numbers, Object.hasOwn(digits, name) ? digits[name] : undefined)
  })
  const text = (cell: Cell, c: number) => (typeof cell === "number" ? (writers[c] ?? String)(cell) : cell)
  return { kind: "table", header, rows: rows.map((row) => row.map(text)), ...marked, notes }
}

/** A chart; what a specification has that is not JSON is left out, as JavaScript does. */
export const chart = (name: string, spec: object): Block => ({
  kind: "chart",
  name,
  spec: JSON.parse(JSON.stringify(spec)) as Chart["spec"]
})

/** A paragraph. */
export const paragraph = (lines: ReadonlyArray<Line>, tone: Text["tone"] = "plain"): Block => ({
  kind: "text",
  lines,
  list: false,
  tone
})

/** A list. */
export const list = (lines: ReadonlyArray<Line>): Block => ({ kind: "text", lines, list: true, tone: "plain" })

/** A picture. */
export const picture = (picture: typeof Media.Picture.Type, alt: string): Block => ({ kind: "picture", picture, alt })

/** Cards beside each other. */
export const samples = (cards: ReadonlyArray<Card>): Block => ({ kind: "samples", cards })

/** Names with their values. */
export const facts = (facts: (typeof Facts.Type)["facts"]): Block => ({ kind: "facts", facts })

/** A text as it is. */
export const code = (title: string, text: string, folded = true): Block => ({ kind: "code", title, text, folded })
