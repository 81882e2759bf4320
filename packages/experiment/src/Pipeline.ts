/**
 * What an experiment does: it prepares the data, encodes each split and modality, chooses settings by cross-validation where the
 * experiment asks for it, trains each method with each seed, and lets the trained heads predict the test split. Whatever
 * is stored already is reused.
 */
import { type Dataset, DecodeThreads, MediaError } from "@igm/datasets"
import { Encoder, FeatureStore } from "@igm/encoders"
import { type Features, type Method, Metric, type Ops } from "@igm/gradient"
import { type Artifact, Progress } from "@igm/io"
import { Digest, Keyed, type Name, type Setting, Split, type Tensor } from "@igm/tensor"
import { HeadTrainer, Weights } from "@igm/training"
import { Effect, type FileSystem, type Scope } from "effect"
import { availableParallelism } from "node:os"
import * as Checks from "./Checks.ts"
import * as CrossValidation from "./CrossValidation.ts"
import * as Experiments from "./Experiment.ts"
import * as Standings from "./Standings.ts"
import * as Training from "./Training.ts"

type Dims = Features.Dims

/** A method's training with one seed, and what its heads say about the test split. */
export interface Outcome extends Training.Trained {
  readonly seed: number
  /** Logits by head and fused probabilities of the test split (n × classes). */
  readonly said: Method.Prediction<Method.HostTensor>
  readonly metrics: Metric.Metrics
}

/** The result of a run. */
export interface Result {
  readonly experiment: Experiments.Experiment<Dims>
  readonly prepared: Dataset.Prepared<string>
  readonly features: { readonly [S in Split.Split]: Features.Features<S, Dims> }
  /** The table and the choice of the cross-validation, if there was one. */
  readonly standings: Standings.Standings | null
  readonly methods: ReadonlyArray<{ readonly method: Method.Method<Dims>; readonly outcomes: ReadonlyArray<Outcome> }>
  /** All artifacts that the run used, in order. */
  readonly artifacts: ReadonlyArray<Artifact>
  /** The digest of all features, and of all final weights. */
  readonly featuresDigest: Digest.Digest
  readonly weightsDigest: Digest.Digest
}

/** Samples of a split from which on threads are worth their start. */
const MANY = 256

/** Numbers of a batch of large samples, such as clips: 64 MB of them. */
const LARGE = 2 ** 24

/** How many samples are encoded at a time, by the size of one, as far as it is known. */
const batchOf = ({ shape }: Pick<Dataset.Preprocess, "shape">): number | undefined => {
  if (!Array.isArray(shape)) return undefined
  const size = (shape as Dataset.Shape).reduce<number>((total, n) => total * (typeof n === "number" ? n : 1), 1)
  return 32 * size <= LARGE ? undefined : Math.max(1, Math.floor(LARGE / size))
}

/** Says of media that cannot be prepared which sample they are, and where it is annotated. */
const atRow =
  ({ id, at }: Dataset.Sample<string>) =>
  ({ path, problem, cause }: MediaError): MediaError => {
    const row = at === undefined ? "" : `, ${at.path}:${at.line}`
    return new MediaError({ path, problem: `${problem} (sample ${id}${row})`, cause })
  }

type Load = (
  source: Dataset.Source,
  stream: Keyed.Path
) => Effect.Effect<Dataset.Tensors, MediaError, FileSystem.FileSystem | Scope.Scope>

/** The rows of features that a sample has: its views, or itself. */
const seenAs = (sample: Dataset.Sample<string>, views: Experiments.Views<string> | undefined) => {
  const { id } = sample
  if (views === undefined) return [{ sample, id, stream: [] }]
  return Array.from({ length: views.count }, (_, view) => ({
    sample,
    id: `${id}, view ${view + 1}`,
    stream: Experiments.streamOf(views, id, view)
  }))
}

/** A check that throws, as an effect that fails. */
const checked = (check: () => void) =>
  Effect.try({
    try: check,
    catch: (cause) => cause as Experiments.ExperimentError | Name.NameError | Setting.SettingError
  })

/** The features of an experiment's samples: what is not stored is prepared and encoded. */
export const encode = Effect.fn("Pipeline.encode")(function* (experiment: Experiments.Experiment<Dims>) {
  const { dataset, encoders } = experiment
  // A damaged encoder is found before anything is made.
  yield* Effect.forEach(Object.values(encoders), (encoder) => Encoder.check(encoder), { discard: true })
  const prepared = yield* dataset.prepare
  if (experiment.tuned === undefined) {
    const rows = prepared.samples("train").length * (experiment.views?.count ?? 1)
    yield* checked(() => Checks.batches(experiment, experiment.methods, rows))
  }
  const artifacts: Array<Artifact> = [...prepared.artifacts]

  const threadsOf = ({ place }: Pick<Dataset.Preprocess, "place">) =>
    place === undefined ? Effect.undefined : DecodeThreads.make(place, { threads: availableParallelism() })
  const decoders: Record<string, DecodeThreads.Decode | undefined> = {}
  for (const modality of Object.keys(encoders)) decoders[modality] = yield* threadsOf(dataset.modalities[modality]!)

  const featuresOf = Effect.fnUntraced(function* <S extends Split.Split>(split: S) {
    const views = split === "train" ? experiment.views : undefined
    const seen = prepared.samples(split).flatMap((sample) => seenAs(sample, views))
    const samples = seen.map(({ sample }) => sample)
    const modalities: Record<string, Tensor.Tensor<"float32">> = {}
    for (const [modality, encoder] of Object.entries(encoders)) {
      const drawn = views?.of[modality]
      const preprocess = drawn ?? dataset.modalities[modality]!
      const { settings } = preprocess
      const batch = batchOf(preprocess)
      const here: Load = (source, stream) => preprocess.load(source, Keyed.stream(stream))
      // Threads start when they are asked.
      const apart = drawn === undefined ? decoders[modality] : yield* threadsOf(drawn)
      const load = samples.length < MANY ? here : (apart ?? here)
      const media = samples.map((sample) => sample.media[modality]!)
      const contents = media.map(({ digest }, i) =>
        drawn === undefined ? digest : Digest.ofJson({ content: digest, stream: seen[i]!.stream })
      )
      const { features, artifact } = yield* FeatureStore.encode({
        encoder,
        label: `encode ${split} ${modality}`,
        preprocessing: settings,
        ...(batch === undefined ? {} : { batch }),
        samples: contents,
        load: (i) => load(media[i]!, seen[i]!.stream).pipe(Effect.mapError(atRow(samples[i]!)))
      })
      modalities[modality] = features
      artifacts.push(artifact)
    }
    const features: Features.Features<S, Dims> = {
      split,
      widths: Object.fromEntries(Object.entries(encoders).map(([modality, { width }]) => [modality, width])),
      classes: dataset.classes.length,
      ids: seen.map(({ id }) => id),
      labels: Int32Array.from(samples, ({ label }) => label),
      modalities
    }
    return features
  })
  const features = {
    train: yield* featuresOf("train"),
    valid: yield* featuresOf("valid"),
    test: yield* featuresOf("test")
  }
  return { prepared, features, artifacts }
}, Effect.scoped)

/** The methods of an experiment, with what a cross-validation found where they depend on its choice. */
const settle = Effect.fn("Pipeline.settle")(function* (
  experiment: Experiments.Experiment<Dims>,
  { prepared, features }: Pick<Result, "prepared" | "features">
) {
  if (experiment.tuned === undefined) return { methods: experiment.methods, standings: null, artifacts: [] }
  const groups = (split: "train" | "valid") => {
    const views = split === "train" ? experiment.views : undefined
    return prepared.samples(split).flatMap((sample) => seenAs(sample, views).map(() => sample.group))
  }
  const { train, valid } = features
  const data = { train, valid, groups: { train: groups("train"), valid: groups("valid") } }
  const { standings, artifact } = yield* CrossValidation.run(experiment.tuned, data)
  const methods = experiment.methods(Standings.choice(standings))
  yield* checked(() => Checks.methods(experiment, methods))
  return { methods, standings, artifacts: [artifact] }
})

/** Runs an experiment. */
export const run = Effect.fn("Pipeline.run")(function* (experiment: Experiments.Experiment<Dims>) {
  const { seeds } = experiment
  const { prepared, features, artifacts } = yield* encode(experiment)
  const { methods, standings, artifacts: chosen } = yield* settle(experiment, { prepared, features })
  artifacts.push(...chosen)

  const results = yield* Effect.scoped(
    Effect.gen(function* () {
      const trainer = yield* HeadTrainer
      const total = methods.reduce((epochs, method) => epochs + method.epochs * seeds.length, 0)
      const advance = yield* (yield* Progress).bar("train heads, epochs", total)
      const tasks = methods.flatMap((method) => seeds.map((seed) => ({ method, seed })))
      const outcomes = yield* Effect.forEach(
        tasks,
        Effect.fnUntraced(function* ({ method, seed }) {
          const job = { seed, train: features.train, select: features.valid }
          const trained = yield* Training.train(method, job, advance)
          const said = yield* trainer.predict(method, trained.weights, features.test.modalities)
          const metrics = yield* Metric.score(features.test.labels, said.probabilities)
          const outcome: Outcome = { ...trained, seed, said, metrics }
          return outcome
        }),
        { concurrency: trainer.about.threads }
      )
      artifacts.push(...outcomes.map(({ artifact }) => artifact))
      return methods.map((method, i) => ({
        method,
        outcomes: outcomes.slice(i * seeds.length, (i + 1) * seeds.length)
      }))
    })
  )

  const result: Result = {
    experiment,
    prepared,
    features,
    standings,
    methods: results,
    artifacts,
    featuresDigest: Digest.ofJson(Split.all.map((split) => Digest.ofTensors(features[split].modalities))),
    weightsDigest: Digest.ofJson(
      results.flatMap(({ outcomes }) => outcomes.map(({ weights }) => Digest.ofTensors(Weights.stored(weights))))
    )
  }
  return result
})

/** The tensors of one kind of each outcome, by the outcome's file name. */
export const byOutcome = <A>(result: Pick<Result, "methods">, f: (outcome: Outcome) => A): Ops.Named<A> =>
  Object.fromEntries(
    result.methods.flatMap(({ method, outcomes }) =>
      outcomes.map((outcome) => [`${Experiments.slug(method.name)}-seed-${outcome.seed}`, f(outcome)] as const)
    )
  )
