/**
 * The differences of two runs: in their settings, inputs, environment, artifacts and results. Equal values are left
 * out, so that runs without any entry agree.
 */
import { Metric } from "@igm/gradient"
import { AtomicFile, type Described, IoError, RECORD, described as describedIn } from "@igm/io"
import { Report } from "@igm/report"
import { type Digest, Name, Safetensors, type Tensor } from "@igm/tensor"
import { Effect, FileSystem, Option, Path } from "effect"
import * as JsonDifference from "./JsonDifference.ts"
import { inPairs } from "./Pairs.ts"
import { files } from "../run/RunFiles.ts"
import * as RunFolder from "../run/RunFolder.ts"
import type * as Manifest from "../run/Manifest.ts"
import * as Results from "../comparison/Results.ts"
import { type Found, STORE } from "../run/Runs.ts"
import * as RunHistory from "../run/RunHistory.ts"

/** A difference in an artifact of both runs, matched by stage and name, or an artifact of only one of them. */
export interface ArtifactDifference {
  readonly stage: string
  readonly name: string
  /** The runs that have it. */
  readonly in: "a" | "b" | "both"
  /** `true` if the key (the digest of the work) is the same; `false` if only one run has the artifact. */
  readonly sameKey: boolean
  /** `true` if the files are the same; `null` if one of the artifacts is not stored, or only one run has it. */
  readonly sameContent: boolean | null
  /** The differences of the work's description, if both are still in the store. */
  readonly differences: ReadonlyArray<JsonDifference.Difference>
}

/** A metric of a method's training; `null` if a run has no such training. */
export interface ResultDifference {
  readonly method: string
  readonly seed: number
  readonly metric: string
  readonly a: number | null
  readonly b: number | null
  readonly difference: number | null
}

/** The number of test samples that two trainings classify differently; `null` if their samples differ. */
export interface PredictionDifference {
  readonly method: string
  readonly seed: number
  readonly samples: number
  readonly differ: number | null
}

/** The differences of two runs. */
export interface RunDiff {
  readonly settings: ReadonlyArray<JsonDifference.Difference>
  readonly inputs: ReadonlyArray<JsonDifference.Difference>
  readonly environment: ReadonlyArray<JsonDifference.Difference>
  readonly artifacts: ReadonlyArray<ArtifactDifference>
  /** The differences of the reports' data. */
  readonly report: ReadonlyArray<JsonDifference.Difference>
  /** The differences of results and predictions, if both runs are comparisons of methods. */
  readonly results: ReadonlyArray<ResultDifference>
  readonly predictions: ReadonlyArray<PredictionDifference>
}

/** One of the two runs: its manifest and the contents of its folder. */
export interface Side {
  readonly manifest: Manifest.Any
  readonly artifacts: ReadonlyArray<Artifact>
  /** The data of the report; `null` unless the run is finished. */
  readonly report: Digest.Json
  /** The results of a comparison of methods; `null` for other runs. */
  readonly results: Results.Results | null
  /**
   * The predictions of the test split, by training, and the `labels`; empty unless the run is a finished comparison.
   */
  readonly predictions: { readonly [name: string]: Tensor.Tensor }
}

/** An artifact that a run used; `described` is its description, if it is stored. */
interface Artifact {
  readonly stage: string
  readonly name: string
  readonly digest: string
  readonly content: string | null
  readonly described: Omit<typeof Described.Type, "digest"> | null
}

/** Reads a run for a comparison; fails if one of its files has changed, or if it has no manifest yet. */
export const side = Effect.fn("RunDiff.side")(function* ({ folder, state, manifest, journal }: Found) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  if (manifest === null || state.kind === "unreadable") {
    const problem = state.kind === "unreadable" ? state.problem : "it has no manifest yet"
    return yield* new IoError({ path: folder, problem: `this run cannot be compared: ${problem}` })
  }
  if (state.kind === "damaged") yield* RunFolder.read(folder)
  const contents = new Map(
    journal.flatMap((record) => (record.kind === "stored" ? [[record.digest, record.content] as const] : []))
  )
  const used =
    manifest.status === "finished"
      ? manifest.artifacts
      : RunHistory.of(journal, { inUse: false }).works.map((work) => ({
          ...work,
          content: contents.get(work.digest) ?? null
        }))
  const artifacts = yield* Effect.forEach(used, ({ stage, name, digest, content }) =>
    Effect.gen(function* () {
      const file = path.join(path.dirname(folder), STORE, stage, digest, RECORD)
      const text = yield* Effect.option(fs.readFileString(file))
      const found = Option.flatMap(text, describedIn)
      if (Option.isSome(text) && Option.isNone(found)) {
        const problem = "this artifact's record is damaged: the command that made the run makes the artifact anew"
        return yield* new IoError({ path: file, problem })
      }
      const artifact: Artifact = { stage, name, digest, content, described: Option.getOrNull(found) }
      return artifact
    })
  )
  const read = contentsOf(folder, manifest)
  const compared: Side = {
    manifest,
    artifacts,
    report: yield* read(files.reportData, (bytes) =>
      Effect.map(Report.decode(text(bytes)), (report) => Report.data(report) as Digest.Json)
    ),
    results: manifest.status === "finished" ? yield* Results.read(folder, manifest) : null,
    predictions:
      (yield* read(Results.files.predictions, (bytes) => Effect.try(() => Safetensors.decode(bytes).tensors))) ?? {}
  }
  return compared
})

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

/** Reads files of a finished run; `null` if it has no such file. */
const contentsOf =
  (folder: string, manifest: Manifest.Any) =>
  <A, E, R>(name: string, decode: (bytes: Uint8Array) => Effect.Effect<A, E, R>) =>
    Effect.gen(function* () {
      if (manifest.status !== "finished" || manifest.files[name] === undefined) return null
      const path = yield* Path.Path
      const file = path.join(folder, name)
      return yield* decode(yield* AtomicFile.read(file)).pipe(
        Effect.mapError((cause) => new IoError({ path: file, problem: "this file is damaged", cause }))
      )
    })

/** The settings of a run, without file paths. */
const settingsOf = ({ manifest, results }: Side) => ({
  program: manifest.program.digest,
  modules: Object.fromEntries(manifest.modules.map(({ path, digest }) => [path, digest])),
  arguments: manifest.arguments,
  trace: manifest.trace,
  ...(results === null
    ? {}
    : {
        seeds: results.seeds,
        classes: results.classes,
        encoders: results.encoders,
        preprocessing: results.preprocessing,
        methods: Object.fromEntries(results.methods.map(({ name, settings }) => [name, settings])),
        dataset: results.dataset,
        tuning: results.tuning
      })
})

const inputsOf = (manifest: Manifest.Any) =>
  manifest.status === "finished" ? Object.fromEntries(manifest.inputs.map(({ path, digest }) => [path, digest])) : {}

const environmentOf = ({ heads, encoders, code, versions, processor }: Manifest.Any) => ({
  heads,
  encoders,
  code,
  versions,
  processor
})

const between = (a: unknown, b: unknown) => JsonDifference.between(a as Digest.Json, b as Digest.Json)

/** The differences of the artifacts. */
const artifactsOf = (a: Side["artifacts"], b: Side["artifacts"]): ReadonlyArray<ArtifactDifference> => {
  const workOf = ({ version, key, on }: Pick<typeof Described.Type, "version" | "key" | "on">) => ({ version, key, on })
  return inPairs(a, b).flatMap(([one, other]): ReadonlyArray<ArtifactDifference> => {
    const { stage, name } = (one ?? other)!
    if (one === undefined || other === undefined) {
      const only = one === undefined ? "b" : "a"
      return [{ stage, name, in: only, sameKey: false, sameContent: null, differences: [] }]
    }
    const sameKey = one.digest === other.digest
    const sameContent = one.content === null || other.content === null ? null : one.content === other.content
    if (sameKey && sameContent !== false) return []
    const differences =
      one.described === null || other.described === null ? [] : between(workOf(one.described), workOf(other.described))
    return [{ stage, name, in: "both", sameKey, sameContent, differences }]
  })
}

type Outcome = Results.Results["methods"][number]["trainings"][number] & { readonly method: string }

const outcomesOf = ({ results }: Side): ReadonlyMap<string, Outcome> =>
  new Map(
    (results?.methods ?? []).flatMap(({ name, trainings }) =>
      trainings.map((training) => [`${training.seed} ${name}`, { ...training, method: name }] as const)
    )
  )

const equal = (a: ArrayLike<unknown>, b: ArrayLike<unknown>) =>
  a.length === b.length && Array.prototype.every.call(a, (item, i) => item === b[i])

const countDifferent = (
  a: Side["predictions"],
  b: Side["predictions"],
  outcome: string
): PredictionDifference["differ"] => {
  const [labels, otherLabels, predicted, other] = [a["labels"], b["labels"], a[outcome], b[outcome]]
  if (labels === undefined || otherLabels === undefined || predicted === undefined || other === undefined) return null
  if (!equal(labels.data, otherLabels.data) || !equal(predicted.shape, other.shape)) return null
  const [one, two] = [Metric.predictions(predicted), Metric.predictions(other)]
  return one.reduce((n, predicted, i) => n + Number(predicted !== two[i]), 0)
}

/** Compares two runs. */
export const of = (a: Side, b: Side): RunDiff => {
  const [ours, theirs] = [outcomesOf(a), outcomesOf(b)]
  const outcomes = [...new Set([...ours.keys(), ...theirs.keys()])].map((key) => {
    const [one, other] = [ours.get(key), theirs.get(key)]
    return { method: (one ?? other)!.method, seed: (one ?? other)!.seed, one, other }
  })
  const samples = a.predictions["labels"]?.data.length ?? 0
  return {
    settings: between(settingsOf(a), settingsOf(b)),
    inputs: between(inputsOf(a.manifest), inputsOf(b.manifest)),
    environment: between(environmentOf(a.manifest), environmentOf(b.manifest)),
    artifacts: artifactsOf(a.artifacts, b.artifacts),
    report: a.report === null || b.report === null ? [] : between(a.report, b.report),
    results: outcomes.flatMap(({ method, seed, one, other }) =>
      Metric.names.flatMap((metric) => {
        const [x, y] = [one?.[metric] ?? null, other?.[metric] ?? null]
        const difference = x === null || y === null ? null : y - x
        return x === y ? [] : [{ method, seed, metric, a: x, b: y, difference }]
      })
    ),
    predictions: outcomes.flatMap(({ method, seed, one, other }) => {
      if (one === undefined || other === undefined) return []
      const differ = countDifferent(a.predictions, b.predictions, `${Name.slug(method)}-seed-${seed}`)
      return differ === 0 ? [] : [{ method, seed, samples, differ }]
    })
  }
}

/** Tells if a comparison found no differences. */
export const isSame = (compared: RunDiff): boolean => Object.values(compared).every(({ length }) => length === 0)
