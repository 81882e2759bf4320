/**
 * The ablation of a method: a full factorial of its ingredients, each there or not. An ingredient's effect is the mean of
 * what it adds over all combinations of the others; beside it stand what it adds alone and what is lost when it alone is
 * taken away. Fusions cost no training: every variant's heads are scored under each.
 */
import { Fusion, type Features, type Method } from "@igm/gradient"
import { Report, type Section, Statistics } from "@igm/report"
import { Effect } from "effect"
import { ExperimentError } from "../ExperimentError.ts"
import * as Factors from "../comparison/Factors.ts"
import * as Protocol from "../comparison/Protocol.ts"
import * as Evaluate from "../training/Evaluate.ts"
import * as Trained from "./Trained.ts"

type Dims = Features.Dims

/** An ablation; `F` maps each ingredient to its name in words. */
export interface Ablation<D extends Dims, F extends { readonly [factor: string]: string }> extends Trained.Parts<D> {
  readonly factors: F
  /** The method with the ingredients that are there. */
  readonly method: (there: { readonly [K in keyof F]: boolean }) => Method.Method<D>
  /** The fusions under which all heads are scored, the first of which the other effects are measured under. */
  readonly fusions?: readonly [Fusion.Fusion, ...ReadonlyArray<Fusion.Fusion>]
}

/** A variant: the ingredients that are there. */
interface Cell {
  readonly name: string
  readonly there: { readonly [factor: string]: boolean }
}

/** All combinations, from none of the ingredients to all. */
export const cells = (factors: { readonly [factor: string]: string }): ReadonlyArray<Cell> => {
  const keys = Object.keys(factors)
  return Array.from({ length: 2 ** keys.length }, (_, bits) => {
    const there = Object.fromEntries(keys.map((key, k) => [key, Math.floor(bits / 2 ** k) % 2 === 1]))
    const own = keys.filter((key) => there[key])
    const name =
      own.length === 0
        ? "none"
        : own.length === keys.length && keys.length > 1
          ? "all"
          : own.map((key) => factors[key]!).join(" + ")
    return { name, there }
  })
}

/** The contrasts of an ingredient: its main effect, alone, and taken away. */
export const effects = (factors: { readonly [factor: string]: string }) => {
  const all = cells(factors)
  const keys = Object.keys(factors)
  const share = 2 / all.length
  const weights = (of: (there: Cell["there"]) => number) =>
    Object.fromEntries(all.flatMap(({ name, there }) => (of(there) === 0 ? [] : [[name, of(there)] as const])))
  const others = (there: Cell["there"], key: string) => keys.filter((other) => other !== key && there[other]).length
  const sign = (there: Cell["there"], key: string) => (there[key] ? 1 : -1)
  return {
    main: keys.map((key) => ({ name: factors[key]!, weights: weights((there) => share * sign(there, key)) })),
    alone: keys.map((key) => ({
      name: `${factors[key]!}, added to none`,
      weights: weights((there) => (others(there, key) === 0 ? sign(there, key) : 0))
    })),
    last: keys.map((key) => ({
      name: `${factors[key]!}, added to all others`,
      weights: weights((there) => (others(there, key) === keys.length - 1 ? sign(there, key) : 0))
    })),
    pairs: keys.flatMap((a, i) =>
      keys.slice(i + 1).map((b) => ({
        name: `${factors[a]!} × ${factors[b]!}`,
        weights: weights((there) => share * sign(there, a) * sign(there, b))
      }))
    )
  }
}

const under = (name: string, fusion: Fusion.Fusion) => `${name}, ${Factors.fusionInWords(fusion)}`

/** The sections of an ablation's report. */
const sectionsOf = (
  found: Effect.Success<ReturnType<typeof Trained.variants>>,
  factors: { readonly [factor: string]: string },
  fusions: readonly [Fusion.Fusion, ...ReadonlyArray<Fusion.Fusion>],
  margin: number | undefined
): ReadonlyArray<Section.Section> => {
  const { evaluation, opened } = found
  const byFusion = fusions.map((fusion) => Evaluate.scores(Evaluate.fuse(evaluation, fusion), opened.dataset))
  const [scores] = byFusion
  const by = scores!.methods[0]!.selectedBy
  const resamples = Statistics.Resamples.of(scores!)
  const all = cells(factors)
  const contrasts = effects(factors)
  const options = { by, ...(margin === undefined ? {} : { margin }) }
  const variants = byFusion.flatMap(({ methods }, f) =>
    methods.map((method) => ({ ...method, name: under(method.name, fusions[f]!) }))
  )
  const refused = Statistics.Resamples.of({ ...scores!, methods: variants }, { metrics: [by] })
  const scoreOf = (name: string, fusion: Fusion.Fusion) =>
    Statistics.meanAndDeviation(
      variants.find((method) => method.name === under(name, fusion))!.trainings.map((training) => training[by])
    )
  const fused = fusions.slice(1).map((fusion) => ({
    name: `${Factors.fusionInWords(fusion)} instead of ${Factors.fusionInWords(fusions[0])}`,
    weights: Object.fromEntries(
      all.flatMap(({ name }) => [
        [under(name, fusion), 1 / all.length],
        [under(name, fusions[0]), -1 / all.length]
      ])
    )
  }))
  return [
    Report.protocol(Protocol.of(found, scores!)),
    Report.contrasts("What each ingredient gives, over all combinations of the others", resamples, contrasts.main, {
      ...options,
      figure: "effects",
      terminal: "What each ingredient gives, over all combinations of the others:"
    }),
    Report.contrasts("Alone, and last", resamples, [...contrasts.alone, ...contrasts.last], {
      ...options,
      figure: "alone-and-last",
      terminal: "What each ingredient gives alone, and last:"
    }),
    Report.contrasts("Together", resamples, contrasts.pairs, {
      ...options,
      remarks: ["Half of what two ingredients give together beyond what each gives by itself."]
    }),
    Report.contrasts("What fusion gives", refused, fused, {
      ...options,
      terminal: "What fusion gives, with the same heads, over all variants:",
      remarks: ["The epochs are those that each method's own fusion selected."]
    }),
    Report.table(
      `All variants, ${Statistics.Words.title(by)}`,
      [...Object.values(factors), ...fusions.map(Factors.fusionInWords)],
      all.map(({ name, there }) => [
        ...Object.keys(factors).map((key) => (there[key] ? "✓" : "")),
        ...fusions.map((fusion) => scoreOf(name, fusion))
      ]),
      { terminal: true }
    ),
    Report.leaderboard(scores!),
    Report.intervals(resamples)
  ]
}

/**
 * Ablates a method: trains all combinations of its ingredients with each seed, and evaluates them on the test split.
 * Throws immediately if the parts do not fit.
 *
 * ```ts
 * Study.ablation({
 *   title, dataset, encoders, seeds,
 *   factors: { modification: "gradient modification", mixup: "mixup" },
 *   method: ({ modification, mixup }) =>
 *     Igm.code({ ...options, tau: modification ? 0.4 : 0, switches: mixup ? {} : { mixup: {} } })
 * })
 * ```
 */
export const ablation = <const D extends Dims, const F extends { readonly [factor: string]: string }>(
  given: Ablation<D, F>
) => {
  // The widths have been checked against each other; from here on they are numbers.
  const parts = given as unknown as Ablation<Dims, { readonly [factor: string]: string }>
  const { title, factors, method, margin, fusions = Fusion.fusions } = parts
  const count = Object.keys(factors).length
  if (count === 0 || count > 6) {
    const problem = `it has ${count} factors: give one to six, since all of their combinations are trained`
    throw new ExperimentError({ experiment: title, problem })
  }
  const variants = cells(factors).map(({ name, there }) => ({ ...method(there), name }))
  Trained.check(parts, variants)
  return Effect.gen(function* () {
    const found = yield* Trained.variants(parts, variants)
    return Report.make(title, sectionsOf(found, factors, fusions, margin))
  }).pipe(Effect.withSpan("Study.ablation"))
}
