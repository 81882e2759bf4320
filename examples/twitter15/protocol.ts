/**
 * The protocol on Twitter15, for features of any width: turns of 10 epochs for text and 30 for images, twice, with Adam, as
 * the released code has them; the epoch is selected on validation samples.
 */
import type { Dataset } from "@igm/datasets"
import type { Encoder } from "@igm/encoders"
import { type Encode, Experiment } from "@igm/experiment"
import { Head, Optimizer, Ring, Schedule, Selection } from "@igm/gradient"
import { compared, methods } from "../methods.ts"

/** The inputs of the example. */
export interface Given<T extends number, I extends number> {
  readonly dataset: Dataset.Dataset<"text" | "image">
  readonly encoders: { readonly text: Encoder.Encoder<T>; readonly image: Encoder.Encoder<I> }
  readonly seed: number
  readonly views?: Encode.Views<"text" | "image"> | undefined
  /** Adam at 1e-5 as released unless given: it hardly moves a head on frozen features in so few epochs. */
  readonly optimizer?: Optimizer.Optimizer
}

export const protocol = <const T extends number, const I extends number>(given: Given<T, I>) => {
  const { dataset, encoders, seed, views, optimizer = Optimizer.adamAsReleased } = given
  const { text, image } = encoders
  const options = {
    heads: { text: Head.make(text.width, 256, 64, 3), image: Head.make(image.width, 256, 64, 3) },
    ring: Ring.make(["text", "image"], { rounds: 2, epochs: { text: 10, image: 30 } }),
    selection: Selection.best("accuracy"),
    batch: 12,
    rho: { text: 1e-15, image: 1e-15 },
    optimizer
  }
  return Experiment.comparison({
    title: "Twitter15: what a tweet and its picture feel about somebody or something",
    dataset,
    encoders,
    views,
    methods: methods(options, {
      rho: 1e-15,
      switches: { mixup: { image: 0.9 }, schedule: Schedule.warmUpAsReleased }
    }),
    compared,
    seeds: [seed, seed + 1, seed + 2]
  })
}
