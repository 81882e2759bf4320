/**
 * The sensitivity of a method to its settings: one setting at a time takes other values, while the others stay where they
 * are. The report has a curve for each setting, and the difference of each value to the one that is in use.
 */
import type { Features, Method } from "@igm/gradient"
import { Report, type Section, Statistics } from "@igm/report"
import { Effect } from "effect"
import { ExperimentError } from "../ExperimentError.ts"
import * as Protocol from "../comparison/Protocol.ts"
import * as Evaluate from "../training/Evaluate.ts"
import * as Trained from "./Trained.ts"

type Dims = Features.Dims

/** A sensitivity study of the settings that `S` names. */
export interface Sensitivity<
  D extends Dims,
  S extends { readonly [setting: string]: number }
> extends Trained.Parts<D> {
  /** The values in use. */
  readonly at: S
  /** The other values of each setting to try; a setting without any stays as it is. */
  readonly over: { readonly [K in keyof S]?: ReadonlyArray<number> }
  readonly method: (setting: { readonly [K in keyof S]: number }) => Method.Method<D>
}

interface Variant {
  readonly name: string
  readonly setting: { readonly [name: string]: number }
}

/** 0.4, but 1e-4. */
const written = (value: number): string =>
  value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential() : String(value)

const nameOf = (setting: string, value: number) => `${Statistics.Words.symbol(setting)} = ${written(value)}`

/** The variants: the settings in use, and each other value of one setting. */
const variantsOf = ({ at, over }: Pick<Sensitivity<Dims, { readonly [s: string]: number }>, "at" | "over">) => {
  const base: Variant = { name: "as set", setting: at }
  const others = Object.entries(over).flatMap(([key, values = []]) =>
    values
      .filter((value) => value !== at[key])
      .map((value) => ({ key, value, name: nameOf(key, value), setting: { ...at, [key]: value } }))
  )
  return { base, others }
}

const sectionsOf = (
  found: Effect.Success<ReturnType<typeof Trained.variants>>,
  { base, others }: ReturnType<typeof variantsOf>,
  at: { readonly [setting: string]: number },
  margin: number | undefined
): ReadonlyArray<Section.Section> => {
  const scores = Evaluate.scores(found.evaluation, found.opened.dataset)
  const by = scores.methods[0]!.selectedBy
  const resamples = Statistics.Resamples.of(scores)
  const options = { by, ...(margin === undefined ? {} : { margin }) }
  const contrasts = others.map(({ key, name }) => ({
    name: `${name} instead of ${written(at[key]!)}`,
    weights: { [name]: 1, [base.name]: -1 }
  }))
  const keys = [...new Set(others.map(({ key }) => key))]
  const curves = keys.map((key) => {
    const values = [{ value: at[key]!, name: base.name }, ...others.filter((one) => one.key === key)].toSorted(
      (a, b) => a.value - b.value
    )
    return Report.sensitivity(
      `Sensitivity to ${Statistics.Words.symbol(key)}`,
      resamples,
      values.map(({ value, name }) => ({ value, method: name })),
      { by, setting: Statistics.Words.symbol(key), at: at[key]! }
    )
  })
  return [
    Report.protocol(Protocol.of(found, scores)),
    ...curves,
    Report.contrasts("Other values than those in use", resamples, contrasts, {
      ...options,
      figure: "differences",
      terminal: "Other values than those in use:"
    }),
    Report.leaderboard(scores),
    Report.intervals(resamples)
  ]
}

/**
 * Studies the sensitivity of a method: trains it with each value of each setting and each seed. Throws immediately if the
 * parts do not fit.
 *
 * ```ts
 * Study.sensitivity({
 *   title, dataset, encoders, seeds,
 *   at: { tau: 0.4, rho: 1e-10 },
 *   over: { tau: [1e-3, 1.3, 20, 100], rho: [1e-15, 1e-6, 1e-4] },
 *   method: ({ tau, rho }) => Igm.paper({ ...options, tau, rho })
 * })
 * ```
 */
export const sensitivity = <const D extends Dims, const S extends { readonly [setting: string]: number }>(
  given: Sensitivity<D, S>
) => {
  // The widths have been checked against each other; from here on they are numbers.
  const parts = given as unknown as Sensitivity<Dims, { readonly [setting: string]: number }>
  const { title, at, over, method, margin } = parts
  const fail = (problem: string): never => {
    throw new ExperimentError({ experiment: title, problem })
  }
  const unknown = Object.keys(over).find((key) => !Object.hasOwn(at, key))
  if (unknown !== undefined) fail(`${unknown} is to vary, and has no value in use: give it in at`)
  const variants = variantsOf(parts)
  if (variants.others.length === 0) fail("no setting has another value than the one in use: give some in over")
  const methods = [variants.base, ...variants.others].map(({ name, setting }) => ({ ...method(setting), name }))
  Trained.check(parts, methods)
  return Effect.gen(function* () {
    const found = yield* Trained.variants(parts, methods)
    return Report.make(title, sectionsOf(found, variants, at, margin))
  }).pipe(Effect.withSpan("Study.sensitivity"))
}
