/**
 * From decoded samples that go together to their features. The tensors of a batch lie in memory of the encoder's, which is
 * used again for batches to come; what the samples themselves had is let go as soon as it was copied there. A batch that
 * there is no memory for is halved where that was asked for, and batches to come are no larger than what there was memory
 * for.
 */
import type { Tensor } from "@igm/tensor"
import { Effect, Exit, Scope } from "effect"
import * as Batches from "./Batches.ts"
import type * as Encoder from "../Encoder.ts"
import { BatchTooLarge, type EncoderError } from "../EncoderError.ts"

/** A decoded sample, and the scope that its tensors live in. */
export interface Loaded extends Batches.Item {
  readonly scope: Scope.Closeable
}

/** Options of making and encoding batches. */
export interface Options {
  /** The encoder's file. */
  readonly file: string
  /** Free sizes are filled up with zeros to a multiple of this. */
  readonly multiple: number
  readonly onOutOfMemory?: "fail" | "halve" | undefined
}

/** Features of samples, in one piece (n × width) or several. */
type Pieces = Effect.Effect<ReadonlyArray<Float32Array>, EncoderError | BatchTooLarge>

/** The features of samples that go together, whose scopes are closed once they are in a batch. */
export const make = (
  { inputs, encode, memory }: Pick<Encoder.OpenEncoder, "inputs" | "encode" | "memory">,
  { file, multiple, onOutOfMemory }: Options
): ((items: ReadonlyArray<Loaded>) => Pieces) => {
  /** The most samples that there may be memory for. */
  let most = Infinity

  /** Takes half of a batch that was too large for the most, where that was asked for. */
  const shrink = (error: BatchTooLarge, count: number): Effect.Effect<void, BatchTooLarge> => {
    if (onOutOfMemory !== "halve" || count === 1) return Effect.fail(error)
    const half = (count + 1) >> 1
    if (most <= half) return Effect.void
    most = half
    return Effect.logWarning(`${file}: not enough memory for a batch of ${count}: from now on ${half} at most`)
  }

  /** Makes something of samples `from` … `to` − 1 and uses it; of what there is no memory for, parts are made. */
  const inParts = <A>(
    make: (from: number, to: number) => Effect.Effect<A, EncoderError | BatchTooLarge>,
    use: (made: A, from: number, to: number) => Pieces
  ) => {
    const part = (from: number, to: number): Pieces =>
      Effect.suspend(() =>
        to - from > most
          ? Effect.zipWith(part(from, from + most), part(from + most, to), (a, b) => [...a, ...b])
          : Effect.matchEffect(make(from, to), {
              onFailure: (error) =>
                error._tag === "BatchTooLarge"
                  ? Effect.andThen(shrink(error, to - from), part(from, to))
                  : Effect.fail(error),
              onSuccess: (made) => use(made, from, to)
            })
      )
    return part
  }

  const encoded = (batch: { readonly [input: string]: Tensor.Tensor }, count: number): Pieces =>
    inParts(
      (from, to) => encode(to - from === count ? batch : Batches.part(batch, from, to)),
      ({ data }) => Effect.succeed([data])
    )(0, count)

  return (items) =>
    inParts(
      (from, to) =>
        Effect.try({
          try: () => Batches.stack(inputs, items.slice(from, to), multiple, memory),
          catch: (cause) => new BatchTooLarge({ path: file, batch: to - from, cause })
        }),
      (batch, from, to) =>
        Effect.forEach(items.slice(from, to), ({ scope }) => Scope.close(scope, Exit.void), { discard: true }).pipe(
          Effect.andThen(encoded(batch, to - from)),
          // Who is interrupted does not know whether the batch is still read.
          Effect.onExit((exit) => Effect.sync(() => Exit.hasInterrupts(exit) || Batches.give(batch, memory)))
        )
    )(0, items.length)
}
