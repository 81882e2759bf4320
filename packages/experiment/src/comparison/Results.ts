/**
 * The files that a comparison of methods leaves in a run's folder: the trained heads, the events of each training,
 * class probabilities of the test split, and `results.json`, which describes them. `igm export` converts them to ONNX
 * models, and other tools can read them without this framework.
 */
import { type Features, Fusion } from "@igm/gradient"
import { Tuning } from "@igm/report"
import { Digest, Name, Safetensors, Split, Tensor } from "@igm/tensor"
import { Weights } from "@igm/training"
import { AtomicFile, IoError } from "@igm/io"
import { Effect, Schema } from "effect"
import type { Opened } from "../features/Data.ts"
import type * as Encode from "../features/Encode.ts"
import type { Evaluated, Evaluation } from "../training/Evaluate.ts"
import * as Events from "../training/Events.ts"
import type { Splits } from "../features/FeatureSet.ts"
import type * as Manifest from "../run/Manifest.ts"
import { Inside, Line } from "../run/RunFiles.ts"

/** The names of the files. */
export const files = {
  results: "results.json",
  /** The events of each training, epoch by epoch. */
  trainings: "trainings.jsonl",
  /** Class probabilities of the test split. */
  predictions: "predictions.safetensors",
  heads: (outcome: string) => `heads/${outcome}.safetensors`
}

const HeadOf = Schema.Struct({
  head: Schema.Struct({ widths: Schema.Array(Schema.Int), in: Schema.Int, out: Schema.Int }),
  reads: Schema.Array(Schema.String),
  parameters: Schema.optionalKey(Schema.String)
})

/**
 * The schema of a method's settings: the members that are needed to use its heads again; other members are kept
 * unchanged.
 */
const Settings = Schema.StructWithRest(
  Schema.Struct({ heads: Schema.Record(Schema.String, HeadOf), fusion: Schema.Literals(Fusion.fusions) }),
  [Schema.Record(Schema.String, Schema.Unknown)]
)

/** The content of `results.json`. */
export const Results = Schema.Struct({
  classes: Schema.Array(Line),
  seeds: Schema.Array(Schema.Int),
  encoders: Schema.Record(Schema.String, Schema.Struct({ name: Line, digest: Schema.String, width: Schema.Int })),
  preprocessing: Schema.Record(Schema.String, Schema.Unknown),
  /** The augmented views of training samples: their number per sample, their seed, and the augmentations. */
  views: Schema.optionalKey(
    Schema.Struct({ count: Schema.Int, seed: Schema.Int, of: Schema.Record(Schema.String, Schema.Unknown) })
  ),
  dataset: Schema.Unknown,
  /** The tuning of the tuned methods, in their order. */
  tuning: Schema.optionalKey(Schema.Array(Tuning.TunedMethod)),
  methods: Schema.Array(
    Schema.Struct({
      name: Line,
      settings: Settings,
      trainings: Schema.Array(Schema.Struct({ seed: Schema.Int, heads: Inside, ...Events.Metrics.fields }))
    })
  ),
  /** The digests of all features, and of all final weights. */
  digests: Schema.Struct({ features: Schema.String, weights: Schema.String })
})

/** The content of `results.json`. */
export type Results = typeof Results.Type

/** A line of `trainings.jsonl`: an event with the method and the seed of its training. */
export const Training = (() => {
  const [epoch, modification, note] = Events.Event.members
  const whose = { method: Schema.String, seed: Schema.Int }
  return Schema.Union([
    Schema.Struct({ ...whose, ...epoch.fields }),
    Schema.Struct({ ...whose, ...modification.fields }),
    Schema.Struct({ ...whose, ...note.fields })
  ])
})()

const decodeResults = Schema.decodeEffect(Schema.fromJsonString(Results))

/** Reads the results of the comparison in a finished run's folder; `null` if the run is no comparison. */
export const read = Effect.fn("Results.read")(function* (folder: string, manifest: Pick<Manifest.Finished, "files">) {
  if (manifest.files[files.results] === undefined) return null
  const path = `${folder}/${files.results}`
  const text = new TextDecoder().decode(yield* AtomicFile.read(path))
  return yield* decodeResults(text).pipe(
    Effect.mapError((cause) => new IoError({ path, problem: "this file is damaged", cause }))
  )
})

/** The complete result of a comparison, in memory. */
export interface Comparison<D extends Features.Dims> {
  readonly opened: Opened<keyof D & string>
  readonly encoders: Encode.Encoders<D>
  readonly views: Encode.Views<keyof D & string> | undefined
  readonly features: Splits<D>
  readonly tuning: ReadonlyArray<Tuning.TunedMethod>
  readonly evaluation: Evaluation<D>
  /** The temperature of each training, by method and seed in order. */
  readonly temperatures?: ReadonlyArray<number> | undefined
}

type Dims = Features.Dims

/** The name of a training's heads, for file names. */
export const outcomeOf = ({ method, seed }: Pick<Evaluated<Dims>, "method" | "seed">): string =>
  `${Name.slug(method.name)}-seed-${seed}`

/** The views of a comparison, with all parameters of their augmentations. */
const viewsOf = (views: Encode.Views<string> | undefined) => {
  if (views === undefined) return {}
  const of = Object.entries(views.of).map(([modality, augmentation]) => [modality, augmentation?.settings ?? null])
  return { views: { count: views.count, seed: views.seed, of: Object.fromEntries(of) as Record<string, Digest.Json> } }
}

/** The content of `results.json` for a comparison. */
export const of = (given: Comparison<Dims>): Results => {
  const { opened, encoders, views, features, tuning, evaluation } = given
  const { methods } = evaluation
  const all = methods.flatMap(({ trials }) => trials)
  return {
    classes: opened.dataset.classes,
    seeds: methods[0]!.trials.map(({ seed }) => seed),
    encoders: Object.fromEntries(
      Object.entries(encoders).map(([modality, { name, digest, width }]) => [modality, { name, digest, width }])
    ),
    preprocessing: Object.fromEntries(
      Object.entries(opened.dataset.modalities).map(([modality, { settings }]) => [modality, settings])
    ),
    ...viewsOf(views),
    dataset: opened.manifest,
    ...(tuning.length === 0 ? {} : { tuning }),
    methods: methods.map(({ method, trials }) => ({
      name: method.name,
      settings: method.settings as unknown as typeof Settings.Type,
      trainings: trials.map((trial) => ({ seed: trial.seed, heads: files.heads(outcomeOf(trial)), ...trial.metrics }))
    })),
    digests: {
      features: Digest.ofJson(Split.all.map((split) => features[split].ref.features)),
      weights: Digest.ofJson(all.map(({ weights }) => Digest.ofTensors(Weights.stored(weights))))
    }
  }
}

const encode = Schema.encodeSync(Results)

/** The contents of a comparison's files, by their names in the run's folder. */
export const contentsOf = (given: Comparison<Dims>): { readonly [file: string]: string | Uint8Array } => {
  const { evaluation } = given
  const all = evaluation.methods.flatMap(({ trials }) => trials)
  const lines = all.flatMap(({ method, seed, events }) =>
    Events.lines(Events.encode(events)).map(
      (line) => `{"method":${JSON.stringify(method.name)},"seed":${seed},${line.slice(1)}\n`
    )
  )
  const { labels } = evaluation.test
  const probabilities = all.map((trial) => [outcomeOf(trial), Tensor.toFloat32(trial.probabilities)] as const)
  return {
    ...Object.fromEntries(
      all.map((trial) => [files.heads(outcomeOf(trial)), Safetensors.encode(Weights.stored(trial.weights))])
    ),
    [files.trainings]: lines.join(""),
    [files.predictions]: Safetensors.encode(
      { labels: Tensor.int32([labels.length], labels), ...Object.fromEntries(probabilities) },
      // Ids of samples, in the order of the rows.
      { split: "test" satisfies Split.Split, ids: JSON.stringify(evaluation.test.ids) }
    ),
    [files.results]: `${JSON.stringify(encode(of(given)), null, 2)}\n`
  }
}
