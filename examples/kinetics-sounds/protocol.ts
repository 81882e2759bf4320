/**
 * The protocol on Kinetics-Sounds, for features of any width: turns of 25 epochs for audio and 50 for video, twice, as the
 * released code has them; the epoch is selected on validation samples.
 */
import type { Dataset } from "@igm/datasets"
import type { Encoder } from "@igm/encoders"
import { type Encode, Experiment } from "@igm/experiment"
import { Head, Ring, Selection } from "@igm/gradient"
import { compared, methods } from "../methods.ts"

/** The inputs of the example. */
export interface Given<A extends number, V extends number> {
  readonly dataset: Dataset.Dataset<"audio" | "video">
  readonly encoders: { readonly audio: Encoder.Encoder<A>; readonly video: Encoder.Encoder<V> }
  readonly seed: number
  readonly views?: Encode.Views<"audio" | "video"> | undefined
}

export const protocol = <const A extends number, const V extends number>({
  dataset,
  encoders,
  seed,
  views
}: Given<A, V>) => {
  const { audio, video } = encoders
  const options = {
    heads: { audio: Head.make(audio.width, 256, 64, 31), video: Head.make(video.width, 256, 64, 31) },
    ring: Ring.make(["audio", "video"], { rounds: 2, epochs: { audio: 25, video: 50 } }),
    selection: Selection.best("macroF1"),
    batch: 12,
    rho: { audio: 1e-10, video: 1e-15 }
  }
  return Experiment.comparison({
    title: "Kinetics-Sounds: 31 actions, heard and seen",
    dataset,
    encoders,
    views,
    methods: methods(options, { rho: 1e-10 }),
    compared,
    seeds: [seed, seed + 1, seed + 2]
  })
}
