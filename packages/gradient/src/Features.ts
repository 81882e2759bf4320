/** Features that frozen encoders made of the samples of one split, with the modalities and their widths in the type. */
import { type Split, Tensor } from "@igm/tensor"

/** The width of each modality's features. */
export type Dims = { readonly [modality: string]: number }

/** Features (n × width for each modality) and labels of the samples of a split. */
export interface Features<S extends Split.Split, D extends Dims> {
  readonly split: S
  readonly widths: D
  readonly classes: number
  readonly ids: ReadonlyArray<string>
  readonly labels: Int32Array
  readonly modalities: { readonly [M in keyof D]: Tensor.Tensor<"float32"> }
}

/** Selects rows of features (indices from 0); the result may be declared to be another split. */
export const takeRows = <S extends Split.Split, T extends Split.Split, D extends Dims>(
  features: Features<S, D>,
  rows: ArrayLike<number>,
  split: T = features.split as Split.Split as T
): Features<T, D> => {
  const indices = Array.from(rows)
  const modalities = Object.entries<Tensor.Tensor<"float32">>(features.modalities)
  return {
    ...features,
    split,
    ids: indices.map((i) => features.ids[i]!),
    labels: Int32Array.from(indices, (i) => features.labels[i]!),
    modalities: Object.fromEntries(
      modalities.map(([name, tensor]) => [name, Tensor.takeRows(tensor, indices)])
    ) as Features<T, D>["modalities"]
  }
}

/** Memoizes a function by the identity of its features and a key. */
const remembered = <A>(make: (features: Features<Split.Split, Dims>, key: string) => A) => {
  const known = new WeakMap<object, Map<string, A>>()
  return (features: object, key: string): A => {
    const found = known.get(features) ?? new Map<string, A>()
    known.set(features, found)
    const value = found.get(key) ?? make(features as Features<Split.Split, Dims>, key)
    found.set(key, value)
    return value
  }
}

/**
 * Concatenates the features of modalities (n × the sum of the widths). Memoized, so that jobs on the same features
 * share the tensor.
 */
export const sideBySide = <S extends Split.Split, D extends Dims>(
  features: Features<S, D>,
  modalities: ReadonlyArray<keyof D & string>
): Tensor.Tensor<"float64"> => joined(features, JSON.stringify(modalities))

const joined = remembered((features, key) => {
  const parts = (JSON.parse(key) as ReadonlyArray<string>).map((modality) => features.modalities[modality]!)
  const widths = parts.map((part) => part.shape[1]!)
  const width = widths.reduce((a, b) => a + b, 0)
  const out = new Float64Array(features.labels.length * width)
  let offset = 0
  parts.forEach((part, n) => {
    for (let i = 0; i < features.labels.length; i++) {
      out.set(part.data.subarray(i * widths[n]!, (i + 1) * widths[n]!), i * width + offset)
    }
    offset += widths[n]!
  })
  return Tensor.float64([features.labels.length, width], out)
})

/** One-hot labels of features (n × classes), memoized. */
export const targetsOf = (
  features: Pick<Features<Split.Split, Dims>, "labels" | "classes">
): Tensor.Tensor<"float64"> => targets(features, "")

const targets = remembered(({ labels, classes }) => oneHot(labels, classes))

/** One-hot labels (n × classes). */
export const oneHot = (labels: ArrayLike<number>, classes: number): Tensor.Tensor<"float64"> => {
  const out = new Float64Array(labels.length * classes)
  for (let i = 0; i < labels.length; i++) out[i * classes + labels[i]!] = 1
  return Tensor.float64([labels.length, classes], out)
}
