/**
 * The plain baselines that every table shows beside IGM, with the same optimizer, the same schedule and the same number
 * of epochs for each modality, so that a difference is due to the method.
 */
import type { Split } from "@igm/tensor"
import * as Alternating from "./Alternating.ts"
import type { Dims } from "./Features.ts"
import * as Head from "./Head.ts"
import * as Igm from "./Igm.ts"
import type { Method } from "./Method.ts"
import * as Schedule from "./Schedule.ts"

const plain = <D extends Dims, Classes extends number, S extends Split.Split>(options: Igm.Options<D, Classes, S>) => ({
  batch: options.batch,
  optimizer: options.optimizer ?? Igm.sgd,
  schedule: Schedule.divideOnPlateau,
  turnStart: { weights: "last", optimizer: "carried" } as const,
  sharpness: { kind: "none" } as const,
  modification: null,
  mixup: {},
  fusion: "mean" as const,
  selection: options.selection
})

/** The same turns as `Igm.paper` without gradient modification and sharpness; the mean of the heads' softmaxes. */
export const lateFusion = <const D extends Dims, const Classes extends number, S extends Split.Split>(
  options: Igm.Options<D, Classes, S>
): Method<D, S> =>
  Alternating.make({
    name: "late fusion",
    description: "the same turns, without gradient modification and sharpness; mean of softmaxes",
    heads: Igm.headsOf(options.heads),
    turns: Igm.turnsOf(options.ring),
    settings: plain(options)
  })

/** One head on the modalities' features side by side, for as many epochs as each modality has in turns. */
export const jointHead = <const D extends Dims, const Classes extends number, S extends Split.Split>(
  options: Igm.Options<D, Classes, S>
): Method<D, S> => {
  const modalities = options.ring.order
  const heads = modalities.map((modality) => options.heads[modality])
  const [, ...rest] = heads[0]!.widths
  const width = heads.reduce((total, head) => total + head.in, 0)
  const epochs = Math.max(...modalities.map((modality) => options.ring.rounds * options.ring.epochs[modality]))
  return Alternating.make({
    name: "joint head",
    description: "one head on concatenated features",
    heads: { joint: { head: Head.make(width, ...(rest as [number])), reads: modalities } },
    turns: [{ head: "joint", epochs }],
    settings: plain(options)
  })
}

/** One modality's head alone, for as many epochs as it has in turns. */
export const alone = <const D extends Dims, const Classes extends number, S extends Split.Split>(
  options: Igm.Options<D, Classes, S>,
  modality: keyof D & string
): Method<D, S> =>
  Alternating.make({
    name: `${modality} alone`,
    description: `the ${modality} head alone`,
    heads: { [modality]: { head: options.heads[modality], reads: [modality] } },
    turns: [{ head: modality, epochs: options.ring.rounds * options.ring.epochs[modality] }],
    settings: plain(options)
  })
