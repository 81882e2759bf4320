/**
 * The comparison of methods on the features of frozen encoders, which is the most common experiment. It is composed
 * from the same public parts that are available to every program. The types check that the widths of the encoders fit
 * the methods' heads, and that methods select on the validation split.
 */
import type { Dataset } from "@igm/datasets"
import type { Features, Method } from "@igm/gradient"
import { Report } from "@igm/report"
import type { Name, Setting } from "@igm/tensor"
import { Effect } from "effect"
import * as Checks from "./Checks.ts"
import * as ComparisonReport from "./ComparisonReport.ts"
import * as Data from "../features/Data.ts"
import * as Encode from "../features/Encode.ts"
import * as Factors from "./Factors.ts"
import * as Evaluate from "../training/Evaluate.ts"
import { ExperimentError } from "../ExperimentError.ts"
import * as Results from "./Results.ts"
import { Run } from "../run/Run.ts"
import * as Space from "./Space.ts"
import * as Trial from "../training/Trial.ts"
import * as Tuned from "./Tuned.ts"
import * as Tuning from "./Tuning.ts"

type Dims = Features.Dims

/** The parts of every comparison; `D` maps each modality to the width of its features. */
interface Parts<D extends Dims> {
  /** The title of the report, one sentence. */
  readonly title: string
  readonly dataset: Dataset.Dataset<keyof D & string>
  readonly encoders: Encode.Encoders<D>
  /** Augmented views that replace the training samples; by default, the samples are unchanged. */
  readonly views?: Encode.Views<keyof D & string> | undefined
  /** The names of the methods whose differences to the others are tested. */
  readonly compared: ReadonlyArray<string>
  /** The seeds of the trainings; the data set has a seed of its own. */
  readonly seeds: Trial.Seeds
  /**
   * The margin within which a difference does not matter, in the unit of the metric that selects, such as 0.01 for a
   * point of accuracy: with it, the report says which methods are equivalent.
   */
  readonly margin?: number | undefined
  /** True to fit a temperature of each training's probabilities on the validation split, and report what it mends. */
  readonly temperature?: boolean | undefined
}

/** A comparison of methods as they are. */
interface Settled<D extends Dims> extends Parts<D> {
  readonly methods: Trial.Methods<D>
  readonly tuning?: undefined
}

/**
 * A comparison with tuned methods among its rows, whose settings are selected first by one cross-validation on the training
 * and validation samples.
 */
interface Searched<D extends Dims> extends Parts<D> {
  readonly methods: ReadonlyArray<Tuned.Row<D>>
  readonly tuning: Tuning.Tuning
}

/** A comparison of methods. */
export type Comparison<D extends Dims> = Settled<D> | Searched<D>

/** A tuned method at two corners of its space and at all points that are tried, each with the point in words. */
const triedOf = (row: Tuned.Tuned<Dims>, tuning: Tuning.Tuning) =>
  [...Space.corners(row.space), ...Tuning.pointsOf(row, tuning)].map((point) => ({
    at: Space.pointWords(point),
    method: row.method(point)
  }))

/** The methods as they are, and the tuned ones as `triedOf` has them. */
const trained = ({ methods, tuning }: Comparison<Dims>): ReadonlyArray<Method.Method<Dims>> =>
  methods.flatMap((row: Tuned.Row<Dims>) => {
    if (!Tuned.isTuned(row)) return [row]
    return tuning === undefined ? [] : triedOf(row, tuning).map(({ method }) => method)
  })

/** Checks the budget, and the tuned methods at two corners of their spaces and at all points that are tried. */
const checkTuning = (comparison: Comparison<Dims>, rows: ReadonlyArray<Tuned.Row<Dims>>): void => {
  const { title, tuning } = comparison
  const tuned = rows.filter(Tuned.isTuned)
  const fail = (problem: string): never => {
    throw new ExperimentError({ experiment: title, problem })
  }
  if (tuning === undefined) {
    return tuned.length === 0 ? undefined : fail(`${tuned[0]!.name} needs a budget: give tuning: { trials, folds, by }`)
  }
  if (tuned.length === 0) fail("it has tuning, and none of its methods is tuned: make one by Tuned.make")
  Tuning.check(tuning)
  for (const { at, method } of tuned.flatMap((row) => triedOf(row, tuning))) {
    Checks.method({ ...comparison, title: `${title}, at ${at}` }, method)
  }
}

/** Checks conditions that the types cannot express. Throws an `ExperimentError`, a `NameError` or a `SettingError`. */
const check = (comparison: Comparison<Dims>): void => {
  Checks.parts(comparison)
  const rows: ReadonlyArray<Tuned.Row<Dims>> = Array.isArray(comparison.methods) ? comparison.methods : []
  checkTuning(comparison, rows)
  const first = (row: Tuned.Row<Dims>) => (Tuned.isTuned(row) ? Tuned.settled(row, Space.corners(row.space)[0]) : row)
  Checks.methods(comparison, rows.map(first))
}

/** Turns a check that throws into an effect that fails. */
const checked = (check: () => void) =>
  Effect.try({
    try: check,
    catch: (cause) => cause as ExperimentError | Name.NameError | Setting.SettingError
  })

/**
 * Compares methods: opens the data, encodes them, selects settings if asked for, trains each method with each seed, and
 * evaluates the trained heads on the test split. Throws immediately if the parts do not fit.
 */
export const comparison = <const D extends Dims>(given: Comparison<D>) => {
  // The widths have been checked against each other; from here on they are numbers.
  const comparison = given as unknown as Comparison<Dims>
  check(comparison)
  return Effect.gen(function* () {
    const { title, dataset, encoders, views, seeds, compared: asked, tuning, margin, temperature = false } = comparison
    // A damaged encoder is found before anything is made.
    yield* Encode.check(encoders)
    const opened = yield* Data.open(dataset)
    yield* checked(() => Checks.batches(comparison, trained(comparison), Encode.rowsOf(opened, views)))
    const features = yield* Encode.splits(opened, encoders, { views })
    const { methods: settled, results } =
      tuning === undefined
        ? { methods: comparison.methods, results: [] }
        : yield* Tuning.run({ methods: comparison.methods, tuning, on: features })
    const methods = Factors.named(settled)
    const compared = asked.map((name) => methods[settled.findIndex((method) => method.name === name)]!.name)
    const trials = yield* Trial.all({ methods, seeds, on: features })
    const temperatures = temperature ? yield* Evaluate.temperatures(trials, features.valid) : undefined
    const evaluation = yield* Evaluate.test(trials, features.test)
    const found = { opened, encoders, views, features, tuning: results, evaluation, temperatures }
    yield* Run.use(({ attach }) => attach(Results.contentsOf(found)))
    return Report.make(title, yield* ComparisonReport.sections(found, { compared, margin }))
  }).pipe(Effect.withSpan("Experiment.comparison"))
}
