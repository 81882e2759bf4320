/**
 * Checkpoints of a stage's body: its state so far, so that an interrupted run resumes from there and ends in the same
 * artifact. They belong to one piece of work, and are removed when its artifact is stored.
 *
 * ```ts
 * run: Effect.fnUntraced(function* ({ rounds }) {
 *   const checkpoints = yield* Checkpoints.json(Schema.Array(Schema.Finite))
 *   const found = [...(yield* checkpoints.last) ?? []]
 *   while (found.length < rounds) {
 *     found.push(yield* Random.next)
 *     yield* checkpoints.save(found)
 *   }
 *   return found
 * })
 * ```
 */
import { type IoError, Sealed } from "@igm/io"
import type { Digest } from "@igm/tensor"
import { Context, Effect, Option, Schema } from "effect"

/** A decoded checkpoint, or the reason why the bytes are none. */
export type Read<A> = { readonly checkpoint: A } | { readonly problem: string }

/**
 * Checkpoints of one type; `last` is the newest one from an earlier start of this run, `undefined` if there is none.
 */
export interface Checkpoint<A> {
  readonly last: Effect.Effect<A | undefined, IoError>
  readonly save: (value: A) => Effect.Effect<void, IoError>
}

const Text = Schema.Struct({ work: Schema.String, drawn: Schema.Int, value: Schema.Json })

/** Saves and restores the state of a stage's body. */
export class Checkpoints extends Context.Service<
  Checkpoints,
  {
    /** The digest of the work. */
    readonly work: Digest.Digest
    /** Saves bytes, which replace those saved before. */
    readonly keep: (bytes: Uint8Array) => Effect.Effect<void, IoError>
    /** The saved checkpoint. If `decode` rejects it, a note is recorded and the work starts from the beginning. */
    readonly kept: <A>(decode: (bytes: Uint8Array) => Read<A>) => Effect.Effect<A | undefined, IoError>
    /** The number of random numbers that the body has drawn; a resumed body continues with the next one. */
    readonly drawn: { position: number }
  }
>()("@igm/experiment/Checkpoints") {
  /** Checkpoints with a schema, saved as JSON with a digest. */
  static readonly json = <A>(schema: Schema.Codec<A, unknown>): Effect.Effect<Checkpoint<A>, never, Checkpoints> => {
    const codec = Schema.toCodecJson(schema)
    return Checkpoints.use(({ work, keep, kept, drawn }) => {
      const decode = (bytes: Uint8Array): Read<{ readonly value: A; readonly drawn: number }> => {
        const found = Option.flatMap(Sealed.members(new TextDecoder().decode(bytes)), (members) =>
          Schema.decodeUnknownOption(Text)(members)
        )
        if (Option.isNone(found)) return { problem: "it is damaged" }
        if (found.value.work !== work) return { problem: "it belongs to other work" }
        const value = Schema.decodeUnknownOption(codec)(found.value.value)
        if (Option.isNone(value)) return { problem: "it is of another type" }
        return { checkpoint: { value: value.value, drawn: found.value.drawn } }
      }
      return Effect.succeed({
        last: Effect.gen(function* () {
          const found = yield* kept(decode)
          if (found === undefined) return undefined
          drawn.position = found.drawn
          return found.value
        }),
        save: (value) =>
          Effect.gen(function* () {
            const json = (yield* Effect.orDie(Schema.encodeEffect(codec)(value))) as Digest.Json
            yield* keep(new TextEncoder().encode(Sealed.text({ work, drawn: drawn.position, value: json })))
          })
      } satisfies Checkpoint<A>)
    })
  }
}
