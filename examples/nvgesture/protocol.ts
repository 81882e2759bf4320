/**
 * The protocol on NVGesture, for features of any width: turns of 50 epochs for depth, colour and optical flow, twice, as
 * the released code has them; the epoch is selected on validation samples.
 */
import type { Dataset } from "@igm/datasets"
import type { Encoder } from "@igm/encoders"
import { type Encode, Experiment } from "@igm/experiment"
import { Head, Ring, Selection } from "@igm/gradient"
import { compared, methods } from "../methods.ts"

/** The inputs of the example. */
export interface Given<D extends number, R extends number, F extends number> {
  readonly dataset: Dataset.Dataset<"depth" | "rgb" | "flow">
  readonly encoders: {
    readonly depth: Encoder.Encoder<D>
    readonly rgb: Encoder.Encoder<R>
    readonly flow: Encoder.Encoder<F>
  }
  readonly seed: number
  readonly views?: Encode.Views<"depth" | "rgb" | "flow"> | undefined
}

export const protocol = <const D extends number, const R extends number, const F extends number>(
  given: Given<D, R, F>
) => {
  const { dataset, encoders, seed, views } = given
  const { depth, rgb, flow } = encoders
  const options = {
    heads: {
      depth: Head.make(depth.width, 256, 64, 25),
      rgb: Head.make(rgb.width, 256, 64, 25),
      flow: Head.make(flow.width, 256, 64, 25)
    },
    ring: Ring.make(["depth", "rgb", "flow"], { rounds: 2, epochs: { depth: 50, rgb: 50, flow: 50 } }),
    selection: Selection.best("macroF1"),
    batch: 6,
    rho: { depth: 1e-15, rgb: 1e-15, flow: 1e-15 }
  }
  return Experiment.comparison({
    title: "NVGesture: 25 gestures in depth, colour and motion",
    dataset,
    encoders,
    views,
    methods: methods(options, { rho: 1e-15 }),
    compared,
    seeds: [seed, seed + 1, seed + 2]
  })
}
