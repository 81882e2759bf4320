/**
 * The comparison of methods on the features of frozen encoders, which is the most common experiment. It is composed
 * from the same public parts that are available to every program. The types check that the widths of the encoders fit
 * the methods' heads, and that methods select on the validation split.
 */
import type { Dataset } from "@igm/datasets"
import type { Features } from "@igm/gradient"
import { Report } from "@igm/report"
import type { Name, Setting } from "@igm/tensor"
import { Effect } from "effect"
import * as Checks from "./Checks.ts"
import * as ComparisonReport from "./ComparisonReport.ts"
import * as CrossValidation from "./CrossValidation.ts"
import * as Data from "../features/Data.ts"
import * as Encode from "../features/Encode.ts"
import * as Evaluate from "../training/Evaluate.ts"
import { ExperimentError } from "../ExperimentError.ts"
import * as Results from "./Results.ts"
import { Run } from "../run/Run.ts"
import * as SweepResult from "./SweepResult.ts"
import * as Trial from "../training/Trial.ts"

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
}

/** A comparison with fixed methods. */
interface Settled<D extends Dims> extends Parts<D> {
  readonly tuned?: undefined
  readonly methods: Trial.Methods<D>
}

/**
 * A comparison whose methods depend on a setting, which is selected first by cross-validation on the training and
 * validation samples.
 */
interface Tuned<D extends Dims, G extends CrossValidation.Grid = CrossValidation.Grid> extends Parts<D> {
  readonly tuned: CrossValidation.CrossValidation<D, G>
  readonly methods: (chosen: CrossValidation.Setting<G>) => Trial.Methods<D>
}

/** A comparison of methods. */
export type Comparison<D extends Dims, G extends CrossValidation.Grid = CrossValidation.Grid> = Settled<D> | Tuned<D, G>

/** Checks conditions that the types cannot express. Throws an `ExperimentError`, a `NameError` or a `SettingError`. */
const check = (comparison: Comparison<Dims>): void => {
  Checks.parts(comparison)
  if (comparison.tuned === undefined) return Checks.methods(comparison, comparison.methods)
  const { tuned, methods, title } = comparison
  if (typeof methods !== "function") {
    const problem = "the methods of a comparison that is tuned are a function of what is chosen"
    throw new ExperimentError({ experiment: title, problem })
  }
  CrossValidation.check(tuned)
  const tried = CrossValidation.settings(tuned.grid)
  for (const setting of tried) Checks.method(comparison, tuned.method(setting))
  Checks.methods(comparison, methods(tried[0]!))
}

/** Turns a check that throws into an effect that fails. */
const checked = (check: () => void) =>
  Effect.try({
    try: check,
    catch: (cause) => cause as ExperimentError | Name.NameError | Setting.SettingError
  })

/** The methods, and the cross-validation that selected their settings, if there is one. */
const settle = Effect.fn("Comparison.settle")(function* (
  comparison: Comparison<Dims>,
  features: CrossValidation.Data<Dims>
) {
  if (comparison.tuned === undefined) return { methods: comparison.methods, selection: null }
  const selection = yield* CrossValidation.run(comparison.tuned, features)
  const methods = comparison.methods(SweepResult.choice(selection))
  yield* checked(() => Checks.methods(comparison, methods))
  return { methods, selection }
})

/**
 * Compares methods: opens the data, encodes them, selects settings if asked for, trains each method with each seed, and
 * evaluates the trained heads on the test split. Throws immediately if the parts do not fit.
 */
export const comparison = <const D extends Dims, const G extends CrossValidation.Grid = CrossValidation.Grid>(
  given: Comparison<D, G>
) => {
  // The widths have been checked against each other; from here on they are numbers.
  const comparison = given as unknown as Comparison<Dims>
  check(comparison)
  return Effect.gen(function* () {
    const { title, dataset, encoders, views, seeds, compared } = comparison
    // A damaged encoder is found before anything is made.
    yield* Encode.check(encoders)
    const opened = yield* Data.open(dataset)
    if (comparison.tuned === undefined) {
      yield* checked(() => Checks.batches(comparison, comparison.methods, Encode.rowsOf(opened, views)))
    }
    const features = yield* Encode.splits(opened, encoders, { views })
    const { methods, selection } = yield* settle(comparison, features)
    const trials = yield* Trial.all({ methods, seeds, on: features })
    const evaluation = yield* Evaluate.test(trials, features.test)
    const found = { opened, encoders, views, features, selection, evaluation }
    yield* Run.use(({ attach }) => attach(Results.contentsOf(found)))
    return Report.make(title, yield* ComparisonReport.sections(found, { compared }))
  }).pipe(Effect.withSpan("Experiment.comparison"))
}
