/**
 * A replay executes a run again and compares its results with the recorded ones: artifact by artifact in program order,
 * and trainings epoch by epoch and step by step. The first artifact that differs is where the two diverge; later ones
 * depend on it.
 *
 * An artifact differs in its work (other settings, inputs or versions) or in its content (the same work, another
 * result). Different devices and libraries do not count as differences of the work: they are listed, and contents are
 * compared.
 */
import {
  type Artifact,
  ArtifactStore,
  AtomicFile,
  FileDigest,
  IoError,
  Scratch,
  type Work,
  contentOf,
  digestOf,
  ioError
} from "@igm/io"
import { type Features, Ops } from "@igm/gradient"
import { Report } from "@igm/report"
import { type Digest, Safetensors, type Tensor } from "@igm/tensor"
import { HeadTrainer, StepFingerprints } from "@igm/training"
import { Context, Effect, FileSystem, Layer, Path, Schema, Stream } from "effect"
import * as Divergence from "./Divergence.ts"
import * as JsonDifference from "./JsonDifference.ts"
import { inPairs } from "./Pairs.ts"
import type { Executed } from "../run/Runner.ts"
import { placeOf } from "../run/RunFiles.ts"
import { observe } from "../run/Run.ts"
import * as RunFolder from "../run/RunFolder.ts"
import type * as Manifest from "../run/Manifest.ts"
import * as Training from "../training/Training.ts"

/** The difference of a replayed artifact from the recorded one. */
export interface Difference {
  readonly stage: string
  readonly name: string
  /** Differences of the work (settings, inputs, versions), recorded and replayed; empty if only the content differs. */
  readonly work: ReadonlyArray<JsonDifference.Difference>
  /** The files whose content differs. */
  readonly files: ReadonlyArray<string>
  /** The first difference of the trainings, if the artifact is a training and both records exist. */
  readonly divergence: Divergence.Divergence | null
  /**
   * The largest deviation of the tensors in its files, relative to the largest absolute value of each tensor; `null` if
   * its files are no tensors.
   */
  readonly deviation: number | null
  /** A remark for the user, if there is one. */
  readonly note: string | null
}

/** The result of a comparison. */
export interface Comparison {
  readonly artifacts: number
  readonly epochs: number
  readonly steps: number
  /** The differences, in program order. */
  readonly differences: ReadonlyArray<Difference>
  /** The largest deviation within the tolerance; 0 if everything was equal. */
  readonly deviation: number
}

/** Options of the comparison. */
export interface Options {
  /**
   * The tolerance: deviations up to it, relative to a tensor's largest absolute value, count as equal; 0 requires equal
   * bits.
   */
  readonly tolerance: number
}

/** Tells if a tolerance applies to a file: to tensors, but not to fingerprints of steps. */
const tensorFile = (name: string): boolean => name.endsWith(".safetensors") && name !== Training.files.steps

const tensorsIn = Effect.fnUntraced(function* (file: string) {
  const bytes = yield* AtomicFile.read(file)
  return yield* Effect.try({
    try: () => Safetensors.decode(bytes).tensors,
    catch: (cause) => new IoError({ path: file, problem: "this file is damaged", cause })
  })
})

const deviationOf = (a: { readonly [name: string]: Tensor.Tensor }, b: typeof a): number =>
  Math.max(
    0,
    ...[...new Set([...Object.keys(a), ...Object.keys(b)])].map((name) => {
      const [one, other] = [
        a[name]?.data as ArrayLike<number> | undefined,
        b[name]?.data as ArrayLike<number> | undefined
      ]
      if (one === undefined || other === undefined) return Infinity
      const most = Divergence.largest(one, other)
      const size = Divergence.largest(one, new Float64Array(one.length))
      return most === 0 ? 0 : most / size
    })
  )

/**
 * The largest deviation of the tensors in two artifacts' files; null if other files differ, except for a training's
 * records.
 */
const deviation = Effect.fnUntraced(function* (recorded: Artifact, own: Artifact, files: ReadonlyArray<string>) {
  const path = yield* Path.Path
  const ofInterest = files.filter((name) => recorded.stage !== Training.STAGE || tensorFile(name))
  if (!ofInterest.every(tensorFile)) return null
  const all = yield* Effect.forEach(ofInterest, (name) =>
    Effect.zipWith(tensorsIn(path.join(recorded.folder, name)), tensorsIn(path.join(own.folder, name)), deviationOf)
  )
  return Math.max(0, ...all)
})

const filesThatDiffer = (recorded: Artifact, own: Artifact): ReadonlyArray<string> =>
  [...new Set([...Object.keys(recorded.files), ...Object.keys(own.files)])]
    .filter((name) => recorded.files[name] !== own.files[name])
    .toSorted()

const isDigest = (value: unknown): boolean => typeof value === "string" && /^[0-9a-f]{64}$/.test(value)

/**
 * The differences of two artifacts' work, without the devices and libraries; digests of features are ignored with a
 * tolerance.
 */
const workThatDiffers = (recorded: Artifact, own: Artifact, { tolerance }: Options): Difference["work"] =>
  JsonDifference.between(
    { version: recorded.version, key: recorded.key },
    { version: own.version, key: own.key }
  ).filter(({ path, a, b }) => tolerance === 0 || !path.includes("features") || !isDigest(a) || !isDigest(b))

/** Compares one artifact with the recorded one of the same name. */
const one = Effect.fnUntraced(function* (
  used: Manifest.Used,
  recorded: Artifact | undefined,
  own: Artifact,
  options: Options
) {
  const { stage, name } = used
  const nothing = { stage, name, work: [], files: [], divergence: null, deviation: null, note: null }
  if (used.digest === own.digest && used.content === contentOf(own)) return { difference: null, deviation: 0 }
  if (recorded === undefined) {
    const note =
      "the recorded artifact is no longer in the store, or damaged: only its digests are known, and they differ"
    return { difference: { ...nothing, note } satisfies Difference, deviation: 0 }
  }
  const work = workThatDiffers(recorded, own, options)
  const files = filesThatDiffer(recorded, own)
  if (work.length === 0 && files.length === 0) {
    // The same went in and came out; but the record of the run says something else.
    if (used.content === contentOf(recorded) || options.tolerance > 0) return { difference: null, deviation: 0 }
    const note = "the artifact in the store is not the one that the run recorded"
    return { difference: { ...nothing, note } satisfies Difference, deviation: 0 }
  }
  const found = yield* deviation(recorded, own, files)
  if (work.length === 0 && found !== null && found <= options.tolerance && options.tolerance > 0) {
    return { difference: null, deviation: found }
  }
  const divergence =
    stage === Training.STAGE
      ? Divergence.between(yield* Training.read(recorded.folder), yield* Training.read(own.folder))
      : null
  return { difference: { ...nothing, work, files, divergence, deviation: found } satisfies Difference, deviation: 0 }
})

/** Compares the artifacts of a replay with those of the recorded run. */
export const compare = Effect.fn("Replay.compare")(function* (
  recorded: ReadonlyArray<Manifest.Used>,
  store: ArtifactStore["Service"],
  own: ReadonlyArray<Artifact>,
  options: Options
) {
  const differences: Array<Difference> = []
  let [largest, epochs, steps] = [0, 0, 0]
  const nothing = { work: [], files: [], divergence: null, deviation: null }
  for (const [used, artifact] of inPairs(recorded, own)) {
    const { stage, name } = (used ?? artifact)!
    if (used === undefined || artifact === undefined) {
      const note = used === undefined ? "the run recorded no work of this name" : "the replay did no work of this name"
      differences.push({ stage, name, ...nothing, note })
      continue
    }
    const found = yield* one(used, yield* store.find(stage, used.digest), artifact, options)
    if (found.difference !== null) differences.push(found.difference)
    largest = Math.max(largest, found.deviation)
    // What was taken as it was recorded is not compared with itself.
    if (stage === Training.STAGE && !artifact.reused) {
      const { events, steps: traces } = yield* Training.read(artifact.folder)
      epochs += events.filter(({ kind }) => kind === "epoch").length
      steps += Object.entries(traces).reduce((n, [key, { data }]) => n + (key.endsWith("/loss") ? data.length : 0), 0)
    }
  }
  const comparison: Comparison = { artifacts: recorded.length, epochs, steps, differences, deviation: largest }
  return comparison
})

const Json = Schema.fromJsonString(Schema.Json)

/**
 * The differences of a JSON file in a run's folder from another content; empty for files of other formats and for
 * missing files.
 */
const within = Effect.fnUntraced(function* (folder: string, file: string, own: string | Uint8Array) {
  if (!file.endsWith(".json") || typeof own !== "string") return []
  const [a, b] = yield* Effect.all([
    Effect.map(AtomicFile.read(`${folder}/${file}`), (bytes) => new TextDecoder().decode(bytes)).pipe(
      Effect.flatMap(Schema.decodeEffect(Json))
    ),
    Schema.decodeEffect(Json)(own)
  ]).pipe(Effect.orElseSucceed(() => [null, null]))
  const found = JsonDifference.between(a as Digest.Json, b as Digest.Json)
  return found.map((difference) => ({ ...difference, path: [file, ...difference.path] }))
})

/**
 * The differences of a replay's results from those in a run's folder: the data of the report, and the files that the
 * program attached. `null` if there are none.
 */
export const results = Effect.fn("Replay.results")(function* (
  folder: string,
  recorded: Manifest.Finished,
  { report, attached }: Pick<Executed, "report" | "attached">
) {
  const digests = RunFolder.digestsOf(attached)
  const files = Object.keys(digests).filter((file) => recorded.files[file] !== digests[file])
  if (recorded.report === RunFolder.dataDigest(report) && files.length === 0) return null
  const before = yield* RunFolder.readReport(folder)
  const inReport = JsonDifference.between(Report.data(before) as Digest.Json, Report.data(report) as Digest.Json)
  const inFiles = yield* Effect.forEach(files, (file) => within(folder, file, attached[file]!))
  const work = [...inReport, ...inFiles.flat()]
  const found: Difference = {
    stage: "results",
    name: "the report, and the files that the program left",
    work,
    files,
    divergence: null,
    deviation: null,
    note: null
  }
  return found
})

/** The differences of two runs' environments: program, arguments, code, versions, engine, device, processor. */
export const surroundings = (recorded: Manifest.Any, own: Manifest.Any): ReadonlyArray<JsonDifference.Difference> => {
  const of = (manifest: Manifest.Any): Digest.Json => ({
    program: manifest.program.digest,
    modules: Object.fromEntries(manifest.modules.map(({ path, digest }) => [path, digest])),
    ...rest(manifest)
  })
  const rest = ({ arguments: given, code, versions, processor, heads, encoders }: Manifest.Any) => ({
    arguments: given as { readonly [name: string]: Digest.Json },
    code: { ...code },
    versions: { ...versions },
    processor,
    heads: heads && {
      engine: heads.engine,
      device: heads.device,
      name: heads.name,
      precision: heads.precision,
      threads: heads.threads
    },
    encoders: encoders && { provider: encoders.provider, device: encoders.device }
  })
  return JsonDifference.between(of(recorded), of(own))
}

/** The input files of a run that are missing, and those whose contents have changed. */
export const inputs = Effect.fn("Replay.inputs")(function* (
  folder: string,
  { program, modules, inputs }: Manifest.Finished
) {
  const path = yield* Path.Path
  const states = yield* Effect.forEach([program, ...modules, ...inputs], (input) => {
    const file = placeOf(path, folder, input.path)
    return FileDigest.of(file).pipe(
      Effect.map((digest) => ({ file, state: digest === input.digest ? "same" : "changed" })),
      Effect.orElseSucceed(() => ({ file, state: "missing" }))
    )
  })
  const of = (wanted: string) => states.flatMap(({ file, state }) => (state === wanted ? [file] : []))
  return { count: states.length, missing: of("missing"), changed: of("changed") }
})

/** The artifacts before a stage, or before the work of that name; undefined if there is neither. */
export const before = (
  artifacts: ReadonlyArray<Manifest.Used>,
  from: string
): ReadonlyArray<Manifest.Used> | undefined => {
  const at = artifacts.findIndex(({ stage, name }) => stage === from || name === from)
  return at < 0 ? undefined : artifacts.slice(0, at)
}

/**
 * A store for a replay: the given artifacts are taken from the run's store, and all others are computed again in a
 * temporary store, which is removed with the scope.
 */
export const layerStore = (given: ReadonlyArray<Manifest.Used>) =>
  Layer.effect(
    ArtifactStore,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const store = yield* ArtifactStore
      const reused = new Set(given.map(({ digest }) => digest))
      // A store that may not be written, as a colleague's, is replayed beside the machine's other temporary files.
      const folder = yield* Scratch.make(store.folder, "igm replay").pipe(
        Effect.catch(() => fs.makeTempDirectoryScoped({ prefix: "igm-replay-" })),
        Effect.mapError(ioError(store.folder, "write into this folder"))
      )
      const scratch = Context.get(yield* Layer.build(Layer.fresh(ArtifactStore.layer(folder))), ArtifactStore)
      // What the program asks for is noted, as in a run.
      return observe({
        folder,
        // An artifact that is taken as it was recorded may be referred to.
        find: Effect.fnUntraced(function* (stage, digest) {
          const own = yield* scratch.find(stage, digest)
          return own ?? (reused.has(digest) ? yield* store.find(stage, digest) : undefined)
        }),
        put: scratch.put,
        getOrMake: <E, R>(work: Work, make: (scratch: string) => Effect.Effect<void, E, R>) =>
          Effect.gen(function* () {
            const digest = digestOf(work)
            const found = reused.has(digest) ? yield* store.find(work.stage, digest) : undefined
            return found === undefined
              ? yield* scratch.getOrMake(work, make)
              : { ...found, name: work.name ?? work.stage }
          })
      })
    })
  )

/** The result of repeating the step at which a training diverged from the recorded one. */
export interface Again {
  /** The side whose recorded state the repeated step reproduces. */
  readonly agrees: "recorded" | "replayed" | "both" | "neither"
  /** The largest absolute change that the step makes, for each tensor that differs. */
  readonly moved: { readonly [tensor: string]: number }
}

/** Repeats the step at which two traced trainings diverge, from the replay's state before it. */
export const again = Effect.fn("Replay.again")(function* (
  task: Training.Task<Features.Dims>,
  { epoch, tensors }: Divergence.Divergence,
  step: number,
  recorded: Divergence.Record,
  own: Divergence.Record
) {
  const trainer = yield* HeadTrainer
  const { method } = task
  const job = Training.jobOf(task)
  const cursors = yield* trainer.train(method, job).pipe(
    Stream.filter((event) => event.kind === "checkpoint" && event.cursor.epoch === epoch - 1),
    Stream.take(epoch === 1 ? 0 : 1),
    Stream.runCollect
  )
  const cursor = cursors.flatMap((event) => (event.kind === "checkpoint" ? [event.cursor] : []))[0] ?? method.start(job)
  const before = yield* trainer.steps(method, job, cursor, step - 1)
  const after = yield* trainer.steps(method, job, cursor, step)
  const prints = StepFingerprints.fingerprints(after, trainer.info.precision)
  const agreesWith = ({ steps }: Divergence.Record) =>
    tensors.every((name) => steps[Training.traceName(epoch, name)]?.data[step - 1] === prints[name])
  const [one, other] = [agreesWith(recorded), agreesWith(own)]
  const found: Again = {
    agrees: one ? (other ? "both" : "recorded") : other ? "replayed" : "neither",
    moved: Object.fromEntries(
      tensors.map((name) => [name, Divergence.largest(Ops.get(before, name).data, Ops.get(after, name).data)])
    )
  }
  return found
})
