/**
 * Two runs beside each other: what was asked for, what was read, what it ran on, what was made on the way, and what came
 * out. Places where both say the same are left out, so that a comparison without entries is of runs that agree.
 */
import { Metric } from "@igm/gradient"
import { AtomicFile, type Described, IoError, RECORD, described as describedIn } from "@igm/io"
import { type Digest, Safetensors, type Tensor } from "@igm/tensor"
import { Effect, FileSystem, Option, Path } from "effect"
import * as JsonDifference from "./JsonDifference.ts"
import { slug } from "./Experiment.ts"
import { inPairs } from "./Pairs.ts"
import { files } from "./RunFiles.ts"
import * as RunFolder from "./RunFolder.ts"
import type * as Manifest from "./Manifest.ts"
import { type Found, STORE } from "./Runs.ts"
import * as Story from "./Story.ts"

/** An artifact of both runs by stage and name, or of one: where its key and its content differ. */
export interface ArtifactDifference {
  readonly stage: string
  readonly name: string
  /** Which runs have it. */
  readonly in: "a" | "b" | "both"
  /** Whether it is the same work; `false` where only one run has it. */
  readonly sameKey: boolean
  /** Whether its files are the same; `null` where one of them is not stored. */
  readonly sameContent: boolean | null
  /** What differs in the work's description, where both are still in the store. */
  readonly differences: ReadonlyArray<JsonDifference.Difference>
}

/** A metric of a method's training; `null` where a run has no such training. */
export interface ResultDifference {
  readonly method: string
  readonly seed: number
  readonly metric: string
  readonly a: number | null
  readonly b: number | null
  readonly difference: number | null
}

/** How many test samples two trainings put into different classes; `null` where they saw different samples. */
export interface PredictionDifference {
  readonly method: string
  readonly seed: number
  readonly samples: number
  readonly differ: number | null
}

/** Where two runs differ. */
export interface Compared {
  readonly settings: ReadonlyArray<JsonDifference.Difference>
  readonly inputs: ReadonlyArray<JsonDifference.Difference>
  readonly environment: ReadonlyArray<JsonDifference.Difference>
  readonly artifacts: ReadonlyArray<ArtifactDifference>
  readonly results: ReadonlyArray<ResultDifference>
  readonly predictions: ReadonlyArray<PredictionDifference>
}

/** One of the two: its manifest, and what lies beside it. */
export interface Side {
  readonly manifest: Manifest.Any
  readonly artifacts: ReadonlyArray<Artifact>
  /** Of the test split, by outcome, with `labels`; empty unless the run is finished. */
  readonly predictions: { readonly [name: string]: Tensor.Tensor }
}

/** An artifact that a run used; `described` where it is stored. */
interface Artifact {
  readonly stage: string
  readonly name: string
  readonly digest: string
  readonly content: string | null
  readonly described: Omit<typeof Described.Type, "digest"> | null
}

/** A run that is to be compared; fails if a file of it is not as it was written, or it has no manifest yet. */
export const side = Effect.fn("Compared.side")(function* ({ folder, state, manifest, journal }: Found) {
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
      : Story.of(journal, { inUse: false }).works.map((work) => ({
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
  const file = path.join(folder, files.predictions)
  const decode = (bytes: Uint8Array) =>
    Effect.try({
      try: () => Safetensors.decode(bytes).tensors,
      catch: (cause) => new IoError({ path: file, problem: "this file is damaged", cause })
    })
  const predictions = manifest.status === "finished" ? yield* Effect.flatMap(AtomicFile.read(file), decode) : {}
  const compared: Side = { manifest, artifacts, predictions }
  return compared
})

/** What a person chose, without the paths that they chose it by. */
const settingsOf = (manifest: Manifest.Any) => ({
  program: manifest.program.digest,
  modules: Object.fromEntries(manifest.modules.map(({ path, digest }) => [path, digest])),
  arguments: manifest.arguments,
  trace: manifest.trace,
  seeds: manifest.seeds,
  classes: manifest.classes,
  encoders: Object.fromEntries(
    Object.entries(manifest.encoders).map(([modality, { name, digest, width }]) => [modality, { name, digest, width }])
  ),
  preprocessing: manifest.preprocessing,
  ...(manifest.status === "finished"
    ? {
        methods: Object.fromEntries(manifest.methods.map(({ name, settings }) => [name, settings])),
        dataset: manifest.dataset,
        selection: manifest.selection
      }
    : {})
})

const inputsOf = (manifest: Manifest.Any) =>
  manifest.status === "finished" ? Object.fromEntries(manifest.inputs.map(({ path, digest }) => [path, digest])) : {}

const environmentOf = ({ engine, trainer, code, versions, processor }: Manifest.Any) => ({
  engine,
  trainer,
  code,
  versions,
  processor
})

const between = (a: unknown, b: unknown) => JsonDifference.between(a as Digest.Json, b as Digest.Json)

/** Where artifacts differ. */
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

const metrics = ["accuracy", "macroF1", "meanAveragePrecision", "calibrationError"] as const

type Outcome = Manifest.Finished["methods"][number]["trainings"][number] & { readonly method: string }

const outcomesOf = (manifest: Manifest.Any): ReadonlyMap<string, Outcome> =>
  new Map(
    manifest.status === "finished"
      ? manifest.methods.flatMap(({ name, trainings }) =>
          trainings.map((training) => [`${training.seed} ${name}`, { ...training, method: name }] as const)
        )
      : []
  )

const equal = (a: ArrayLike<unknown>, b: ArrayLike<unknown>) =>
  a.length === b.length && Array.prototype.every.call(a, (item, i) => item === b[i])

const countDifferent = (
  a: Side["predictions"],
  b: Side["predictions"],
  outcome: string
): PredictionDifference["differ"] => {
  const [labels, otherLabels, said, other] = [a["labels"], b["labels"], a[outcome], b[outcome]]
  if (labels === undefined || otherLabels === undefined || said === undefined || other === undefined) return null
  if (!equal(labels.data, otherLabels.data) || !equal(said.shape, other.shape)) return null
  const [one, two] = [Metric.predictions(said), Metric.predictions(other)]
  return one.reduce((n, predicted, i) => n + Number(predicted !== two[i]), 0)
}

/** Where two runs differ. */
export const of = (a: Side, b: Side): Compared => {
  const [ours, theirs] = [outcomesOf(a.manifest), outcomesOf(b.manifest)]
  const outcomes = [...new Set([...ours.keys(), ...theirs.keys()])].map((key) => {
    const [one, other] = [ours.get(key), theirs.get(key)]
    return { method: (one ?? other)!.method, seed: (one ?? other)!.seed, one, other }
  })
  const samples = a.predictions["labels"]?.data.length ?? 0
  return {
    settings: between(settingsOf(a.manifest), settingsOf(b.manifest)),
    inputs: between(inputsOf(a.manifest), inputsOf(b.manifest)),
    environment: between(environmentOf(a.manifest), environmentOf(b.manifest)),
    artifacts: artifactsOf(a.artifacts, b.artifacts),
    results: outcomes.flatMap(({ method, seed, one, other }) =>
      metrics.flatMap((metric) => {
        const [x, y] = [one?.[metric] ?? null, other?.[metric] ?? null]
        const difference = x === null || y === null ? null : y - x
        return x === y ? [] : [{ method, seed, metric, a: x, b: y, difference }]
      })
    ),
    predictions: outcomes.flatMap(({ method, seed, one, other }) => {
      if (one === undefined || other === undefined) return []
      const differ = countDifferent(a.predictions, b.predictions, `${slug(method)}-seed-${seed}`)
      return differ === 0 ? [] : [{ method, seed, samples, differ }]
    })
  }
}

/** Whether a comparison found nothing that differs. */
export const isSame = (compared: Compared): boolean => Object.values(compared).every(({ length }) => length === 0)
