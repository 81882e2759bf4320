/** The record of trainings as JSON lines: one event a line, with the method and the seed it belongs to. */
import type { Method } from "@igm/gradient"
import { Schema } from "effect"

/** The metrics of a split. */
export const Metrics = Schema.Struct({
  accuracy: Schema.Finite,
  macroF1: Schema.Finite,
  meanAveragePrecision: Schema.Finite,
  calibrationError: Schema.Finite
})

const at = { stage: Schema.Int, head: Schema.String }

/** An event of a training: an epoch, the modification that a stage begins with, or a note. */
export const Event = Schema.Union([
  Schema.Struct({
    kind: Schema.Literal("epoch"),
    ...at,
    epoch: Schema.Int,
    loss: Schema.Finite,
    rate: Schema.Finite,
    selected: Metrics,
    ledger: Schema.Record(Schema.String, Schema.Finite)
  }),
  Schema.Struct({
    kind: Schema.Literal("modification"),
    ...at,
    from: Schema.String,
    effectiveRank: Schema.Array(Schema.Finite),
    secondEigenvalue: Schema.Array(Schema.Finite),
    meanEigenvalue: Schema.Array(Schema.Finite)
  }),
  Schema.Struct({ kind: Schema.Literal("note"), ...at, note: Schema.String })
])

const Line = Schema.fromJsonString(Event)

/** Events as JSON lines. */
export const encode = (events: ReadonlyArray<Method.Event>): string =>
  events.map((event) => `${Schema.encodeSync(Line)(event)}\n`).join("")

/** Events from JSON lines; fails with a `SchemaError` on a line that is not an event. */
export const decode = Schema.decodeEffect(Schema.Array(Line))

/** The lines of a journal. */
export const lines = (text: string): ReadonlyArray<string> => text.split("\n").filter((line) => line !== "")
