/**
 * The journal of a run: what happened, when, in the order in which it happened, through all starts of the same run. It is
 * only ever appended to. What a run results in is in its other files; the journal tells how it came about.
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
  Schema.Struct({
    kind: Schema.Literal("epoch"),
    ...at,
    name: Schema.String,
    digest: Schema.String,
    epoch: Schema.Int,
    loss: Schema.Finite,
    weights: Schema.String
  }),
  Schema.Struct({ kind: Schema.Literal("checkpoint"), ...at, digest: Schema.String, bytes: Schema.Int }),
  Schema.Struct({ kind: Schema.Literal("note"), ...at, note: Schema.String }),
  Schema.Struct({ kind: Schema.Literal("failed"), ...at, problem: Schema.String }),
  Schema.Struct({ kind: Schema.Literal("finished"), ...at, features: Schema.String, weights: Schema.String })
])

/** A line of a journal. */
export type Record = typeof Record.Type

/** What is to be told, without the time. */
export type News = Record extends infer R ? (R extends { readonly at: number } ? Omit<R, "at"> : never) : never
