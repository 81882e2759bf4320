/**
 * The manifest of a run: its program, arguments and environment, and, once it is finished, its results. It has no
 * members that only one kind of experiment needs: results are artifacts, the data of the report, and the files that the
 * program attached.
 */
import { EncoderRuntime } from "@igm/encoders"
import { type Artifact, contentOf } from "@igm/io"
import type { Report } from "@igm/report"
import { Digest } from "@igm/tensor"
import { type Devices, HeadTrainer } from "@igm/training"
import { Effect, Option, Schema } from "effect"
import { cpus } from "node:os"
import type * as Args from "../Args.ts"
import { Inside, Line, Sha256 } from "./RunFiles.ts"
import type { Input as Read } from "./Run.ts"
import type { Sources } from "./Sources.ts"

const Refused = Schema.Array(Schema.Struct({ choice: Schema.String, reason: Schema.String }))

/** The engine that trained the heads, its device, and the devices that `auto` tried but could not use. */
const Heads = Schema.Struct({
  engine: Schema.Literals(["onnx", "tfjs", "reference"]),
  device: Schema.String,
  name: Schema.String,
  precision: Schema.Literals(["float32", "float64"]),
  /** The number of programs that ran concurrently; no result depends on it. */
  threads: Schema.Int,
  refused: Refused
})

/** The provider of the ONNX runtime that ran the encoders, and the providers that `auto` tried but could not use. */
const Encoders = Schema.Struct({
  provider: Schema.Literals(["cpu", "cuda", "webgpu"]),
  device: Schema.String,
  refused: Refused
})

/** A file that a run depends on, and its SHA-256; its path is absolute, or relative to the run's folder. */
const Input = Schema.Struct({ path: Line, digest: Schema.String })

/** The version of the format, to be raised when older versions cannot read the manifest. */
export const FORMAT = 4

const described = {
  format: Schema.Int,
  id: Line,
  experiment: Line,
  /** The module that exports the experiment. */
  program: Input,
  /** The files that the program imports, directly or indirectly, except for the framework's and installed packages. */
  modules: Schema.Array(Input),
  /** The program's arguments, including defaults; paths as in `Input`. */
  arguments: Schema.Record(Schema.String, Schema.Json),
  trace: Schema.Literals(["epoch", "step"]),
  /** `null` if the program was run without a trainer of heads. */
  heads: Schema.NullOr(Heads),
  encoders: Schema.NullOr(Encoders),
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
  /** The title of the report. */
  title: Line,
  /** All external files that were read, besides the program's own. */
  inputs: Schema.Array(Input),
  /** All artifacts that were computed or reused, in program order. */
  artifacts: Schema.Array(Used),
  /** The digest of the report's data. */
  report: Sha256,
  /** The SHA-256 of each result file of the run. */
  files: Schema.Record(Inside, Sha256)
})

/** The manifest of a run that is finished. */
export type Finished = typeof Finished.Type

/** The manifest of a run that has begun, or of one that is finished. */
export const Any = Schema.Union([Begun, Finished])

/** The manifest of a run that has begun, or of one that is finished. */
export type Any = typeof Any.Type

const digest = { digest: Sha256 }

/** The manifest as written, with a digest of the rest of it. */
export const Written = Schema.Union([
  Schema.Struct({ ...Begun.fields, ...digest }),
  Schema.Struct({ ...Finished.fields, ...digest })
])

/** The code that a run's name depends on: the program, the files that it imports, and the framework. */
export const code = ({ program, modules, code }: Pick<typeof Begun.Type, "program" | "modules" | "code">) => ({
  program: program.digest,
  // Moved or copied together, they are the same program.
  modules: modules.map(({ path, digest }) => [path.split(/[/\\]/).at(-1)!, digest]),
  code: code.sources
})

/** The encoder runtime and the head trainer, if the program is run with them. */
const placesOf = Effect.gen(function* () {
  const runtime = yield* Effect.serviceOption(EncoderRuntime)
  const trainer = yield* Effect.serviceOption(HeadTrainer)
  return {
    runtime: Option.getOrNull(Option.map(runtime, ({ info }) => info)),
    trainer: Option.getOrNull(Option.map(trainer, ({ info }) => info))
  }
})

/** The description of a run before it begins. */
export interface Recipe {
  readonly experiment: string
  /** The specifications of the arguments, and the arguments with absolute paths. */
  readonly specs: ReadonlyArray<Args.Spec>
  readonly arguments: Args.Given
  readonly sources: Sources
  /** Gives the name of a file in the manifest. */
  readonly place: (file: string) => string
  readonly trace: "epoch" | "step"
  /** Devices for heads that were tried but could not be used. */
  readonly refused: ReadonlyArray<Devices.Refused>
}

/**
 * The manifest of a run that begins. Its id consists of the experiment's name and a digest of the program, its
 * arguments and everything that its numbers may depend on: equal ones are the same run.
 */
export const describe = Effect.fn("Manifest.describe")(function* (recipe: Recipe) {
  const { experiment, sources, place, trace, refused } = recipe
  const { runtime, trainer } = yield* placesOf
  const input = (file: Read) => ({ path: place(file.path), digest: file.digest })
  const [program, modules] = [input(sources.program), sources.modules.map(input)]
  const processor = cpus()[0]?.model ?? "unknown"
  const versions = {
    ...trainer?.versions,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    ...(runtime === null ? {} : { onnxruntime: `${runtime.version} (${runtime.provider})` })
  }
  const identity = {
    ...code({ program, modules, code: sources.code }),
    arguments: recipe.arguments as { readonly [name: string]: Digest.Json },
    trace,
    heads: trainer && { engine: trainer.engine, device: trainer.device },
    encoders: runtime && { provider: runtime.provider, device: runtime.device },
    versions,
    processor
  }
  const manifest: typeof Begun.Type = {
    status: "begun",
    format: FORMAT,
    id: `${experiment}-${Digest.ofJson(identity).slice(0, 8)}`,
    experiment,
    program,
    modules,
    arguments: recipe.arguments,
    trace,
    heads: trainer && {
      engine: trainer.engine,
      device: trainer.device,
      name: trainer.name,
      precision: trainer.precision,
      threads: trainer.threads,
      refused
    },
    encoders: runtime && { provider: runtime.provider, device: runtime.device, refused: runtime.refused },
    code: sources.code,
    versions,
    processor
  }
  return manifest
})

/** The result of a program. */
export interface Outcome {
  readonly report: Report.Report
  readonly artifacts: ReadonlyArray<Artifact>
  readonly inputs: ReadonlyArray<Read>
}

/** The manifest of a finished run; `files` are its result files with their digests. */
export const conclude = (
  begun: typeof Begun.Type,
  { report, artifacts, inputs }: Outcome,
  results: { readonly files: Finished["files"]; readonly report: Digest.Digest; readonly place: Recipe["place"] }
): Finished => ({
  ...begun,
  status: "finished",
  title: report.title,
  inputs: inputs.map(({ path, digest }) => ({ path: results.place(path), digest })),
  artifacts: artifacts.map((artifact) => ({
    stage: artifact.stage,
    name: artifact.name,
    digest: artifact.digest,
    content: contentOf(artifact)
  })),
  report: results.report,
  files: results.files
})
