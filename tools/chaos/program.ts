/**
 * A small experiment whose encoder's file, recordings and τ are what its text says, so that any of them can be changed
 * between a run and its replay.
 */

/** What the program depends on. */
export interface Parts {
  readonly encoder: string
  readonly tau: string
}

/** The text of the program. */
export const text = ({ encoder, tau }: Parts): string => `
import { AvDigits } from "@igm/datasets"
import { DigitEncoders, Encoder } from "@igm/encoders"
import { Experiment } from "@igm/experiment"
import { Control, Head, Igm, Ring, Selection } from "@igm/gradient"
import { Digest } from "@igm/tensor"
import { readFileSync } from "node:fs"

export default Experiment.program(({ seed, speech }) => {
  const file = ${JSON.stringify(encoder)}
  const options = {
    heads: { audio: Head.make(128, 16, 8, 10), image: Head.make(128, 16, 8, 10) },
    ring: Ring.make(["audio", "image"], { rounds: 2, epochs: { audio: 2, image: 2 } }),
    selection: Selection.best("accuracy"),
    batch: 4,
    tau: ${tau},
    rho: 1e-10
  }
  return Experiment.make({
    name: "planted",
    title: "A small experiment",
    dataset: AvDigits.make({ seed, speech: { kind: "recordings", folder: speech ?? "nowhere" } }),
    encoders: {
      audio: Encoder.make({ ...DigitEncoders.audio, file, digest: Digest.ofBytes(readFileSync(file)) }),
      image: DigitEncoders.image
    },
    methods: [Igm.code(options), Control.lateFusion(options)],
    compared: ["IGM (code)"],
    seeds: [seed]
  })
})
`
