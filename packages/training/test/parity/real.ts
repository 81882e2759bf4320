/** The job of a case on real features: ResNet18 features of CREMA-D's test clips (n × 512 each, with labels). */
import type { Features } from "@igm/gradient"
import { type Safetensors, Tensor } from "@igm/tensor"
import type { Case, Job } from "./cases.ts"

const TRAIN = 365

/** The first clips train (30 batches and an incomplete one), the others select. Of numerics alone: the encoders saw them. */
export const realJob = ({ tensors }: Safetensors.Contents, of: Case): Job => {
  const labels = Int32Array.from(tensors["label"]!.data, Number)
  const part = <S extends "train" | "test">(
    split: S,
    from: number,
    to: number
  ): Features.Features<S, Features.Dims> => {
    const rows = Array.from({ length: to - from }, (_, i) => from + i)
    return {
      split,
      widths: Object.fromEntries(of.modalities.map((name) => [name, of.widths[0]])),
      classes: of.widths[3],
      ids: rows.map(String),
      labels: labels.slice(from, to),
      modalities: Object.fromEntries(
        of.modalities.map((name) => [name, Tensor.takeRows(tensors[name] as Tensor.Tensor<"float32">, rows)])
      )
    }
  }
  return { seed: 7, train: part("train", 0, TRAIN), select: part("test", TRAIN, labels.length) }
}
