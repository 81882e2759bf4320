/**
 * Costs of encoding: a line for each chunk that was encoded, in a file of the store for what made it. The costs are told
 * and change no result; where they cannot be written, encoding goes on.
 */
import { AppendFile } from "@igm/io"
import type { Digest } from "@igm/tensor"
import { Effect, type Path, Schema } from "effect"

/** The folder of costs in a store. */
export const FOLDER = ".costs"

/** The encoder and device of a chunk, and the time it took; `at` is its end in milliseconds since 1970. */
export const Cost = Schema.Struct({
  at: Schema.Finite,
  encoder: Schema.Struct({ name: Schema.String, digest: Schema.String, width: Schema.Int }),
  preprocessing: Schema.Json,
  on: Schema.Json,
  device: Schema.String,
  samples: Schema.Int,
  seconds: Schema.Finite
})

/** The costs of one kind of work. */
export const fileOf = (path: Path.Path, store: string, identity: Digest.Digest): string =>
  path.join(store, FOLDER, `${identity}.jsonl`)

/** Opens the costs of one kind of work until the scope closes; one writer at a time. */
export const open = Effect.fn("Costs.open")(function* (file: string) {
  let warned = false
  const warn = (error: { readonly message: string }) =>
    Effect.suspend(() => {
      if (warned) return Effect.void
      warned = true
      return Effect.logWarning(`what encoding costs is not written down: ${error.message}`)
    })
  const opened = yield* AppendFile.open(file, Cost).pipe(Effect.tapError(warn), Effect.option)
  return (cost: typeof Cost.Type): Effect.Effect<void> =>
    opened._tag === "None" ? Effect.void : opened.value.append(cost).pipe(Effect.catch(warn), Effect.asVoid)
})
