/**
 * Tuning: the settings of all tuned methods of a table are selected by one cross-validation, each from its own space and
 * all with the same number of trials, so that no method is better for having been searched for longer. The search is
 * quasi-random: trials do not depend on each other, and all of them train together.
 */
import { type Features, type Method, Metric } from "@igm/gradient"
import { Digest, Setting } from "@igm/tensor"
import { Effect, Schema } from "effect"
import * as CrossValidation from "./CrossValidation.ts"
import * as Dimension from "./Dimension.ts"
import { ExperimentError } from "../ExperimentError.ts"
import type * as Space from "./Space.ts"
import type * as Training from "../training/Training.ts"
import type * as Trial from "../training/Trial.ts"
import * as Tuned from "./Tuned.ts"
import * as TuningResult from "./TuningResult.ts"

type Dims = Features.Dims

/** The budget that every tuned method of a table has. */
export interface Tuning {
  /** The number of points that are tried of a method's space; fewer if the space has no more. */
  readonly trials: number
  /** The number of folds, at least three. */
  readonly folds: number
  /** The metric of the held-out folds. */
  readonly by: Metric.Score
  /**
   * The seeds of the trainings, over which a fold's score is averaged; the first seed also assigns the folds and draws the
   * points. [1] by default.
   */
  readonly seeds?: Trial.Seeds
}

/** The rows of a table, the budget, and the features of the training and the validation samples. */
export interface Options<D extends Dims> {
  readonly methods: ReadonlyArray<Tuned.Row<D>>
  readonly tuning: Tuning
  readonly on: Training.Data<D>
}

const MOST = 1000

const whole = { expected: `a whole number from 1 to ${MOST}` }

const Domain = Schema.Struct({
  trials: Setting.count.annotate(whole).check(Schema.isLessThanOrEqualTo(MOST, whole)),
  folds: Schema.Unknown,
  by: Setting.oneOf(Metric.scores),
  seeds: Schema.optional(Schema.Unknown)
})

const seedsOf = ({ seeds = [1] }: Tuning): Trial.Seeds => seeds

/** Checks a budget. Throws a `SettingError`. */
export const check = (tuning: Tuning): void => {
  Setting.check("the tuning", Domain, tuning)
  CrossValidation.check({ folds: tuning.folds, seeds: seedsOf(tuning) })
}

/** The points of a tuned method that are tried. */
export const pointsOf = <D extends Dims>(tuned: Tuned.Tuned<D>, tuning: Tuning): ReadonlyArray<Space.Point> =>
  Tuned.points(tuned, { trials: tuning.trials, seed: seedsOf(tuning)[0]! })

/** Tests if two methods train alike. */
const isSame = (a: Pick<Method.Method, "settings">, b: Pick<Method.Method, "settings">) =>
  Digest.canonicalJson(a.settings) === Digest.canonicalJson(b.settings)

/** A tuned method at the points that are tried, and the row of its own name as it is, if the table has one. */
const searchOf = <D extends Dims>(tuned: Tuned.Tuned<D>, { methods, tuning }: Options<D>) => ({
  tuned,
  trials: pointsOf(tuned, tuning).map((point) => ({ point, method: Tuned.at(tuned, point) })),
  own: methods.flatMap((row) => (Tuned.isTuned(row) ? [] : [row])).find(({ name }) => name === tuned.of)
})

/**
 * Selects the settings of the tuned methods of a table. Gives the table's methods, those that were tuned with their chosen
 * settings and the others as they are, and the result of each tuning. A method as it is that has the name of a tuned one
 * is its default, and is scored on the same folds. Fails with an `ExperimentError` if all trials of a method diverge.
 */
export const run = Effect.fn("Tuning.run")(function* <D extends Dims>(options: Options<D>) {
  const { methods: rows, tuning, on } = options
  yield* Effect.try({ try: () => check(tuning), catch: (cause) => cause as Setting.SettingError })
  const { by, folds: count, trials: budget } = tuning
  const seeds = seedsOf(tuning)
  const searches = rows.filter(Tuned.isTuned).map((tuned) => searchOf(tuned, options))
  const methods = searches.flatMap(({ trials, own }) => [
    ...trials.map(({ method }) => method),
    ...(own === undefined ? [] : [own])
  ])
  const { folds, scores } = yield* CrossValidation.run({ methods, folds: count, seeds, on })
  const triedOf = (method: Method.Method<D>) => {
    const byFold = scores[methods.indexOf(method)] ?? null
    return { epochs: method.epochs, scores: byFold?.map((bySeed) => bySeed.map((metrics) => metrics[by])) ?? null }
  }
  const found = yield* Effect.forEach(
    searches,
    Effect.fnUntraced(function* ({ tuned, trials, own }) {
      const { name, of, space } = tuned
      const isTried = own !== undefined && trials.some(({ method }) => isSame(method, own))
      const dimensions = Object.entries(space).map(([name, dimension]) => [name, Dimension.inWords(dimension)] as const)
      const result = TuningResult.of({
        name,
        of,
        by,
        seeds,
        folds,
        budget,
        space: Object.fromEntries(dimensions),
        trials: trials.map(({ point, method }) => ({ setting: point, ...triedOf(method) })),
        default: own === undefined ? null : { ...triedOf(own), ...(isTried ? { epochs: 0 } : {}) }
      })
      if (result !== null) return { result, method: Tuned.settled(tuned, trials[result.chosen]!.point) }
      const problem = `training diverges at all ${trials.length} points of its space: give it a smaller one`
      return yield* new ExperimentError({ experiment: name, problem })
    })
  )
  return {
    methods: rows.map((row) =>
      Tuned.isTuned(row) ? found[searches.findIndex(({ tuned }) => tuned === row)]!.method : row
    ),
    results: found.map(({ result }) => result)
  }
})
