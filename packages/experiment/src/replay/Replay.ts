/**
 * A replay executes a run again and compares its results with the recorded ones: artifact by artifact in program order,
 * and trainings epoch by epoch and step by step. The first artifact that differs is where the two diverge; later ones
 * depend on it.
 *
 * An artifact differs in its work (other settings, inputs or versions) or in its content (the same work, another
 * result). Different devices and libraries do not count as differences of the work: they are listed, and contents are
 * compared.
 */
import { type Artifact, type ArtifactStore, AtomicFile, IoError, contentOf } from "@igm/io"
import { Safetensors, type Tensor } from "@igm/tensor"
import { Effect, Path } from "effect"
import type * as Manifest from "../run/Manifest.ts"
import * as Training from "../training/Training.ts"
import * as Divergence from "./Divergence.ts"
import * as JsonDifference from "./JsonDifference.ts"
import { inPairs } from "./Pairs.ts"

export { type Again, again } from "./RepeatedStep.ts"
export { before, layerStore } from "./ReplayStore.ts"
export { results } from "./ResultsDifference.ts"
export { inputs, surroundings } from "./Surroundings.ts"

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
