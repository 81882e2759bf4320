/**
 * What a run leaves behind, readable by people and by other tools: its manifest (what was run, on what, and the results),
 * what happened in each training, class probabilities of the test split, and the weights. The manifest is written as the
 * run begins and once more, last of all, with the results: what it says is finished is whole.
 */
import { AtomicFile, IoError, contentOf } from "@igm/io"
import { OnnxRuntime } from "@igm/onnx"
import { Digest, Safetensors, type Split, Tensor } from "@igm/tensor"
import { type Devices, HeadTrainer, Weights } from "@igm/training"
import { Effect, FileSystem, Path, Schema } from "effect"
import { cpus } from "node:os"
import * as Events from "./Events.ts"
import { type Experiment, slug } from "./Experiment.ts"
import type { Features } from "@igm/gradient"
import { type Result, byOutcome } from "./Pipeline.ts"
import { files } from "./RunFiles.ts"
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

/** A file that a run depends on, and its SHA-256. */
const Input = Schema.Struct({ path: Schema.String, digest: Schema.String })

/** A value of the command line. */
const Arguments = Schema.Struct({ seed: Schema.Int, speech: Schema.optionalKey(Schema.String) })

/** Raised when older versions cannot read the manifest. */
const FORMAT = 2

const described = {
  format: Schema.Int,
  id: Schema.String,
  experiment: Schema.String,
  title: Schema.String,
  /** The module that exports the experiment, and what it was given. */
  program: Input,
  arguments: Arguments,
  trace: Schema.Literals(["epoch", "step"]),
  classes: Schema.Array(Schema.String),
  seeds: Schema.Array(Schema.Int),
  encoders: Schema.Record(
    Schema.String,
    Schema.Struct({ name: Schema.String, digest: Schema.String, width: Schema.Int, file: Schema.String })
  ),
  preprocessing: Schema.Record(Schema.String, Schema.Unknown),
  /** What trained the heads, in a few words, and in detail with what was refused before it. */
  engine: Schema.String,
  trainer: Trainer,
  /** The framework's version, and the digest of its sources. */
  code: Schema.Struct({ version: Schema.String, sources: Schema.String }),
  versions: Schema.Record(Schema.String, Schema.String),
  processor: Schema.String
}

const Used = Schema.Struct({
  stage: Schema.String,
  name: Schema.String,
  digest: Schema.String,
  content: Schema.String
})

/** An artifact that a run made or reused. */
export type Used = typeof Used.Type

/** The manifest of a run that has begun. */
export const Begun = Schema.Struct({ status: Schema.Literal("begun"), ...described })

/** The manifest of a run that is finished. */
export const Manifest = Schema.Struct({
  status: Schema.Literal("finished"),
  ...described,
  dataset: Schema.Unknown,
  /** What the cross-validation found that chose the methods' settings. */
  selection: Schema.optionalKey(Standings.Standings),
  methods: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      settings: Settings,
      trainings: Schema.Array(
        Schema.Struct({
          seed: Schema.Int,
          heads: Schema.String,
          ...Events.Metrics.fields
        })
      )
    })
  ),
  /** All files from outside that were read, beside the program. */
  inputs: Schema.Array(Input),
  /** All artifacts that were made or reused, in the order of the program. */
  artifacts: Schema.Array(Used),
  digests: Schema.Struct({ features: Schema.String, weights: Schema.String })
})

/** The manifest of a run that is finished. */
export type Manifest = typeof Manifest.Type

/** The manifest of a run that has begun, or of one that is finished. */
export type Any = typeof Begun.Type | Manifest

const AnyText = Schema.fromJsonString(Schema.Union([Begun, Manifest]))
const FormatText = Schema.fromJsonString(Schema.Struct({ format: Schema.Int }))

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
  readonly arguments: typeof Arguments.Type
  readonly trace: "epoch" | "step"
  readonly code: Any["code"]
  readonly refused: ReadonlyArray<Devices.Refused>
}

/**
 * The manifest of a run that begins. Its id is the experiment's name and a digest of the program, its arguments and all
 * that its numbers may depend on: the same of everything is the same run.
 */
export const describe = Effect.fn("RunFolder.describe")(function* (recipe: Recipe) {
  const { experiment, program, trace, code, refused } = recipe
  const { engine, about } = yield* HeadTrainer
  const { name, title, seeds, dataset } = experiment
  const encoders = Object.fromEntries(
    Object.entries(experiment.encoders).map(([modality, { name, digest, width, file }]) => [
      modality,
      { name, digest, width, file }
    ])
  )
  const preprocessing = Object.fromEntries(
    Object.entries(dataset.modalities).map(([modality, { settings }]) => [modality, settings])
  )
  const processor = cpus()[0]?.model ?? "unknown"
  const found = yield* versions
  const { device } = about
  const identity = {
    program: program.digest,
    arguments: { ...recipe.arguments },
    trace,
    methods: experiment.tuned === undefined ? experiment.methods.map(({ settings }) => settings) : [],
    seeds,
    encoders: Object.values(encoders).map(({ digest }) => digest),
    preprocessing,
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
    arguments: recipe.arguments,
    trace,
    classes: dataset.classes,
    seeds,
    encoders,
    preprocessing,
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

/** The manifest of a run that has come to its end. */
export const conclude = (begun: typeof Begun.Type, result: Result): Manifest => {
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
        heads: files.heads(`${slug(method.name)}-seed-${seed}`),
        ...metrics
      }))
    })),
    inputs: [
      ...Object.values(begun.encoders).map(({ file, digest }) => ({ path: file, digest })),
      ...(prepared.sources ?? [])
    ],
    artifacts: artifacts.map((artifact) => ({
      stage: artifact.stage,
      name: artifact.name,
      digest: artifact.digest,
      content: contentOf(artifact)
    })),
    digests: { features: result.featuresDigest, weights: result.weightsDigest }
  }
}

/** Writes the manifest of a run. */
export const writeManifest = Effect.fn("RunFolder.writeManifest")(function* (folder: string, manifest: Any) {
  const path = yield* Path.Path
  const value = yield* Effect.orDie(Schema.encodeEffect(Schema.Union([Begun, Manifest]))(manifest))
  yield* AtomicFile.write(path.join(folder, files.manifest), `${JSON.stringify(value, null, 2)}\n`)
})

/** The files of a run that hold its results, but for its manifest and its report. */
export const contentsOf = (result: Result): { readonly [file: string]: string | Uint8Array } => {
  const heads = byOutcome(result, ({ weights }) => Safetensors.encode(Weights.stored(weights)))
  const trainings = result.methods.flatMap(({ method, outcomes }) =>
    outcomes.flatMap(({ seed, events }) =>
      Events.lines(Events.encode(events)).map(
        (line) => `{"method":${JSON.stringify(method.name)},"seed":${seed},${line.slice(1)}\n`
      )
    )
  )
  const labels = Tensor.int32([result.features.test.labels.length], result.features.test.labels)
  const probabilities = byOutcome(result, ({ said }) => Tensor.toFloat32(said.probabilities))
  return {
    ...Object.fromEntries(Object.entries(heads).map(([outcome, bytes]) => [files.heads(outcome), bytes])),
    [files.trainings]: trainings.join(""),
    [files.predictions]: Safetensors.encode({ labels, ...probabilities }, { split: "test" satisfies Split.Split })
  }
}

/** Writes the results of a run; `extra` files are written with the rest, and the manifest last. */
export const write = Effect.fn("RunFolder.write")(function* (
  folder: string,
  result: Result,
  manifest: Manifest,
  extra: { readonly [file: string]: string | Uint8Array }
) {
  const path = yield* Path.Path
  const put = (file: string, content: string | Uint8Array) => AtomicFile.write(path.join(folder, file), content)
  for (const [file, content] of Object.entries(contentsOf(result))) yield* put(file, content)
  for (const [file, content] of Object.entries(extra)) yield* put(file, content)
  yield* writeManifest(folder, manifest)
})

/** Whether a text is the manifest of a version before formats were numbered. */
const isOlder = (text: string): boolean => {
  const found = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)))(text)
  return found._tag === "Some" && "id" in found.value && "experiment" in found.value && !("format" in found.value)
}

/** Whether a finished run's folder holds these results: its manifest says so, and its files are there and the same. */
export const holds = Effect.fn("RunFolder.holds")(function* (folder: string, result: Result, manifest: Manifest) {
  const path = yield* Path.Path
  const fs = yield* FileSystem.FileSystem
  const before = yield* read(folder)
  if (Digest.canonicalJson(resultsOf(before)) !== Digest.canonicalJson(resultsOf(manifest))) return false
  for (const [file, content] of Object.entries(contentsOf(result))) {
    const there = yield* Effect.option(fs.readFile(path.join(folder, file)))
    if (there._tag === "None" || !Buffer.from(content).equals(there.value)) return false
  }
  return yield* Effect.orElseSucceed(fs.exists(path.join(folder, files.report)), () => false)
})

/** The manifest in a file, or none if it is damaged or no manifest. Fails if it is of a newer version. */
const parse = Effect.fnUntraced(function* (file: string) {
  const text = new TextDecoder().decode(yield* AtomicFile.read(file))
  const about = yield* Effect.option(Schema.decodeEffect(FormatText)(text))
  if (about._tag === "Some" && about.value.format > FORMAT) {
    const formats = `format ${about.value.format}; this one reads ${FORMAT}`
    return yield* new IoError({ path: file, problem: `it was written by a newer igm (${formats}): update igm` })
  }
  if (isOlder(text)) {
    const problem = "it was written by an older igm, which cannot be read any more: run the experiment again"
    return yield* new IoError({ path: file, problem })
  }
  return yield* Effect.result(Schema.decodeEffect(AnyText)(text))
})

/** Reads the manifest of a run's folder, whether the run is finished or not. */
export const glance = Effect.fn("RunFolder.glance")(function* (folder: string) {
  const path = yield* Path.Path
  const fs = yield* FileSystem.FileSystem
  if (!(yield* Effect.orElseSucceed(fs.exists(folder), () => false))) {
    return yield* new IoError({ path: folder, problem: "there is no such run" })
  }
  const file = path.join(folder, files.manifest)
  return yield* Effect.fromResult(yield* parse(file)).pipe(
    Effect.mapError(
      (cause) =>
        new IoError({
          path: file,
          problem: "this is not the manifest of a run, or damaged: the command that made the run writes it anew",
          cause
        })
    )
  )
})

/** What a finished run's manifest says of results, as canonical JSON. */
export const resultsOf = ({ dataset, selection, methods, digests }: Manifest): Digest.Json =>
  JSON.parse(
    JSON.stringify({ dataset, ...(selection === undefined ? {} : { selection }), methods, digests })
  ) as Digest.Json

/** How a run's folder stands: `new` where it has no manifest. Fails if the manifest is of a newer version. */
export const statusOf = Effect.fn("RunFolder.statusOf")(function* (folder: string) {
  const path = yield* Path.Path
  const fs = yield* FileSystem.FileSystem
  const file = path.join(folder, files.manifest)
  if (!(yield* Effect.orElseSucceed(fs.exists(file), () => false))) return "new"
  const found = yield* parse(file)
  return found._tag === "Success" ? found.success.status : "damaged"
})

/** Reads the manifest of a finished run. */
export const read = Effect.fn("RunFolder.read")(function* (folder: string) {
  const manifest = yield* glance(folder)
  if (manifest.status === "finished") return manifest
  return yield* new IoError({ path: folder, problem: "this run is not finished: run it again, and it goes on" })
})
