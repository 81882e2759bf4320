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
  { data: Schema.String, draw: (id) => [Block.paragraph([{ text: "Run", code: id }], "small print")] },
  { look: "lead", surroundings: true }
)

/** The name of the run that the report is of. */
export const run = (id: string): Section.Section => named("Run", id)
