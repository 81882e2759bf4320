/**
 * A law: a property that every case must have, measured as a deviation from it. Cases are drawn at random; a
 * counter-example is shrunk and can be replayed.
 */
import { Arbitrary, Data, Effect, type Schema } from "effect"

/** Options of a check. */
export interface Options {
  /** The number of cases. */
  readonly runs: number
  /** The same seed gives the same cases. */
  readonly seed?: string | number
  /** Replays a counter-example instead of a search: the replay that a broken law printed. */
  readonly replay?: Arbitrary.Replay
}

/** A case that breaks a law. */
export interface CounterExample {
  /** The smallest case found, as JSON, and its deviation. */
  readonly shrunk: string
  readonly deviation: number
  /** Repeats the search that found it. */
  readonly replay: Arbitrary.Replay
}

/** The result of a check. */
export interface Verdict {
  readonly law: string
  readonly cases: number
  /** The largest deviation among the cases that hold. */
  readonly largest: number
  readonly tolerance: number
  readonly counterExample: CounterExample | null
}

/** A law; `R` are the services that it needs, such as the interpreter under test. */
export interface Law<R = never> {
  readonly name: string
  readonly tolerance: number
  readonly check: (options: Options) => Effect.Effect<Verdict, never, R>
}

/** The statement of a law over the cases of a schema. */
interface Statement<S extends Schema.Constraint & { readonly Type: unknown }, A> {
  readonly name: string
  readonly cases: S
  readonly tolerance: number
  readonly deviation: (value: S["Type"]) => A
}

/** A law over the cases of a schema: it holds where the deviation is a number not above the tolerance. */
export const make = <S extends Schema.Constraint & { readonly Type: unknown }>(law: Statement<S, number>): Law =>
  makeEffect({ ...law, deviation: (value) => Effect.sync(() => law.deviation(value)) })

/** A law whose deviation is computed by an effect. */
export const makeEffect = <S extends Schema.Constraint & { readonly Type: unknown }, R>(
  law: Statement<S, Effect.Effect<number, never, R>>
): Law<R> => ({
  name: law.name,
  tolerance: law.tolerance,
  check: Effect.fn("Law.check")(function* ({ runs, seed = law.name, replay }) {
    let largest = 0
    const holds = (value: S["Type"]) =>
      Effect.map(law.deviation(value), (deviation) => {
        if (!(deviation <= law.tolerance)) return false
        largest = Math.max(largest, deviation)
        return true
      })
    const result = yield* Arbitrary.checkEffect(Arbitrary.schema(law.cases), holds, { runs, seed, replay })
    const verdict = { law: law.name, largest, tolerance: law.tolerance }
    if (result._tag === "Passed") return { ...verdict, cases: result.runs, counterExample: null }
    if (result._tag !== "Falsified") return yield* Effect.die(new Error(`${law.name}: ${result._tag}`))
    const counterExample = {
      shrunk: JSON.stringify(result.shrunkInput),
      deviation: yield* law.deviation(result.shrunkInput as S["Type"]),
      replay: result.replay
    }
    return { ...verdict, cases: result.runs, counterExample }
  })
})

/** A verdict as a line of text. */
export const line = ({ law, cases, largest, tolerance, counterExample }: Verdict): string =>
  counterExample === null
    ? `holds   ${law}: ${cases} cases, largest deviation ${largest.toExponential(1)} of ${tolerance.toExponential(0)}`
    : `BROKEN  ${law}: ${counterExample.deviation.toExponential(1)} instead of at most ${tolerance.toExponential(0)} for ${counterExample.shrunk}`

/** A law that does not hold, with the smallest counter-example that was found and how to search for it again. */
export class LawBroken extends Data.TaggedError("LawBroken")<{ readonly verdict: Verdict }> {
  override get message() {
    const { verdict } = this
    return `${line(verdict)}; again with { runs: 1, replay: ${JSON.stringify(verdict.counterExample?.replay)} }`
  }
}

/** Checks a law and fails with `LawBroken` if it does not hold: the body of a test. */
export const holds = <R>(law: Law<R>, options: Options = { runs: 100 }): Effect.Effect<Verdict, LawBroken, R> =>
  law
    .check(options)
    .pipe(
      Effect.flatMap((verdict) =>
        verdict.counterExample === null ? Effect.succeed(verdict) : Effect.fail(new LawBroken({ verdict }))
      )
    )
