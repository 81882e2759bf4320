/**
 * A replay executes a run again and holds what it makes to what the run recorded: artifact by artifact in the order of
 * the program, and trainings epoch by epoch and step by step. The first artifact that differs is where the two part; what
 * comes after it depends on it.
 *
 * An artifact differs in its work (other settings, inputs, versions went in) or in its content (the same went in, something
 * else came out). What it ran on is not held against it: other devices and libraries are listed, and contents compared.
 */
import {
  type Artifact,
  ArtifactStore,
  AtomicFile,
  FileDigest,
  IoError,
  Scratch,
  contentOf,
  digestOf,
  ioError
} from "@igm/io"
import { type Features, type Method, Ops } from "@igm/gradient"
import { type Digest, Safetensors, type Tensor } from "@igm/tensor"
import { HeadTrainer, Traced } from "@igm/training"
import { Context, Effect, FileSystem, Layer, Path, Stream } from "effect"
import * as Divergence from "./Divergence.ts"
import * as JsonDifference from "./JsonDifference.ts"
import { inPairs } from "./Pairs.ts"
import type { Result } from "./Pipeline.ts"
import { placeOf } from "./RunFiles.ts"
import * as RunFolder from "./RunFolder.ts"
import * as Manifest from "./Manifest.ts"
import * as Training from "./Training.ts"

/** How an artifact of the replay differs from the recorded one. */
export interface Difference {
  readonly stage: string
  readonly name: string
  /** What went in: the paths that differ, recorded and replayed. Empty if only what came out differs. */
  readonly work: ReadonlyArray<JsonDifference.Difference>
  /** The files whose content differs. */
  readonly files: ReadonlyArray<string>
  /** Where the trainings part, if it is one, and both are there. */
  readonly divergence: Divergence.Divergence | null
  /** The largest difference of the numbers in its files, relative to the largest number of each tensor, where they are tensors. */
  readonly deviation: number | null
  /** What else is to be said. */
  readonly note: string | null
}

/** What a comparison found. */
export interface Comparison {
  readonly artifacts: number
  readonly epochs: number
  readonly steps: number
  /** In the order of the program. */
  readonly differences: ReadonlyArray<Difference>
  /** The largest deviation that was within the tolerance; 0 if all was equal. */
  readonly deviation: number
}

/** How artifacts are compared. */
export interface Options {
  /** Deviations up to this one, relative to the largest number of a tensor, count as equal; 0 compares bits. */
  readonly tolerance: number
}

/** Files of numbers that a tolerance applies to; fingerprints are none. */
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

/** The largest deviation of the tensors in two artifacts' files; null if other files differ, but for a training's records. */
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

/** What went into two artifacts and differs, but for what they ran on; with a tolerance, features may differ. */
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

/** Compares what a replay made with what a run recorded. */
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

/** How the results of a run that was replayed differ: what its manifest says of them, and the files that hold them. */
export const results = (recorded: Manifest.Finished, result: Result, own: Manifest.Finished): Difference | null => {
  const work = JsonDifference.between(Manifest.resultsOf(recorded), Manifest.resultsOf(own))
  const contents = RunFolder.digestsOf(RunFolder.contentsOf(result))
  const files = Object.keys(contents).filter((file) => recorded.files[file] !== contents[file])
  if (work.length === 0 && files.length === 0) return null
  const [stage, name] = ["results", "what the run's folder says of its results"]
  return { stage, name, work, files, divergence: null, deviation: null, note: null }
}

/** What differs in the surroundings of two runs: program, arguments, code, versions, engine, device, processor. */
export const surroundings = (recorded: Manifest.Any, own: Manifest.Any): ReadonlyArray<JsonDifference.Difference> => {
  const of = (manifest: Manifest.Any): Digest.Json => ({
    program: manifest.program.digest,
    modules: Object.fromEntries(manifest.modules.map(({ path, digest }) => [path, digest])),
    ...rest(manifest)
  })
  const rest = ({ arguments: given, code, versions, processor, trainer }: Manifest.Any) => ({
    arguments: { ...given },
    code: { ...code },
    versions: { ...versions },
    processor,
    trainer: {
      engine: trainer.engine,
      device: trainer.device,
      name: trainer.name,
      precision: trainer.precision,
      threads: trainer.threads
    }
  })
  return JsonDifference.between(of(recorded), of(own))
}

/** The files that a run read and that are gone, and those that are others now. */
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

/** The artifacts before a stage, or before the piece of work of that name; undefined if there is neither. */
export const before = (
  artifacts: ReadonlyArray<Manifest.Used>,
  from: string
): ReadonlyArray<Manifest.Used> | undefined => {
  const at = artifacts.findIndex(({ stage, name }) => stage === from || name === from)
  return at < 0 ? undefined : artifacts.slice(0, at)
}

/**
 * A store for a replay: what is given is taken from the store of the run, everything else is made anew in a scratch store,
 * which is removed with the scope.
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
      return ArtifactStore.of({
        folder,
        find: scratch.find,
        put: scratch.put,
        getOrMake: (work, make) =>
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

/** What a training does once more at the place where it parted from the recorded one. */
export interface Again {
  /** Whether the repeated step leaves what the run recorded, what the replay had, or neither. */
  readonly agrees: "recorded" | "replayed" | "both" | "neither"
  /** The largest change of a number that the step makes, by the tensors that differ. */
  readonly moved: { readonly [tensor: string]: number }
}

/** Runs the step again at which two traced trainings part, from where the replay stood before it. */
export const again = Effect.fn("Replay.again")(function* (
  method: Method.Method<Features.Dims>,
  job: Method.Job<Features.Dims>,
  { epoch, tensors }: Divergence.Divergence,
  step: number,
  recorded: Divergence.Record,
  own: Divergence.Record
) {
  const trainer = yield* HeadTrainer
  const cursors = yield* trainer.train(method, job).pipe(
    Stream.filter((event) => event.kind === "checkpoint" && event.cursor.epoch === epoch - 1),
    Stream.take(epoch === 1 ? 0 : 1),
    Stream.runCollect
  )
  const cursor = cursors.flatMap((event) => (event.kind === "checkpoint" ? [event.cursor] : []))[0] ?? method.start(job)
  const before = yield* trainer.steps(method, job, cursor, step - 1)
  const after = yield* trainer.steps(method, job, cursor, step)
  const prints = Traced.fingerprints(after, trainer.about.precision)
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
