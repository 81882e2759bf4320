/**
 * From decoded samples that go together to their features. The tensors of a batch lie in memory of its own, which is used
 * again for batches to come; what the samples themselves had is let go as soon as it was copied there. A batch that there
 * is no memory for is halved where that was asked for.
 */
import type { Tensor } from "@igm/tensor"
import { Effect, Exit, Scope } from "effect"
import * as Batches from "./Batches.ts"
import type * as Encoder from "./Encoder.ts"
import { BatchTooLarge, type EncoderError } from "./EncoderError.ts"

/** A decoded sample, and the scope that its tensors live in. */
export interface Loaded extends Batches.Item {
  readonly scope: Scope.Closeable
}

/** How batches are made and encoded. */
export interface Options {
  /** The encoder's file. */
  readonly file: string
  /** Free sizes are filled up with zeros to a multiple of this. */
  readonly multiple: number
  readonly onOutOfMemory?: "fail" | "halve" | undefined
  /** Batches that are on their way at a time. */
  readonly batches: number
}

/** Features of samples, in one piece (n × width) or several. */
type Pieces = Effect.Effect<ReadonlyArray<Float32Array>, EncoderError | BatchTooLarge>

/** The features of samples that go together; afterwards the samples' scopes are closed. */
export const make = (
  { inputs, encode }: Pick<Encoder.OpenEncoder, "inputs" | "encode">,
  { file, multiple, onOutOfMemory, batches }: Options
): ((items: ReadonlyArray<Loaded>) => Pieces) => {
  const memory = Batches.memory(batches * Object.keys(inputs).length)

  /** The features of two halves of what is too large. */
  const halved = (error: BatchTooLarge, count: number, part: (from: number, to: number) => Pieces): Pieces => {
    if (onOutOfMemory !== "halve" || count === 1) return Effect.fail(error)
    const middle = count >> 1
    return Effect.logWarning(`${file}: not enough memory for a batch of ${count}: it is halved`).pipe(
      Effect.andThen(part(0, middle)),
      Effect.zipWith(part(middle, count), (a, b) => [...a, ...b])
    )
  }
  const encoded = (batch: { readonly [input: string]: Tensor.Tensor }, count: number): Pieces =>
    encode(batch).pipe(
      Effect.map(({ data }) => [data]),
      Effect.catchTag("BatchTooLarge", (error) =>
        halved(error, count, (from, to) => encoded(Batches.part(batch, from, to), to - from))
      )
    )
  const features = (items: ReadonlyArray<Loaded>): Pieces =>
    Effect.try({
      try: () => Batches.stack(inputs, items, multiple, memory),
      catch: (cause) => new BatchTooLarge({ path: file, batch: items.length, cause })
    }).pipe(
      Effect.matchEffect({
        onFailure: (error) => halved(error, items.length, (from, to) => features(items.slice(from, to))),
        onSuccess: (batch) =>
          Effect.forEach(items, ({ scope }) => Scope.close(scope, Exit.void), { discard: true }).pipe(
            Effect.andThen(encoded(batch, items.length)),
            // Who is interrupted does not know whether the batch is still read.
            Effect.onExit((exit) => Effect.sync(() => Exit.hasInterrupts(exit) || memory.give(batch)))
          )
      })
    )
  return features
}
