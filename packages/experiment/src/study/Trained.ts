/** The part that all studies share: variants of a method are trained and evaluated on the features of a data set. */
import type { Dataset } from "@igm/datasets"
import type { Features, Method } from "@igm/gradient"
import { Effect } from "effect"
import * as Checks from "../comparison/Checks.ts"
import * as Results from "../comparison/Results.ts"
import * as Data from "../features/Data.ts"
import * as Encode from "../features/Encode.ts"
import { Run } from "../run/Run.ts"
import * as Evaluate from "../training/Evaluate.ts"
import * as Trial from "../training/Trial.ts"

type Dims = Features.Dims

/** The parts of every study; `D` maps each modality to the width of its features. */
export interface Parts<D extends Dims> {
  /** The title of the report, one sentence. */
  readonly title: string
  readonly dataset: Dataset.Dataset<keyof D & string>
  readonly encoders: Encode.Encoders<D>
  readonly views?: Encode.Views<keyof D & string> | undefined
  /** The seeds of the trainings. */
  readonly seeds: Trial.Seeds
  /** The margin within which a difference does not matter, in the unit of the metric that selects. */
  readonly margin?: number | undefined
}

/** Checks the parts and variants of a study. Throws an `ExperimentError`, a `NameError` or a `SettingError`. */
export const check = (
  { title, dataset, encoders, views, seeds, margin }: Parts<Dims>,
  variants: Trial.Methods<Dims>
) => {
  const parts = { title, dataset, encoders, views, seeds, margin, compared: [] }
  Checks.parts(parts)
  Checks.methods(parts, variants)
}

/** Trains and evaluates variants, and attaches their heads and predictions to the run. */
export const variants = Effect.fn("Study.variants")(function* (
  { dataset, encoders, views, seeds }: Parts<Dims>,
  methods: ReadonlyArray<Method.Method<Dims>>
) {
  const opened = yield* Data.open(dataset)
  const features = yield* Encode.splits(opened, encoders, { views })
  const trials = yield* Trial.all({ methods, seeds, on: features })
  const evaluation = yield* Evaluate.test(trials, features.test)
  const found = { opened, encoders, views, features, tuning: [], evaluation }
  yield* Run.use(({ attach }) => attach(Results.contentsOf(found)))
  return found
})
