/**
 * The journal of a run: an append-only log of timed events in chronological order, across all starts of the same run.
 * The results of a run are in its other files.
 */
import { Schema } from "effect"

const at = { at: Schema.Finite }

const work = { stage: Schema.String, name: Schema.String, digest: Schema.String }

/** A line of a journal; `at` is in milliseconds since 1970. */
export const Record = Schema.Union([
  Schema.Struct({ kind: Schema.Literal("started"), ...at, process: Schema.Int, host: Schema.String }),
  Schema.Struct({ kind: Schema.Literal("making"), ...at, ...work }),
  Schema.Struct({
    kind: Schema.Literal("stored"),
    ...at,
    ...work,
    content: Schema.String,
    reused: Schema.Boolean
  }),
  /** Reused artifacts that a run of the same program made whose code was another. */
  Schema.Struct({
    kind: Schema.Literal("outdated"),
    ...at,
    artifacts: Schema.Array(Schema.Struct({ ...work, run: Schema.String }))
  }),
  /** The progress of a stage's work, in steps of its own (epochs of a training), with facts about it. */
  Schema.Struct({
    kind: Schema.Literal("progress"),
    ...at,
    name: Schema.String,
    digest: Schema.String,
    done: Schema.Int,
    facts: Schema.Record(Schema.String, Schema.Json)
  }),
  Schema.Struct({ kind: Schema.Literal("checkpoint"), ...at, digest: Schema.String, bytes: Schema.Int }),
  /** The work was resumed from its last checkpoint. */
  Schema.Struct({ kind: Schema.Literal("resumed"), ...at, digest: Schema.String }),
  Schema.Struct({ kind: Schema.Literal("note"), ...at, note: Schema.String }),
  Schema.Struct({ kind: Schema.Literal("failed"), ...at, problem: Schema.String }),
  Schema.Struct({
    kind: Schema.Literal("finished"),
    ...at,
    /** The digest of the report's data. */
    report: Schema.String
  })
])

/** A line of a journal. */
export type Record = typeof Record.Type

/** An event without its time. */
export type News = Record extends infer R ? (R extends { readonly at: number } ? Omit<R, "at"> : never) : never
