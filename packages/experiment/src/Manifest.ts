/**
 * The manifest of a run: what is run, on what, and, once it is finished, with what results. A run is described before it
 * begins, and concluded when it has come to its end.
 */
import { contentOf } from "@igm/io"
import { OnnxRuntime } from "@igm/onnx"
import { Digest } from "@igm/tensor"
import { type Devices, HeadTrainer } from "@igm/training"
import { Effect, Schema } from "effect"
import { cpus } from "node:os"
import * as Events from "./Events.ts"
import { type Experiment, slug } from "./Experiment.ts"
import type { Features } from "@igm/gradient"
import type { Result } from "./Pipeline.ts"
import { Inside, Line, Sha256, files as names } from "./RunFiles.ts"
import * as Standings from "./Standings.ts"

const HeadOf = Schema.Struct({
  head: Schema.Struct({ widths: Schema.Array(Schema.Int), in: Schema.Int, out: Schema.Int }),
  reads: Schema.Array(Schema.String),
  parameters: Schema.optionalKey(Schema.String)
})

/** What a method's settings must hold for its heads to be used again; the rest is kept as it is. */
const Settings = Schema.StructWithRest(
  Schema.Struct({ heads: Schema.Record(Schema.String, HeadOf), fusion: Schema.Literals(["mean", "entropy", "sum"]) }),
  [Schema.Record(Schema.String, Schema.Unknown)]
)

/** The engine that trained, its device, and the devices that an `auto` could not have. */
const Trainer = Schema.Struct({
  engine: Schema.Literals(["onnx", "tfjs", "reference"]),
  device: Schema.String,
  name: Schema.String,
  precision: Schema.Literals(["float32", "float64"]),
  /** How many programs ran at a time; no result depends on it. */
  threads: Schema.Int,
  refused: Schema.Array(Schema.Struct({ choice: Schema.String, reason: Schema.String }))
})

/** A file that a run depends on, and its SHA-256; its path is absolute, or from the run's folder on. */
const Input = Schema.Struct({ path: Line, digest: Schema.String })

/** The values of the command line. */
const Arguments = Schema.Struct({
  seed: Schema.Int,
  speech: Schema.optionalKey(Schema.String),
  data: Schema.optionalKey(Schema.String),
  limit: Schema.optionalKey(Schema.Int),
  views: Schema.optionalKey(Schema.Int)
})

export type Arguments = typeof Arguments.Type

/** Raised when older versions cannot read the manifest. */
export const FORMAT = 3

const described = {
  format: Schema.Int,
  id: Line,
  experiment: Line,
  title: Line,
  /** The module that exports the experiment, and what it was given. */
  program: Input,
  /** The files that the program imports, and those import, but for the framework's and installed packages. */
  modules: Schema.Array(Input),
  arguments: Arguments,
  trace: Schema.Literals(["epoch", "step"]),
  classes: Schema.Array(Line),
  seeds: Schema.Array(Schema.Int),
  encoders: Schema.Record(
    Schema.String,
    Schema.Struct({ name: Line, digest: Schema.String, width: Schema.Int, file: Line })
  ),
  preprocessing: Schema.Record(Schema.String, Schema.Unknown),
  /** How training samples are drawn, how often each, and the seed of it. */
  views: Schema.optionalKey(
    Schema.Struct({
      count: Schema.Int,
      seed: Schema.Int,
      of: Schema.Record(Schema.String, Schema.Unknown)
    })
  ),
  /** What trained the heads, in a few words, and in detail with what was refused before it. */
  engine: Line,
  trainer: Trainer,
  /** The framework's version, and the digest of its sources. */
  code: Schema.Struct({ version: Schema.String, sources: Schema.String }),
  versions: Schema.Record(Schema.String, Schema.String),
  processor: Schema.String
}

const Used = Schema.Struct({ stage: Inside, name: Line, digest: Sha256, content: Sha256 })

/** An artifact that a run made or reused. */
export type Used = typeof Used.Type

/** The manifest of a run that has begun. */
export const Begun = Schema.Struct({ status: Schema.Literal("begun"), ...described })

/** The manifest of a run that is finished. */
export const Finished = Schema.Struct({
  status: Schema.Literal("finished"),
  ...described,
  dataset: Schema.Unknown,
  /** What the cross-validation found that chose the methods' settings. */
  selection: Schema.optionalKey(Standings.Standings),
  methods: Schema.Array(
    Schema.Struct({
      name: Line,
      settings: Settings,
      trainings: Schema.Array(
        Schema.Struct({
          seed: Schema.Int,
          heads: Inside,
          ...Events.Metrics.fields
        })
      )
    })
  ),
  /** All files from outside that were read, beside the program. */
  inputs: Schema.Array(Input),
  /** All artifacts that were made or reused, in the order of the program. */
  artifacts: Schema.Array(Used),
  digests: Schema.Struct({ features: Schema.String, weights: Schema.String }),
  /** The SHA-256 of each file of the run that holds results. */
  files: Schema.Record(Inside, Sha256)
})

/** The manifest of a run that is finished. */
export type Finished = typeof Finished.Type

/** The manifest of a run that has begun, or of one that is finished. */
export const Any = Schema.Union([Begun, Finished])

/** The manifest of a run that has begun, or of one that is finished. */
export type Any = typeof Any.Type

const digest = { digest: Sha256 }

/** The manifest as it is written, with the digest of all the rest of it. */
export const Written = Schema.Union([
  Schema.Struct({ ...Begun.fields, ...digest }),
  Schema.Struct({ ...Finished.fields, ...digest })
])

/** The versions that a run's numbers depend on: of the trainer's libraries, and of the runtime of the encoders. */
const versions = Effect.gen(function* () {
  const { provider, version } = yield* OnnxRuntime
  const { about } = yield* HeadTrainer
  return {
    ...about.versions,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    onnxruntime: `${version} (${provider})`
  }
})

/** What is known of a run before it begins. */
export interface Recipe {
  readonly experiment: Experiment<Features.Dims>
  readonly program: typeof Input.Type
  readonly modules: ReadonlyArray<typeof Input.Type>
  readonly arguments: Arguments
  /** How the manifest names a file. */
  readonly place: (file: string) => string
  readonly trace: "epoch" | "step"
  readonly code: Any["code"]
  readonly refused: ReadonlyArray<Devices.Refused>
}

/** The views of an experiment, with all parameters of what draws them. */
const viewsOf = ({ views }: Experiment<Features.Dims>) => {
  if (views === undefined) return {}
  const of = Object.entries(views.of).map(([modality, augmentation]) => [modality, augmentation?.settings ?? null])
  return { views: { count: views.count, seed: views.seed, of: Object.fromEntries(of) as Record<string, Digest.Json> } }
}

/**
 * The manifest of a run that begins. Its id is the experiment's name and a digest of the program, its arguments and all
 * that its numbers may depend on: the same of everything is the same run.
 */
export const describe = Effect.fn("Manifest.describe")(function* (recipe: Recipe) {
  const { experiment, program, modules, place, trace, code, refused } = recipe
  const { engine, about } = yield* HeadTrainer
  const { name, title, seeds, dataset } = experiment
  const encoders = Object.fromEntries(
    Object.entries(experiment.encoders).map(([modality, { name, digest, width, file }]) => [
      modality,
      { name, digest, width, file: place(file) }
    ])
  )
  const preprocessing = Object.fromEntries(
    Object.entries(dataset.modalities).map(([modality, { settings }]) => [modality, settings])
  )
  const views = viewsOf(experiment)
  const processor = cpus()[0]?.model ?? "unknown"
  const found = yield* versions
  const { device } = about
  const identity = {
    program: program.digest,
    // Moved or copied together, they are the same program.
    modules: modules.map(({ path, digest }) => [path.split(/[/\\]/).at(-1)!, digest]),
    arguments: { ...recipe.arguments },
    trace,
    methods: experiment.tuned === undefined ? experiment.methods.map(({ settings }) => settings) : [],
    seeds,
    encoders: Object.values(encoders).map(({ digest }) => digest),
    preprocessing,
    ...views,
    engine: { engine: about.engine, device },
    versions: found,
    code: code.sources,
    processor
  }
  const manifest: typeof Begun.Type = {
    status: "begun",
    format: FORMAT,
    id: `${name}-${Digest.ofJson(identity).slice(0, 8)}`,
    experiment: name,
    title,
    program,
    modules,
    arguments: recipe.arguments,
    trace,
    classes: dataset.classes,
    seeds,
    encoders,
    preprocessing,
    ...views,
    engine,
    trainer: {
      engine: about.engine,
      device,
      name: about.name,
      precision: about.precision,
      threads: about.threads,
      refused
    },
    code,
    versions: found,
    processor
  }
  return manifest
})

/** The manifest of a run that has come to its end; `files` are those that hold its results, with their digests. */
export const conclude = (
  begun: typeof Begun.Type,
  result: Result,
  { files, place }: { readonly files: Finished["files"]; readonly place: Recipe["place"] }
): Finished => {
  const { prepared, methods, standings, artifacts } = result
  return {
    ...begun,
    status: "finished",
    dataset: prepared.manifest,
    ...(standings === null ? {} : { selection: standings }),
    methods: methods.map(({ method, outcomes }) => ({
      name: method.name,
      settings: method.settings as unknown as typeof Settings.Type,
      trainings: outcomes.map(({ seed, metrics }) => ({
        seed,
        heads: names.heads(`${slug(method.name)}-seed-${seed}`),
        ...metrics
      }))
    })),
    inputs: [
      ...Object.values(begun.encoders).map(({ file, digest }) => ({ path: file, digest })),
      ...(prepared.sources ?? []).map(({ path, digest }) => ({ path: place(path), digest }))
    ],
    artifacts: artifacts.map((artifact) => ({
      stage: artifact.stage,
      name: artifact.name,
      digest: artifact.digest,
      content: contentOf(artifact)
    })),
    digests: { features: result.featuresDigest, weights: result.weightsDigest },
    files
  }
}

/** What a finished run's manifest says of the experiment and its results, as canonical JSON. */
export const resultsOf = (manifest: Finished): Digest.Json => {
  const { experiment, title, classes, seeds, preprocessing, views, dataset, selection, methods, digests } = manifest
  const encoders = Object.entries(manifest.encoders).map(([modality, { name, digest, width }]) => [
    modality,
    { name, digest, width }
  ])
  const all = { experiment, title, classes, seeds, preprocessing, views, dataset, selection, methods, digests }
  return JSON.parse(JSON.stringify({ ...all, encoders: Object.fromEntries(encoders) as object })) as Digest.Json
}
