/** A small two-modality problem whose classes can be told from the features. */
import { type Features, Head, Ring, Selection } from "@igm/gradient"
import { Keyed, Tensor } from "@igm/tensor"

type Widths = { readonly audio: 8; readonly image: 6 }

export const CLASSES = 3

const features = <S extends "train" | "valid">(split: S, count: number): Features.Features<S, Widths> => {
  const stream = Keyed.stream(["fixture", split])
  const labels = Int32Array.from({ length: count }, () => Keyed.below(stream, CLASSES))
  const modality = (width: number) =>
    Tensor.float32(
      [count, width],
      Array.from({ length: count * width }, (_, i) =>
        Math.max(0, Keyed.normal(stream) + (i % width === labels[Math.floor(i / width)] ? 1.5 : 0))
      )
    )
  const modalities = { audio: modality(8), image: modality(6) }
  const ids = Array.from(labels, (_, i) => `${split}-${i}`)
  return { split, widths: { audio: 8, image: 6 }, classes: CLASSES, ids, labels, modalities }
}

export const job = (seed: number) => ({ seed, train: features("train", 130), select: features("valid", 60) })

export const options = (rho: number) => ({
  heads: { audio: Head.make(8, 10, 6, CLASSES), image: Head.make(6, 10, 6, CLASSES) },
  ring: Ring.make(["audio", "image"], { rounds: 2, epochs: { audio: 2, image: 2 } }),
  selection: Selection.best("accuracy"),
  batch: 12,
  rho
})
