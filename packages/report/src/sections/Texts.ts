/** Sections that are words: the rules of a comparison, the methods, notes, and the run's name. */
import { Schema } from "effect"
import * as Block from "../Block.ts"
import * as Section from "../Section.ts"
import type { Scores } from "./Scores.ts"

const Lines = Schema.Array(Schema.String)

const drawList = (lines: ReadonlyArray<string>) => (lines.length === 0 ? [] : [Block.list(lines)])

const rules = Section.make("protocol", { data: Lines, draw: drawList }, { look: "notice", terminal: "Protocol:" })

/** The rules of the comparison, each a short sentence. */
export const protocol = (lines: ReadonlyArray<string>): Section.Section => rules("Protocol", lines)

const about = Section.make("methods", {
  data: Schema.Array(Schema.Struct({ name: Schema.String, description: Schema.String })),
  draw: (methods) =>
    methods.length === 0 ? [] : [Block.list(methods.map(({ name, description }) => ({ name, text: description })))]
})

/** The methods with their descriptions. */
export const methods = ({ methods }: Pick<Scores, "methods">): Section.Section => about("Methods", methods)

const remarks = Section.make("notes", { data: Lines, draw: drawList })

/** Remarks that were made while the program ran. */
export const notes = (lines: ReadonlyArray<string>): Section.Section => remarks("Notes", lines)

const named = Section.make(
  "run",
  {
    data: Schema.Struct({ id: Schema.String, arguments: Schema.Record(Schema.String, Schema.Json) }),
    draw: ({ id, arguments: given }) => {
      const all = Object.entries(given).map(([name, value]) => `${name} ${valueText(value)}`)
      const line = all.length === 0 ? [] : [{ text: "with", code: all.join(", ") }]
      return [Block.paragraph([{ text: "Run", code: id }, ...line], "small print")]
    }
  },
  { look: "lead", surroundings: true }
)

const valueText = (value: Schema.Json): string => {
  if (Array.isArray(value)) return value.map(valueText).join(",")
  return typeof value === "string" && value !== "" ? value : JSON.stringify(value)
}

/** The name of the run that the report is of, and the arguments of its program, by name. */
export const run = (id: string, args: { readonly [name: string]: Schema.Json } = {}): Section.Section =>
  named("Run", { id, arguments: Object.fromEntries(Object.entries(args).toSorted(([a], [b]) => (a < b ? -1 : 1))) })
