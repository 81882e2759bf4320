/**
 * Features in the artifact store. A `Ref` identifies the features of one split by their digests, and records their
 * location in the store: stages take it as input, since a stage depends on contents and not on locations. Its type
 * includes the split and the width of each modality, so that features of the test split, or of another width, cannot be
 * passed by mistake.
 */
import type { Features } from "@igm/gradient"
import { AtomicFile, IoError } from "@igm/io"
import { Digest, Safetensors, Split, Tensor } from "@igm/tensor"
import { Effect, Schema } from "effect"
import * as ProgramOrder from "../stage/ProgramOrder.ts"
import * as Stage from "../stage/Stage.ts"
import { StageFolder } from "../stage/StageFolder.ts"

type Dims = Features.Dims

/** The location of a tensor: its name in a safetensors file of an artifact. */
const Location = Schema.Struct({
  stage: Schema.String,
  digest: Schema.String,
  file: Schema.String,
  tensor: Schema.String
})

/** Metadata of features, available without reading them. */
interface Described<S extends Split.Split, W> {
  readonly split: S
  /** The width of each modality. */
  readonly widths: W
  readonly classes: number
  /** The number of samples. */
  readonly count: number
  /** Digests of the labels, of all features, and of the samples' ids, groups and labels. */
  readonly labels: string
  readonly features: string
  readonly samples: string
  readonly $at: {
    readonly samples: { readonly stage: string; readonly digest: string }
    readonly modalities: { readonly [modality: string]: typeof Location.Type }
  }
}

/** A reference to the features of split `S`, with the widths `D`. */
export interface Ref<S extends Split.Split, D extends Dims> extends Described<S, D> {}

/** Features of a split in memory, with the samples' groups and a reference to the stored features. */
export interface FeatureSet<S extends Split.Split, D extends Dims> extends Features.Features<S, D> {
  readonly groups: ReadonlyArray<string>
  readonly ref: Ref<S, D>
}

/** The features of all splits. */
export type Splits<D extends Dims> = { readonly [S in Split.Split]: FeatureSet<S, D> }

const schema = <S extends Split.Split, D extends Dims>(
  split: Schema.Codec<S, unknown>,
  widths: Schema.Codec<D, unknown>
): Schema.Codec<Ref<S, D>, unknown> =>
  Schema.Struct({
    split,
    widths,
    classes: Schema.Int,
    count: Schema.Int,
    labels: Schema.String,
    features: Schema.String,
    samples: Schema.String,
    [Stage.PLACE]: Schema.Struct({
      samples: Schema.Struct({ stage: Schema.String, digest: Schema.String }),
      modalities: Schema.Record(Schema.String, Location)
    })
  })

const widthsOf = <const D extends Dims>(widths: D): Schema.Codec<D, unknown> => {
  const fields = Object.entries(widths).map(([modality, width]) => [modality, Schema.Literal(width)] as const)
  return Schema.Struct(Object.fromEntries(fields)) as Schema.Codec<Dims, unknown> as Schema.Codec<D, unknown>
}

/**
 * The schema of references to features of one or several splits with these widths, for the input or output of a stage.
 */
export const ref = <const S extends Split.Split, const D extends Dims>(
  splits: S | ReadonlyArray<S>,
  widths: D
): Schema.Codec<Ref<S, D>, unknown> =>
  schema(Schema.Literals(typeof splits === "string" ? [splits] : splits), widthsOf(widths))

/** The schema of references to features of one or several splits with any widths. */
export const anyRef = <const S extends Split.Split>(
  splits: S | ReadonlyArray<S>
): Schema.Codec<Ref<S, Dims>, unknown> =>
  schema(
    Schema.Literals(typeof splits === "string" ? [splits] : splits),
    Schema.Record(Schema.String, Schema.Int) as Schema.Codec<Dims, unknown>
  )

/** The ids, labels and groups of samples. */
const Samples = Schema.Struct({
  ids: Schema.Array(Schema.String),
  labels: Schema.Array(Schema.Int),
  groups: Schema.Array(Schema.String)
})

const SamplesText = Schema.fromJsonString(Samples)

const [SAMPLES, FEATURES] = ["samples.json", "features.safetensors"]

/** Stores the ids, labels and groups of a split's samples. */
const samplesOf = Effect.fnUntraced(function* (split: Split.Split, samples: typeof Samples.Type) {
  const { ids, labels, groups } = samples
  const content = Digest.ofJson([[...ids], [...labels], [...groups]])
  const stage = Stage.make("samples", {
    version: 1,
    input: Schema.Struct({ content: Schema.String }),
    output: Schema.Struct({ count: Schema.Int }),
    run: Effect.fnUntraced(function* () {
      const { folder } = yield* StageFolder
      const text = yield* Effect.orDie(Schema.encodeEffect(SamplesText)(samples))
      yield* AtomicFile.write(`${folder}/${SAMPLES}`, `${text}\n`)
      return { count: ids.length }
    })
  })
  const { artifact } = yield* stage.stored({ content }, { name: `samples ${split}` })
  return { content, stage: artifact.stage, digest: artifact.digest }
})

/** Makes a feature set from features in memory whose tensors are already in the store. */
export const stored = Effect.fn("FeatureSet.stored")(function* <S extends Split.Split, D extends Dims>(
  features: Features.Features<S, D>,
  {
    groups,
    modalities
  }: { readonly groups: ReadonlyArray<string>; readonly modalities: Ref<S, D>["$at"]["modalities"] }
) {
  const { split, widths, classes, ids, labels } = features
  const { content, stage, digest } = yield* samplesOf(split, { ids, labels: Array.from(labels), groups })
  const ref: Ref<S, D> = {
    split,
    widths,
    classes,
    count: ids.length,
    labels: Digest.ofTensor(Tensor.int32([labels.length], labels)),
    features: Digest.ofTensors(features.modalities),
    samples: content,
    $at: { samples: { stage, digest }, modalities }
  }
  const set: FeatureSet<S, D> = { ...features, groups, ref }
  return set
})

/** The stage that made the features of each modality. */
export const madeBy = ({ ref }: { readonly ref: Ref<Split.Split, Dims> }): { readonly [modality: string]: string } =>
  Object.fromEntries(Object.entries(ref.$at.modalities).map(([modality, { stage }]) => [modality, stage]))

/** Reads the features of a reference. Fails if they are no longer in the store. */
export const load = Effect.fn("FeatureSet.load")(function* <S extends Split.Split, D extends Dims>(ref: Ref<S, D>) {
  const { split, widths, classes, count, $at } = ref
  const read = Effect.fnUntraced(function* (at: { readonly stage: string; readonly digest: string }, name: string) {
    const path = `${yield* Stage.folderOf(at)}/${name}`
    return { path, bytes: yield* AtomicFile.read(path) }
  })
  const damaged = (path: string) => (cause: unknown) => new IoError({ path, problem: "this file is damaged", cause })
  const table = yield* read($at.samples, SAMPLES)
  const { ids, labels, groups } = yield* Schema.decodeEffect(SamplesText)(new TextDecoder().decode(table.bytes)).pipe(
    Effect.mapError(damaged(table.path))
  )
  if (ids.length !== count || labels.length !== count || groups.length !== count) {
    return yield* damaged(table.path)(`there are not ${count} samples in it`)
  }
  const modalities: Record<string, Tensor.Tensor<"float32">> = {}
  for (const [modality, width] of Object.entries(widths)) {
    const at = $at.modalities[modality]
    if (at === undefined) return yield* damaged(table.path)(`it is not said where the features of ${modality} lie`)
    const { path, bytes } = yield* read(at, at.file)
    const tensors = yield* Effect.try({ try: () => Safetensors.decode(bytes).tensors, catch: damaged(path) })
    const tensor = tensors[at.tensor]
    if (tensor?.dtype !== "float32" || tensor.shape[0] !== count || tensor.shape[1] !== width) {
      return yield* damaged(path)(`${modality} is not ${count} × ${width}`)
    }
    modalities[modality] = tensor as Tensor.Tensor<"float32">
  }
  const set: FeatureSet<S, D> = {
    split,
    widths,
    classes,
    ids,
    labels: Int32Array.from(labels),
    groups,
    modalities: modalities as FeatureSet<S, D>["modalities"],
    ref
  }
  return set
})

/**
 * Writes features (n × width, float32, for each modality) into the folder of the running stage and gives the reference
 * to them. They belong to the same samples as `of` and may have other widths.
 */
export const save = Effect.fn("FeatureSet.save")(function* <S extends Split.Split, const E extends Dims>(
  of: Ref<S, Dims>,
  widths: E,
  modalities: { readonly [M in keyof E]: Tensor.Tensor<"float32"> }
) {
  const { stage, digest, folder } = yield* StageFolder
  const all: { readonly [modality: string]: Tensor.Tensor<"float32"> } = modalities
  const path = `${folder}/${of.split}-${FEATURES}`
  const unknown = Object.keys(all).find((modality) => !(modality in widths))
  if (unknown !== undefined) {
    return yield* new IoError({ path, problem: `it is not said how wide the features of ${unknown} are` })
  }
  for (const [modality, width] of Object.entries(widths)) {
    const { shape = [], data = [] } = all[modality] ?? {}
    const problem =
      shape.length !== 2 || shape[0] !== of.count || shape[1] !== width
        ? `the features of ${modality} are ${shape.join(" × ")}, and there are ${of.count} samples of ${width} each`
        : Array.prototype.every.call(data, Number.isFinite)
          ? undefined
          : `the features of ${modality} are not all finite`
    if (problem !== undefined) return yield* new IoError({ path: `the stage ${stage}`, problem })
  }
  yield* AtomicFile.write(path, Safetensors.encode(all))
  const at = (tensor: string) => ({ stage, digest, file: `${of.split}-${FEATURES}`, tensor })
  const ref: Ref<S, E> = {
    ...of,
    widths,
    features: Digest.ofTensors(all),
    $at: { ...of.$at, modalities: Object.fromEntries(Object.keys(all).map((modality) => [modality, at(modality)])) }
  }
  return ref
})

/** Applies a stage to the reference of each split and loads the resulting features; the splits run concurrently. */
export const map = Effect.fn("FeatureSet.map")(function* <D extends Dims, E extends Dims, F, R>(
  splits: Splits<D>,
  make: (ref: Ref<Split.Split, D>) => Effect.Effect<Ref<Split.Split, E>, F, R>
) {
  const refs = yield* ProgramOrder.all(Split.all.map((split) => make(splits[split].ref)))
  const one = <S extends Split.Split>(split: S) => load<S, E>({ ...refs[Split.all.indexOf(split)]!, split })
  const made: Splits<E> = { train: yield* one("train"), valid: yield* one("valid"), test: yield* one("test") }
  return made
})
