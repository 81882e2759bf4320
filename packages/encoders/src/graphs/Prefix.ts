/**
 * Weights whose names begin with more than an architecture expects, or with less: `module.` of a training on several
 * devices, `_orig_mod.` of a compiled model, `backbone.` of one that the network was a part of.
 */
import { Effect } from "effect"
import type { Architecture } from "./Architecture.ts"
import { EncoderError } from "../EncoderError.ts"
import type { Weights } from "../weights/Weights.ts"

/** An architecture that looks for its weights where a file has them. */
export interface Located {
  readonly architecture: Architecture
  /** The prefix of their names there, where that is not what the architecture expects. */
  readonly prefix: string | undefined
}

/** The most prefixes that are tried. */
const MAX_TRIED = 16

/**
 * Has an architecture look for its weights below a prefix: the one that is given, or where it does not find them as it
 * expects them, the only one below which all of them are. Fails where there are several such.
 */
export const locate = Effect.fn("Prefix.locate")(function* (
  architecture: Architecture,
  weights: Weights,
  given?: string | undefined
) {
  const below = (prefix: string): Located => {
    const located: Architecture = { ...architecture, graph: (weights) => architecture.graph(weights, prefix) }
    return { architecture: located, prefix }
  }
  if (given !== undefined) return below(given)
  const expected = yield* Effect.result(architecture.graph(weights))
  if (expected._tag === "Success") return { architecture, prefix: undefined } satisfies Located
  const fits = (prefix: string) =>
    Effect.map(Effect.result(architecture.graph(weights, prefix)), ({ _tag }) => _tag === "Success")
  const fitting = yield* Effect.filter((expected.failure.prefixes ?? []).slice(0, MAX_TRIED), fits)
  const [prefix, other] = fitting
  if (prefix === undefined) return yield* expected.failure
  if (other === undefined) return below(prefix)
  const listed = fitting.map((one) => JSON.stringify(one)).join(", ")
  const problem = `it has weights for the ${architecture.name} below several prefixes, ${listed}: choose one with --prefix`
  return yield* new EncoderError({ path: weights.path, problem })
})
