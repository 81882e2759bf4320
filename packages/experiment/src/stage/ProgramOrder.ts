/**
 * The program order of a run's artifacts: the order in which its program requested them, whichever finished first.
 *
 * A fiber requests one artifact after the other. The requests of fibers that it started between two of its own come
 * between these two; fibers that were started at the same point (parallel branches) are ordered by the stages, names
 * and digests of their requests. The order does not depend on timing, with one exception that fibers do not reveal: if
 * a background fiber (forked, and joined only after its program has made further requests) starts fibers itself, their
 * requests come among the program's requests of that time.
 */
import { Context, Effect } from "effect"

/** An artifact identified by its stage, its name and its digest. */
interface Named {
  readonly stage: string
  readonly name: string
  readonly digest: string
}

/** A request of a fiber: fibers that were started before it have ids below `since`, and later ones above. */
interface Request<A> {
  readonly since: number
  readonly answers: ReadonlyArray<A>
}

/** The requests of one fiber, and the fibers that it started, directly or indirectly. */
interface Strand<A extends Named> {
  readonly fiber: number
  /** The place among branches that are listed, by `all`; 0 of others. */
  readonly branch: number
  readonly requests: Array<Request<A>>
  readonly below: Map<number, Strand<A>>
}

const make = <A extends Named>(fiber: number, branch: number): Strand<A> => ({
  fiber,
  branch,
  requests: [],
  below: new Map()
})

/** The place of a fiber among branches that are listed. */
const Branch = Context.Reference<number>("@igm/experiment/ProgramOrder/Branch", { defaultValue: () => 0 })

/** The strand of the fiber that runs a program; the fibers that it starts inherit it. */
const Current = Context.Reference<Strand<Named> | undefined>("@igm/experiment/ProgramOrder", {
  defaultValue: () => undefined
})

/** Runs a program and gives its result together with its requests in program order. */
export const collected = <A extends Named, B, E, R>(
  program: Effect.Effect<B, E, R>
): Effect.Effect<readonly [B, ReadonlyArray<A>], E, R> =>
  Effect.withFiber((fiber) => {
    const strand = make<A>(fiber.id, 0)
    return program.pipe(
      Effect.provideService(Current, strand),
      Effect.map((result) => [result, list(strand)] as const)
    )
  })

/** Records the answers to a request of the running fiber, at the point at which it was made. */
export const asked = <A extends Named, E, R>(
  request: Effect.Effect<ReadonlyArray<A>, E, R>
): Effect.Effect<ReadonlyArray<A>, E, R> =>
  Effect.withFiber((fiber) => {
    const above = fiber.getRef(Current)
    if (above === undefined) return request
    const own = above.fiber === fiber.id ? above : (above.below.get(fiber.id) ?? make(fiber.id, fiber.getRef(Branch)))
    if (own !== above) above.below.set(fiber.id, own)
    return Effect.gen(function* () {
      // Fibers are numbered in the order in which they are started.
      const { id: since } = yield* Effect.forkChild(Effect.void)
      const answers = yield* request
      own.requests.push({ since, answers })
      return answers
    })
  })

/**
 * Marks a point in a program that separates finished parallel branches from later ones: those before it come first.
 * Without a request or a mark between them, they are ordered together, as if they ran concurrently.
 */
const mark: Effect.Effect<void> = Effect.suspend(() => Effect.asVoid(asked(Effect.succeed([]))))

/** Runs effects concurrently; their requests stand in the order of the list, and before those that come after them. */
export const all = <A, E, R>(effects: ReadonlyArray<Effect.Effect<A, E, R>>): Effect.Effect<ReadonlyArray<A>, E, R> =>
  Effect.forEach(effects, (effect, place) => Effect.provideService(effect, Branch, place), {
    concurrency: "unbounded"
  }).pipe(Effect.tap(mark))

/** Lists the requests of a strand and those below it, in program order. */
const list = <A extends Named>({ requests, below }: Strand<A>): ReadonlyArray<A> => {
  const branches = [...below.values()].map((strand) => {
    const own = list(strand)
    const at = requests.findIndex(({ since }) => since > strand.fiber)
    const key = JSON.stringify(own.map(({ stage, name, digest }) => [stage, name, digest]))
    return { own, at: at < 0 ? requests.length : at, branch: strand.branch, key }
  })
  const sorted = branches.toSorted(
    (a, b) => a.at - b.at || a.branch - b.branch || (a.key < b.key ? -1 : Number(a.key > b.key))
  )
  const startedAt = (place: number) => sorted.filter(({ at }) => at === place).flatMap(({ own }) => own)
  const all = [
    ...requests.flatMap(({ answers }, place) => [...startedAt(place), ...answers]),
    ...startedAt(requests.length)
  ]
  const seen = new Set<string>()
  return all.filter(({ stage, name, digest }) => {
    const key = JSON.stringify([stage, name, digest])
    return !seen.has(key) && seen.add(key)
  })
}
