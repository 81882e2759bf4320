/** Features as tests have them: drawn, and in memory or in a store. */
import type { Features } from "@igm/gradient"
import { AtomicFile } from "@igm/io"
import { Digest, Keyed, Safetensors, type Split, Tensor } from "@igm/tensor"
import { Effect, Schema } from "effect"
import { FeatureSet, Stage, StageFolder } from "../src/index.ts"

type Dims = Features.Dims

/** Features whose reference says what they are, and names no place where they lie. */
export const setOf = <S extends Split.Split, D extends Dims>(
  features: Features.Features<S, D>,
  groups: ReadonlyArray<string>
): FeatureSet.FeatureSet<S, D> => {
  const { split, widths, classes, ids, labels, modalities } = features
  const ref: FeatureSet.Ref<S, D> = {
    split,
    widths,
    classes,
    count: ids.length,
    labels: Digest.ofTensor(Tensor.int32([labels.length], labels)),
    features: Digest.ofTensors(modalities),
    samples: Digest.ofJson([[...ids], [...labels], [...groups]]),
    $at: { samples: { stage: "none", digest: "none" }, modalities: {} }
  }
  return { ...features, groups, ref }
}

/** Drawn features of so many samples, whose classes can be told apart. */
export const drawn = <S extends Split.Split, const D extends Dims>(
  split: S,
  widths: D,
  { count, classes }: { readonly count: number; readonly classes: number }
): Features.Features<S, D> => {
  const stream = Keyed.stream(["fixture", split])
  const labels = Int32Array.from({ length: count }, (_, i) => i % classes)
  const table = (width: number) =>
    Tensor.float32(
      [count, width],
      Array.from({ length: count * width }, (_, i) =>
        Math.fround(Keyed.normal(stream) + (i % width === labels[Math.floor(i / width)] ? 2 : 0))
      )
    )
  const modalities = Object.fromEntries(Object.entries<number>(widths).map(([name, width]) => [name, table(width)]))
  const ids = Array.from(labels, (_, i) => `${split}-${i}`)
  return { split, widths, classes, ids, labels, modalities: modalities as Features.Features<S, D>["modalities"] }
}

/** Puts features into the store, by a stage of one's own. */
export const stored = Effect.fnUntraced(function* <S extends Split.Split, D extends Dims>(
  features: Features.Features<S, D>,
  groups: ReadonlyArray<string> = features.ids
) {
  const { modalities } = features
  const tables: { readonly [name: string]: Tensor.Tensor } = modalities
  const stage = Stage.make("drawn", {
    version: 1,
    input: Schema.Struct({ features: Schema.String }),
    output: Schema.Void,
    run: Effect.fnUntraced(function* () {
      const { folder } = yield* StageFolder
      yield* AtomicFile.write(`${folder}/tables.safetensors`, Safetensors.encode(tables))
    })
  })
  const { artifact } = yield* stage.stored({ features: Digest.ofTensors(modalities) }, { name: features.split })
  const places = Object.keys(tables).map((tensor) => {
    const { stage, digest } = artifact
    return [tensor, { stage, digest, file: "tables.safetensors", tensor }] as const
  })
  return yield* FeatureSet.stored(features, { groups, modalities: Object.fromEntries(places) })
})
