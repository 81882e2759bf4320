/**
 * The JSON Schemas of the files of runs and of the store, for tools that read them without this framework (`igm
 * schema`).
 */
import { Described, Spans } from "@igm/io"
import { Report } from "@igm/report"
import { Schema } from "effect"
import * as Journal from "./Journal.ts"
import * as Manifest from "./Manifest.ts"
import * as Results from "../comparison/Results.ts"

/** A line of `journal.jsonl`: a record with its chained digest. */
const Chained = Schema.Struct({ chain: Schema.String })

/** Schemas by the name of the file, or of a line for files in JSON Lines. */
export const schemas = {
  manifest: Manifest.Written,
  journal: Schema.Union(Journal.Record.members.map(({ fields }) => Schema.Struct({ ...Chained.fields, ...fields }))),
  report: Report.Report,
  results: Results.Results,
  trainings: Results.Training,
  artifact: Described,
  spans: Spans.Line
} as const

/** The names of the available schemas. */
export const names = ["manifest", "journal", "report", "results", "trainings", "artifact", "spans"] as const

/** The JSON Schema (draft 2020-12) of a file, or of a line of it. */
export const jsonSchema = (name: (typeof names)[number]): object => {
  const { dialect, schema, definitions } = Schema.toJsonSchemaDocument(schemas[name] as Schema.Top)
  return {
    $schema: dialect === "draft-2020-12" ? "https://json-schema.org/draft/2020-12/schema" : dialect,
    ...schema,
    ...(Object.keys(definitions).length === 0 ? {} : { $defs: definitions })
  }
}
