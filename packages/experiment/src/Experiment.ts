/**
 * An experiment as a value: a data set, a frozen encoder for each of its modalities, and the methods to compare on their
 * features. The widths of the encoders must fit the methods' heads, and the methods must select on the validation split:
 * both are checked by the types.
 */
import type { Dataset } from "@igm/datasets"
import type { Encoder } from "@igm/encoders"
import type { Features, Method } from "@igm/gradient"
import { type Keyed, Name } from "@igm/tensor"
import * as Checks from "./Checks.ts"
import * as CrossValidation from "./CrossValidation.ts"
import type { Grid, Setting } from "./CrossValidation.ts"
import { ExperimentError } from "./ExperimentError.ts"

export { ExperimentError }

/** Methods in the order of the table. */
export type Methods<D extends Features.Dims> = readonly [Method.Method<D>, ...ReadonlyArray<Method.Method<D>>]

/** Augmented views of training samples: their features are those of the views, in place of the samples' own. */
export interface Views<M extends string> {
  /** How many there are of each sample. */
  readonly count: number
  /** What they are drawn with: the same seed draws the same views. */
  readonly seed: number
  /** How modalities are drawn. Those that are not named are the same in all views. */
  readonly of: { readonly [K in M]?: Dataset.Augmentation }
}

/** So many views, drawn in this way; none where no number is given. */
export const views = <M extends string>(
  count: number | undefined,
  drawn: Omit<Views<M>, "count">
): Views<M> | undefined => (count === undefined ? undefined : { ...drawn, count })

/** What a view of a sample is drawn from; all its modalities are drawn from streams that are alike. */
export const streamOf = ({ seed }: Views<string>, id: string, view: number): Keyed.Path => ["view", seed, id, view]

/** What every experiment consists of; `D` are the widths of its modalities' features. */
interface Parts<D extends Features.Dims> {
  readonly name: string
  /** One sentence for the report's heading. */
  readonly title: string
  readonly dataset: Dataset.Dataset<keyof D & string>
  readonly encoders: { readonly [M in keyof D]: Encoder.Encoder<D[M]> }
  /** What training samples are seen as; by default, as they are. */
  readonly views?: Views<keyof D & string> | undefined
  /** Whose difference to the other methods is tested: the names of some of the methods. */
  readonly compared: ReadonlyArray<string>
  /** The seeds of the trainings; the data set has its own. */
  readonly seeds: readonly [number, ...ReadonlyArray<number>]
}

/** An experiment whose methods are settled. */
export interface Settled<D extends Features.Dims> extends Parts<D> {
  readonly tuned?: undefined
  readonly methods: Methods<D>
}

/** An experiment whose methods depend on a setting that is chosen first, on the training and validation samples. */
export interface Tuned<D extends Features.Dims, G extends Grid = Grid> extends Parts<D> {
  readonly tuned: CrossValidation.CrossValidation<D, G>
  readonly methods: (chosen: Setting<G>) => Methods<D>
}

/** What an experiment consists of. */
export type Experiment<D extends Features.Dims, G extends Grid = Grid> = Settled<D> | Tuned<D, G>

/** The name of a method as part of a file name. */
export const { slug } = Name

/**
 * An experiment whose modalities' widths are known. Throws an `ExperimentError` when its parts do not fit or its results could
 * not be told apart, a `NameError` for a name that cannot be one, and a `SettingError` for a number that cannot be set.
 */
export const make = <const D extends Features.Dims, const G extends Grid = Grid>(
  experiment: Experiment<D, G>
): Experiment<D, G> => {
  check(experiment as unknown as Experiment<Features.Dims>)
  return experiment
}

/** As `make`, for an experiment of any widths. */
export const check = (experiment: Experiment<Features.Dims>): void => {
  Checks.parts(experiment)
  if (experiment.tuned === undefined) return Checks.methods(experiment, experiment.methods)
  const { tuned, methods } = experiment
  if (typeof methods !== "function") {
    const problem = "the methods of an experiment that is tuned are a function of what is chosen"
    throw new ExperimentError({ experiment: experiment.name, problem })
  }
  CrossValidation.check(tuned)
  const tried = CrossValidation.settings(tuned.grid)
  for (const setting of tried) Checks.method(experiment, tuned.method(setting))
  Checks.methods(experiment, methods(tried[0]!))
}

/** What a person says on the command line. */
export interface Arguments {
  /** The seed of the data; the trainings' seeds follow it. */
  readonly seed: number
  /** A folder of recordings to use instead of what the data set comes with. */
  readonly speech?: string | undefined
  /** The folder of a data set that does not come with the project. */
  readonly data?: string | undefined
  /** The most samples of each split, for a quick look. */
  readonly limit?: number | undefined
  /** How many augmented views of each training sample are taken in its place. */
  readonly views?: number | undefined
}

/** An experiment that depends on the command line; an experiment module exports one as its default. */
export type Program = (args: Arguments) => Experiment<Features.Dims>

/** An experiment program. */
export const program =
  <const D extends Features.Dims, const G extends Grid = Grid>(build: (args: Arguments) => Experiment<D, G>): Program =>
  (args) =>
    // The widths have been checked against each other; from here on they are numbers.
    build(args) as unknown as Experiment<Features.Dims>
