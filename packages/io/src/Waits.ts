/**
 * The work that waits for other work: the body of a stage that requests an artifact waits for its work. Work that waits
 * for itself, directly or through other work, would never end, and is refused.
 */
import { Context, Effect } from "effect"
import { IoError } from "./IoError.ts"

/** A piece of work by the name of its stage and its digest. */
export interface Node {
  readonly stage: string
  readonly digest: string
}

/** One piece of work that waits for another. */
interface Edge {
  readonly from: Node
  readonly to: Node
}

/** The work whose body runs, the innermost if bodies are nested. */
const Working = Context.Reference<Node | undefined>("@igm/io/Waits/Working", { defaultValue: () => undefined })

/** Runs a body of work. */
export const working = (node: Node) => Effect.provideService(Working, node)

/** Finds a chain of work that waits, from one piece to another. */
const chain = (edges: ReadonlySet<Edge>, from: Node, target: Node): ReadonlyArray<Node> | undefined => {
  const seen = new Set<string>()
  const visit = (at: Node): ReadonlyArray<Node> | undefined => {
    if (at.digest === target.digest) return [at]
    if (seen.has(at.digest)) return undefined
    seen.add(at.digest)
    for (const edge of edges) {
      const rest = edge.from.digest === at.digest ? visit(edge.to) : undefined
      if (rest !== undefined) return [at, ...rest]
    }
    return undefined
  }
  return visit(from)
}

/** Makes an empty record of the work that waits, and the function that lets the running body wait for other work. */
export const make = () => {
  const edges = new Set<Edge>()
  return Effect.fnUntraced(function* <A, E, R>(to: Node, request: Effect.Effect<A, E, R>) {
    const from = yield* Working
    if (from === undefined) return yield* request
    const found = chain(edges, to, from)
    if (found !== undefined) {
      const asked = found.length === 1 ? "itself" : found.map(({ stage }) => stage).join(", which asks for ")
      const problem = `it asks for ${asked}, with an equal input, which would never end: give another`
      return yield* new IoError({ path: `the stage ${from.stage}`, problem })
    }
    const edge = { from, to }
    edges.add(edge)
    return yield* Effect.ensuring(
      request,
      Effect.sync(() => edges.delete(edge))
    )
  })
}
