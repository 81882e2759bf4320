/**
 * The folder that a run leaves behind, readable by people and by other tools: `manifest.json` (what was run, on what,
 * and the results), `journal.jsonl` (what happened in each training), `predictions.safetensors` (class probabilities of
 * the test split) and `heads/` (the weights). The manifest is written last: a folder with one is complete.
 */
import { AtomicFile, IoError } from "@igm/io"
import { OnnxRuntime } from "@igm/onnx"
import { Digest, Safetensors, type Split, Tensor } from "@igm/tensor"
import { type Devices, HeadTrainer, Weights } from "@igm/training"
import { Effect, Path, Schema } from "effect"
import * as Journal from "./Journal.ts"
import { type Result, byOutcome, slug } from "./Run.ts"
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
  refused: Schema.Array(Schema.Struct({ choice: Schema.String, reason: Schema.String }))
})

/** The manifest of a run. */
export const Manifest = Schema.Struct({
  id: Schema.String,
  experiment: Schema.String,
  title: Schema.String,
  classes: Schema.Array(Schema.String),
  seeds: Schema.Array(Schema.Int),
  encoders: Schema.Record(
    Schema.String,
    Schema.Struct({ name: Schema.String, digest: Schema.String, width: Schema.Int })
  ),
  preprocessing: Schema.Record(Schema.String, Schema.Unknown),
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
          ...Journal.Metrics.fields
        })
      )
    })
  ),
  /** What trained the heads, in a few words, and in detail with what was refused before it. */
  engine: Schema.String,
  trainer: Schema.optionalKey(Trainer),
  versions: Schema.Record(Schema.String, Schema.String),
  digests: Schema.Struct({ features: Schema.String, weights: Schema.String })
})

/** The manifest of a run. */
export type Manifest = typeof Manifest.Type

const ManifestText = Schema.fromJsonString(Manifest)

/** The names of the files in a run's folder. */
export const files = {
  manifest: "manifest.json",
  journal: "journal.jsonl",
  predictions: "predictions.safetensors",
  report: "report.html",
  heads: (outcome: string) => `heads/${outcome}.safetensors`
}

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

/** The manifest of a result. Its id is the experiment's name and a digest of all settings, inputs and weights. */
export const manifestOf = Effect.fn("RunFolder.manifestOf")(function* (
  result: Result,
  refused: ReadonlyArray<Devices.Refused> = []
) {
  const { experiment, prepared, methods, standings } = result
  const { engine, about } = yield* HeadTrainer
  const digests = { features: result.featuresDigest, weights: result.weightsDigest }
  const settings = methods.map(({ method }) => method.settings)
  const selection = standings === null ? {} : { selection: standings }
  const manifest: Manifest = {
    id: `${experiment.name}-${Digest.ofJson({ digests, settings, data: prepared.manifest.digest, ...selection }).slice(0, 8)}`,
    experiment: experiment.name,
    title: experiment.title,
    classes: experiment.dataset.classes,
    seeds: experiment.seeds,
    encoders: Object.fromEntries(
      Object.entries(experiment.encoders).map(([modality, { name, digest, width }]) => [
        modality,
        { name, digest, width }
      ])
    ),
    preprocessing: Object.fromEntries(
      Object.entries(experiment.dataset.modalities).map(([modality, { settings }]) => [modality, settings])
    ),
    dataset: prepared.manifest,
    ...selection,
    methods: methods.map(({ method, outcomes }) => ({
      name: method.name,
      settings: method.settings as unknown as typeof Settings.Type,
      trainings: outcomes.map(({ seed, metrics }) => ({
        seed,
        heads: files.heads(`${slug(method.name)}-seed-${seed}`),
        ...metrics
      }))
    })),
    engine,
    trainer: { engine: about.engine, device: about.device, name: about.name, precision: about.precision, refused },
    versions: yield* versions,
    digests
  }
  return manifest
})

/** Writes a run's folder, `home/<id>`; returns its path. `extra` files are written with the rest. */
export const write = Effect.fn("RunFolder.write")(function* (
  home: string,
  result: Result,
  manifest: Manifest,
  extra: { readonly [file: string]: string | Uint8Array }
) {
  const path = yield* Path.Path
  const folder = path.join(home, manifest.id)
  const put = (file: string, content: string | Uint8Array) => AtomicFile.write(path.join(folder, file), content)
  const heads = byOutcome(result, ({ weights }) => Safetensors.encode(Weights.stored(weights)))
  for (const [outcome, bytes] of Object.entries(heads)) yield* put(files.heads(outcome), bytes)
  const journal = result.methods.flatMap(({ method, outcomes }) =>
    outcomes.flatMap(({ seed, events }) =>
      Journal.lines(Journal.encode(events)).map(
        (line) => `{"method":${JSON.stringify(method.name)},"seed":${seed},${line.slice(1)}\n`
      )
    )
  )
  yield* put(files.journal, journal.join(""))
  const labels = Tensor.int32([result.features.test.labels.length], result.features.test.labels)
  const probabilities = byOutcome(result, ({ said }) => Tensor.toFloat32(said.probabilities))
  yield* put(
    files.predictions,
    Safetensors.encode({ labels, ...probabilities }, { split: "test" satisfies Split.Split })
  )
  for (const [file, content] of Object.entries(extra)) yield* put(file, content)
  yield* put(
    files.manifest,
    `${JSON.stringify(yield* Effect.orDie(Schema.encodeEffect(Manifest)(manifest)), null, 2)}\n`
  )
  return folder
})

/** Reads the manifest of a run's folder. */
export const read = Effect.fn("RunFolder.read")(function* (folder: string) {
  const path = yield* Path.Path
  const file = path.join(folder, files.manifest)
  const bytes = yield* AtomicFile.read(file)
  return yield* Schema.decodeEffect(ManifestText)(new TextDecoder().decode(bytes)).pipe(
    Effect.mapError((cause) => new IoError({ path: file, problem: "this is not the manifest of a run", cause }))
  )
})
