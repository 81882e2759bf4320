/** The schemas of a run's files and of the store's, for tools that read them without this framework: `igm schema`. */
import { Described, Spans } from "@igm/io"
import { Schema } from "effect"
import * as Events from "./Events.ts"
import * as Journal from "./Journal.ts"
import * as Manifest from "./Manifest.ts"

const [epoch, modification, note] = Events.Event.members
const whose = { method: Schema.String, seed: Schema.Int }

/** A line of `trainings.jsonl`: an event of a training, and of which. */
export const Line = Schema.Union([
  Schema.Struct({ ...whose, ...epoch.fields }),
  Schema.Struct({ ...whose, ...modification.fields }),
  Schema.Struct({ ...whose, ...note.fields })
])

/** A line of `journal.jsonl`: a record behind its digest. */
const Chained = Schema.Struct({ chain: Schema.String })

/** By what they are schemas of: whole files, and single lines of JSON lines. */
export const schemas = {
  manifest: Manifest.Written,
  journal: Schema.Union(Journal.Record.members.map(({ fields }) => Schema.Struct({ ...Chained.fields, ...fields }))),
  trainings: Line,
  artifact: Described,
  spans: Spans.Line
} as const

/** What there are schemas of. */
export const names = ["manifest", "journal", "trainings", "artifact", "spans"] as const

/** The JSON Schema (draft 2020-12) of a file, or of a line of it. */
export const jsonSchema = (name: (typeof names)[number]): object => {
  const { dialect, schema, definitions } = Schema.toJsonSchemaDocument(schemas[name] as Schema.Top)
  return {
    $schema: dialect === "draft-2020-12" ? "https://json-schema.org/draft/2020-12/schema" : dialect,
    ...schema,
    ...(Object.keys(definitions).length === 0 ? {} : { $defs: definitions })
  }
}
