/** Features of one split: what frozen encoders made of its samples, with the modalities and their widths in the type. */
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

/** The features of several modalities side by side, in double precision (n × the sum of the widths). */
export const sideBySide = <S extends Split.Split, D extends Dims>(
  features: Features<S, D>,
  modalities: ReadonlyArray<keyof D & string>
): Tensor.Tensor<"float64"> => {
  const parts = modalities.map((modality) => features.modalities[modality])
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
}

/** Labels as rows of zeros with a one (n × classes). */
export const oneHot = (labels: ArrayLike<number>, classes: number): Tensor.Tensor<"float64"> => {
  const out = new Float64Array(labels.length * classes)
  for (let i = 0; i < labels.length; i++) out[i * classes + labels[i]!] = 1
  return Tensor.float64([labels.length, classes], out)
}
