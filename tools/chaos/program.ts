/**
 * A small experiment whose encoder's file, recordings and τ are what its text says, so that any of them can be changed
 * between a run and its replay.
 */

/** The parameters of the program. */
export interface Parts {
  readonly encoder: string
  readonly tau: string
}

/** The text of the program. */
export const text = ({ encoder, tau }: Parts): string => `
import { AvDigits, DigitEncoders } from "@igm/av-digits"
import { Encoder } from "@igm/encoders"
import { Args, Experiment } from "@igm/experiment"
import { Baselines, Head, Igm, Ring, Selection } from "@igm/gradient"
import { Digest } from "@igm/tensor"
import { Schema } from "effect"
import { readFileSync } from "node:fs"

export default Experiment.make("planted", {
  args: Schema.Struct({ seed: Args.seed, speech: Args.speech }),
  run: ({ seed, speech }) => {
  const file = ${JSON.stringify(encoder)}
  const options = {
    heads: { audio: Head.make(128, 16, 8, 10), image: Head.make(128, 16, 8, 10) },
    ring: Ring.make(["audio", "image"], { rounds: 2, epochs: { audio: 2, image: 2 } }),
    selection: Selection.best("accuracy"),
    batch: 4,
    tau: ${tau},
    rho: 1e-10
  }
  return Experiment.comparison({
    title: "A small experiment",
    dataset: AvDigits.make({ seed, speech: { kind: "recordings", folder: speech ?? "nowhere" } }),
    encoders: {
      audio: Encoder.make({ ...DigitEncoders.audio, file, digest: Digest.ofBytes(readFileSync(file)) }),
      image: DigitEncoders.image
    },
    methods: [Igm.code(options), Baselines.lateFusion(options)],
    compared: ["IGM (code)"],
    seeds: [seed]
  })
}})
`
