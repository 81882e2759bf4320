/**
 * Encoding: frozen encoders turn the samples of a data set into features, a table for each split and modality. Stored
 * features are not computed again. Training samples may be augmented: each has several views, drawn from random streams
 * that are keyed by the sample and the number of the view.
 */
import type { Dataset } from "@igm/datasets"
import { Encoder, FeatureIndex, FeatureStore } from "@igm/encoders"
import type { Features } from "@igm/gradient"
import {
  type Augmentation,
  type Decode,
  MediaDecoder,
  MediaError,
  type Preprocess,
  type Source,
  type Tensors
} from "@igm/media"
import { Digest, Keyed, type Split, type Tensor } from "@igm/tensor"
import { Effect, type FileSystem, type Scope } from "effect"
import type { Opened } from "./Data.ts"
import * as FeatureSet from "./FeatureSet.ts"
import { Run } from "../run/Run.ts"

type Dims = Features.Dims

/** Augmented views of training samples, whose features replace those of the samples themselves. */
export interface Views<M extends string> {
  /** The number of views of each sample. */
  readonly count: number
  /** The seed of the draws: equal seeds draw equal views. */
  readonly seed: number
  /** The augmentation of each modality. Modalities without one are the same in all views. */
  readonly of: { readonly [K in M]?: Augmentation }
}

/** Makes augmented views; undefined if no count is given. */
export const views = <M extends string>(
  count: number | undefined,
  drawn: Omit<Views<M>, "count">
): Views<M> | undefined => (count === undefined ? undefined : { ...drawn, count })

/** The random stream of a view of a sample; all its modalities are drawn from equal streams. */
export const streamOf = ({ seed }: Views<string>, id: string, view: number): Keyed.Path => ["view", seed, id, view]

/** Encoders by modality; `D` maps each modality to the width of its features. */
export type Encoders<D extends Dims> = { readonly [M in keyof D]: Encoder.Encoder<D[M]> }

/** Options of encoding. */
export interface Options<M extends string> {
  readonly views?: Views<M> | undefined
}

/** The number of samples of a split above which worker threads are worth their start-up time. */
const MANY = 256

/** Adds the sample's id, and the line of the annotation file, to a media error. */
const atRow =
  ({ id, at }: Dataset.Sample<string>) =>
  ({ path, problem, cause }: MediaError): MediaError => {
    const row = at === undefined ? "" : `, ${at.path}:${at.line}`
    return new MediaError({ path, problem: `${problem} (sample ${id}${row})`, cause })
  }

type Load = (
  source: Source,
  stream: Keyed.Path
) => Effect.Effect<Tensors, MediaError, FileSystem.FileSystem | MediaDecoder | Scope.Scope>

/** The rows of features of a sample: one for each view, or one for the sample itself. */
const seenAs = (sample: Dataset.Sample<string>, views: Views<string> | undefined) => {
  const { id } = sample
  if (views === undefined) return [{ sample, id, stream: [] }]
  return Array.from({ length: views.count }, (_, view) => ({
    sample,
    id: `${id}, view ${view + 1}`,
    stream: streamOf(views, id, view)
  }))
}

/** The number of rows of training features. */
export const rowsOf = (opened: Opened<string>, views: Views<string> | undefined): number =>
  opened.samples("train").length * (views?.count ?? 1)

/** Checks that the encoders equal their released versions, and records their files. */
export const check = Effect.fn("Encode.check")(function* (encoders: Encoders<Dims>) {
  const all = Object.values(encoders)
  yield* Effect.forEach(all, (encoder) => Encoder.check(encoder), { discard: true })
  yield* Run.use(({ reads }) => reads(all.map(({ file, digest }) => ({ path: file, digest: digest as Digest.Digest }))))
})

/** Encodes the splits of a data set. */
export const splits = Effect.fn("Encode.splits")(function* <D extends Dims>(
  opened: Opened<keyof D & string>,
  given: Encoders<D>,
  { views }: Options<keyof D & string> = {}
) {
  const { dataset } = opened
  // The widths have been checked against each other; from here on they are numbers.
  const encoders = given as Encoders<Dims>
  yield* check(encoders)

  const { threads } = yield* MediaDecoder
  const threadsOf = ({ place }: Pick<Preprocess, "place">) => (place === undefined ? Effect.undefined : threads(place))
  const decoders: Record<string, Decode | undefined> = {}
  const modalities: { readonly [modality: string]: Preprocess } = dataset.modalities
  for (const modality of Object.keys(encoders)) decoders[modality] = yield* threadsOf(modalities[modality]!)

  const encoded = Effect.fnUntraced(function* <S extends Split.Split>(split: S) {
    const drawing: Views<string> | undefined = split === "train" ? views : undefined
    const all: ReadonlyArray<Dataset.Sample<string>> = opened.samples(split)
    const seen = all.flatMap((sample) => seenAs(sample, drawing))
    const samples = seen.map(({ sample }) => sample)
    const tensors: Record<string, Tensor.Tensor<"float32">> = {}
    const places: Record<string, FeatureSet.Ref<S, D>["$at"]["modalities"][string]> = {}
    for (const [modality, encoder] of Object.entries(encoders)) {
      const drawn = drawing?.of[modality]
      const preprocess = drawn ?? modalities[modality]!
      const { settings } = preprocess
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
        samples: contents,
        load: (i) => load(media[i]!, seen[i]!.stream).pipe(Effect.mapError(atRow(samples[i]!)))
      })
      tensors[modality] = features
      places[modality] = { stage: artifact.stage, digest: artifact.digest, file: FeatureIndex.FILE, tensor: "features" }
    }
    const widths = Object.fromEntries(Object.entries(encoders).map(([modality, { width }]) => [modality, width]))
    const features: Features.Features<S, D> = {
      split,
      widths: widths as Dims as D,
      classes: dataset.classes.length,
      ids: seen.map(({ id }) => id),
      labels: Int32Array.from(samples, ({ label }) => label),
      modalities: tensors as Features.Features<S, D>["modalities"]
    }
    return yield* FeatureSet.stored(features, { groups: samples.map(({ group }) => group), modalities: places })
  })
  const found: FeatureSet.Splits<D> = {
    train: yield* encoded("train"),
    valid: yield* encoded("valid"),
    test: yield* encoded("test")
  }
  return found
}, Effect.scoped)
