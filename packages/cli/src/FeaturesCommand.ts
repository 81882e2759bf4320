/** `igm features`: lists the stored features, the encoders that computed them, and the time that it took. */
import { FeatureIndex } from "@igm/encoders"
import { Runs } from "@igm/experiment"
import { Terminal } from "@igm/report"
import { Digest } from "@igm/tensor"
import { Console, Effect, Path } from "effect"
import { Command } from "effect/cli"
import * as RunFlags from "./RunFlags.ts"
import * as Words from "./Words.ts"

/** Samples per second; null if no time was measured. */
const rateOf = ({ encoded, seconds }: FeatureIndex.Entry): number | null => (seconds > 0 ? encoded / seconds : null)

const entryOf = (entry: FeatureIndex.Entry) => ({
  ...entry,
  samplesPerSecond: rateOf(entry),
  last: entry.last === null ? null : new Date(entry.last).toISOString()
})

/** The name that the preprocessing's settings declare, or the beginning of their digest. */
const preprocessingOf = ({ preprocessing }: FeatureIndex.Entry): string => {
  const { kind } = (preprocessing ?? {}) as { readonly kind?: unknown }
  return typeof kind === "string" ? kind : Digest.short(Digest.ofJson(preprocessing))
}

const placeOf = ({ on, device }: FeatureIndex.Entry): string => {
  const { provider, runtime, batch } = on as { readonly [name: string]: unknown }
  const size = batch === undefined ? "" : `, batch ${batch}`
  return `${provider}, onnxruntime ${runtime}${size}${device === null ? "" : ` (${device})`}`
}

const HEADER = [
  "encoder",
  "preprocessing",
  "samples",
  "in",
  "size",
  "encoded",
  "took",
  "per second",
  "last (UTC)",
  "on"
]

const text = (entries: ReadonlyArray<FeatureIndex.Entry>, out: string): string => {
  if (entries.length === 0) return `there are no features in ${out}`
  const rows = entries.map((entry) => {
    const { encoder, samples, unfinished, sets, bytes, encoded, seconds, last } = entry
    const rate = rateOf(entry)
    return [
      encoder.name ?? Digest.short(encoder.digest),
      preprocessingOf(entry),
      unfinished === 0 ? String(samples) : `${samples}, and ${unfinished} unfinished`,
      sets === 1 ? "1 set" : `${sets} sets`,
      Words.bytes(bytes),
      String(encoded),
      encoded === 0 ? "" : Words.duration(1000 * seconds),
      rate === null ? "" : rate.toPrecision(3),
      last === null ? "" : Words.time(last),
      placeOf(entry)
    ]
  })
  return Terminal.aligned([HEADER, ...rows]).join("\n")
}

/** The command. */
export const command = Command.make(
  "features",
  { out: RunFlags.out, json: RunFlags.json },
  Effect.fn("igm.features")(function* ({ out, json }) {
    const path = yield* Path.Path
    const entries = yield* FeatureIndex.list(path.join(out, Runs.STORE))
    yield* Console.log(json ? JSON.stringify(entries.map(entryOf), null, 2) : text(entries, out))
  })
).pipe(Command.withDescription("List the features that are stored, what made them, and what that cost"))
