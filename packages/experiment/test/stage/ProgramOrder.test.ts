/** What a reader of a manifest relies on: its artifacts are in the order of the program, however long each of them took. */
import { assert, describe, it } from "@effect/vitest"
import { Digest, Keyed } from "@igm/tensor"
import { Effect, Fiber, Schema } from "effect"
import * as ProgramOrder from "../../src/stage/ProgramOrder.ts"

/** An artifact by its number; those of a stage are told apart by their digests. */
const artifactOf = (n: number) => ({ stage: `stage ${n % 3}`, name: "work", digest: Digest.ofJson(n) })

type Named = ReturnType<typeof artifactOf>

/** A program: what it asks for, and how. */
type Program =
  | { readonly kind: "ask"; readonly n: number }
  | { readonly kind: "sequence" | "parallel"; readonly of: ReadonlyArray<Program>; readonly at: number | "unbounded" }
  /** The first beside the second, then joined. */
  | { readonly kind: "fork"; readonly beside: Program; readonly after: Program }
  /** Asks, fails, and is tried once more. */
  | { readonly kind: "raced" | "timed" | "retried"; readonly of: Program }
  /** An artifact whose body asks for others. */
  | { readonly kind: "nested"; readonly n: number; readonly of: Program }

/** A drawn program. What runs beside others in the background asks for one after the other. */
const drawn = (seed: number): Program => {
  const stream = Keyed.stream(["program", seed])
  const below = (n: number) => Keyed.below(stream, n)
  const program = (depth: number, isSequential: boolean): Program => {
    const many = (depth: number) => Array.from({ length: 1 + below(4) }, () => program(depth, isSequential))
    const kind = depth === 0 ? 0 : below(isSequential ? 4 : 8)
    switch (kind) {
      case 1:
        return { kind: "nested", n: below(30), of: program(depth - 1, false) }
      case 2:
        return { kind: "sequence", of: many(depth - 1), at: 1 }
      case 3:
        return { kind: "retried", of: program(depth - 1, isSequential) }
      case 4:
        return { kind: "parallel", of: many(depth - 1), at: ([1, 2, "unbounded"] as const)[below(3)]! }
      case 5:
        return { kind: "fork", beside: program(depth - 1, true), after: program(depth - 1, false) }
      case 6:
      case 7:
        return { kind: kind === 6 ? "raced" : "timed", of: program(depth - 1, false) }
      default:
        return { kind: "ask", n: below(30) }
    }
  }
  return { kind: "sequence", of: Array.from({ length: 4 }, () => program(3, false)), at: 1 }
}

/** Runs a program; `pause` takes as long as it likes. An artifact is asked for with those that its body asked for. */
const run = (program: Program, pause: Effect.Effect<void>): Effect.Effect<void, "again"> => {
  switch (program.kind) {
    case "ask":
      return Effect.asVoid(ProgramOrder.asked(Effect.as(pause, [artifactOf(program.n)])))
    case "sequence":
    case "parallel":
      return Effect.forEach(program.of, (one) => run(one, pause), { concurrency: program.at, discard: true })
    case "fork":
      return Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(Effect.andThen(pause, run(program.beside, pause)))
        yield* run(program.after, pause)
        yield* Fiber.join(fiber)
      })
    case "raced":
      return Effect.race(run(program.of, pause), Effect.never)
    case "timed":
      return Effect.timeout(run(program.of, pause), "1 day").pipe(Effect.catchTag("TimeoutError", Effect.die))
    case "retried":
      return Effect.suspend(() => {
        let tries = 0
        const failing = Effect.suspend(() => (tries++ === 0 ? Effect.fail("again" as const) : Effect.void))
        return Effect.retry(Effect.andThen(run(program.of, pause), failing), { times: 1 })
      })
    case "nested":
      return Effect.gen(function* () {
        const [, within] = yield* ProgramOrder.collected<Named, void, "again", never>(run(program.of, pause))
        yield* pause
        return [...within, artifactOf(program.n)]
      }).pipe(ProgramOrder.asked, Effect.asVoid)
  }
}

/** Pauses of so many turns of other fibers, drawn one after the other. */
const pausing = (seed: number) => {
  const stream = Keyed.stream(["pauses", seed])
  return Effect.suspend(() =>
    Effect.forEach(Array.from({ length: Keyed.below(stream, 6) }), () => Effect.yieldNow, { discard: true })
  )
}

const orderOf = (program: Program, pause: Effect.Effect<void>) =>
  ProgramOrder.collected<Named, void, "again", never>(run(program, pause)).pipe(
    Effect.map(([, all]) => all.map(({ digest }) => digest))
  )

/** What a program without anything in parallel asks for, one after the other. */
const inSequence = (program: Program): ReadonlyArray<number> => {
  switch (program.kind) {
    case "ask":
      return [program.n]
    case "sequence":
    case "parallel":
      return program.of.flatMap(inSequence)
    case "fork":
      return [...inSequence(program.beside), ...inSequence(program.after)]
    case "nested":
      return [...inSequence(program.of), program.n]
    default:
      return inSequence(program.of)
  }
}

const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1e9 }))

const once = (numbers: ReadonlyArray<number>) => [...new Set(numbers)].map((n) => artifactOf(n).digest)

describe("The order of artifacts", () => {
  it.effect.prop(
    "does not depend on how long anything takes, and has each artifact once",
    { seed: Seed, pauses: Schema.Array(Seed).check(Schema.isMinLength(3), Schema.isMaxLength(3)) },
    ({ seed, pauses }) =>
      Effect.gen(function* () {
        const program = drawn(seed)
        const order = yield* orderOf(program, Effect.void)
        for (const other of pauses) assert.deepStrictEqual(yield* orderOf(program, pausing(other)), order)
        assert.strictEqual(new Set(order).size, order.length)
        assert.deepStrictEqual(order.toSorted(), once(inSequence(program)).toSorted())
      }),
    { arbitrary: { runs: 150 } }
  )

  it.effect.prop("is that of the program, one after the other, where it forks nothing", { seed: Seed }, ({ seed }) =>
    Effect.gen(function* () {
      const sequential = (program: Program): Program => {
        switch (program.kind) {
          case "ask":
            return program
          case "sequence":
          case "parallel":
            return { kind: "sequence", of: program.of.map(sequential), at: 1 }
          case "fork":
            return { kind: "sequence", of: [sequential(program.beside), sequential(program.after)], at: 1 }
          case "nested":
            return { ...program, of: sequential(program.of) }
          default:
            return { kind: "retried", of: sequential(program.of) }
        }
      }
      const program = sequential(drawn(seed))
      assert.deepStrictEqual(yield* orderOf(program, pausing(seed)), once(inSequence(program)))
    })
  )

  it.effect.prop(
    "has what is asked for in parallel between what comes before it and what comes after",
    { seed: Seed },
    ({ seed }) =>
      Effect.gen(function* () {
        const ask = (n: number): Program => ({ kind: "ask", n })
        const inner = drawn(seed)
        const parallel: Program = { kind: "parallel", of: [inner, ask(40), { kind: "timed", of: ask(41) }], at: 2 }
        const program: Program = { kind: "sequence", of: [ask(50), ask(51), parallel, ask(52)], at: 1 }
        const order = yield* orderOf(program, pausing(seed))
        const ends = [50, 51, 52].map((n) => artifactOf(n).digest)
        assert.deepStrictEqual([order[0], order[1], order.at(-1)], ends)
      }),
    { arbitrary: { runs: 30 } }
  )

  it.effect("keeps each branch's own", () =>
    Effect.gen(function* () {
      const ask = (n: number): Program => ({ kind: "ask", n })
      const branch = (...of: ReadonlyArray<number>): Program => ({ kind: "sequence", of: of.map(ask), at: 1 })
      const program: Program = { kind: "parallel", of: [branch(9, 3, 6), branch(2, 8)], at: "unbounded" }
      for (let seed = 0; seed < 20; seed++) {
        const order = yield* orderOf(program, pausing(seed))
        const places = (...of: ReadonlyArray<number>) => of.map((n) => order.indexOf(artifactOf(n).digest))
        for (const all of [places(9, 3, 6), places(2, 8)]) {
          assert.deepStrictEqual(
            all,
            all.toSorted((a, b) => a - b)
          )
        }
      }
    })
  )

  it.effect("of a request that failed, or of none at all, is empty", () =>
    Effect.gen(function* () {
      const failing = Effect.flip(ProgramOrder.asked(Effect.fail("no")))
      const [, none] = yield* ProgramOrder.collected(Effect.andThen(failing, Effect.void))
      assert.deepStrictEqual(none, [])
      // Outside of a run nothing is collected.
      assert.deepStrictEqual(yield* ProgramOrder.asked(Effect.succeed([artifactOf(1)])), [artifactOf(1)])
    })
  )

  it.effect(
    "branches that are listed stand in the order of their list, whoever is first, and before what comes after",
    () =>
      Effect.gen(function* () {
        const ask = (n: number) => ProgramOrder.asked(Effect.as(Effect.yieldNow, [artifactOf(n)]))
        const slow = (n: number) => Effect.andThen(Effect.yieldNow, ask(n))
        const program = Effect.andThen(ProgramOrder.all([slow(5), ask(2)]), ProgramOrder.all([ask(1), slow(0)]))
        const [, found] = yield* ProgramOrder.collected<Named, unknown, never, never>(program)
        assert.deepStrictEqual(
          found.map(({ digest }) => digest),
          [5, 2, 1, 0].map((n) => artifactOf(n).digest)
        )
      })
  )
})
