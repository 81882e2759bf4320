/**
 * The events of a training, as JSON lines. Each epoch has the digest of the heads' weights after it, and a chain: the
 * digest of this epoch and the chain before it, so that two trainings agree up to an epoch if its chains are equal.
 */
import type { Metric } from "@igm/gradient"
import { Digest } from "@igm/tensor"
import { Schema } from "effect"
import { createHash } from "node:crypto"

/** The metrics of a split. */
export const Metrics = Schema.Struct({
  accuracy: Schema.Finite,
  macroF1: Schema.Finite,
  meanAveragePrecision: Schema.Finite,
  calibrationError: Schema.Finite,
  overconfidence: Schema.Finite,
  negativeLogLikelihood: Schema.Finite
} satisfies { readonly [K in keyof Metric.Metrics]: unknown })

const at = { turn: Schema.Int, head: Schema.String }

/** An event of a training: an epoch, the modification that a turn begins with, or a note. */
export const Event = Schema.Union([
  Schema.Struct({
    kind: Schema.Literal("epoch"),
    ...at,
    epoch: Schema.Int,
    loss: Schema.Finite,
    rate: Schema.Finite,
    selected: Metrics,
    ledger: Schema.Record(Schema.String, Schema.Finite),
    weights: Schema.String,
    chain: Schema.String
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

/** An event of a training. */
export type Event = typeof Event.Type

/** An epoch that is not in a chain yet. */
export type Epoch = Omit<Extract<Event, { readonly kind: "epoch" }>, "chain">

/** The chain after an epoch; the chain before the first is empty. */
export const chained = (epoch: Epoch, before: string): Event => {
  const { kind, turn, head, epoch: number, loss, rate, selected, ledger, weights } = epoch
  const own = { kind, turn, head, epoch: number, loss, rate, selected: { ...selected }, ledger, weights }
  const chain = createHash("sha256").update(before).update(Digest.canonicalJson(own)).digest("hex").slice(0, 16)
  return { ...own, chain }
}

/** The last chain of events. */
export const chainOf = (events: ReadonlyArray<Event>): string =>
  events.findLast((event) => event.kind === "epoch")?.chain ?? ""

const Line = Schema.fromJsonString(Event)

/** Events as JSON lines. */
export const encode = (events: ReadonlyArray<Event>): string =>
  events.map((event) => `${Schema.encodeSync(Line)(event)}\n`).join("")

/** The event of a line; throws a `SchemaError` on a line that is not one. */
export const decodeLine = Schema.decodeSync(Line)

/** Events from JSON lines; fails with a `SchemaError` on a line that is not an event. */
export const decode = Schema.decodeEffect(Schema.Array(Line))

/** The lines of a text. */
export const lines = (text: string): ReadonlyArray<string> => text.split("\n").filter((line) => line !== "")
